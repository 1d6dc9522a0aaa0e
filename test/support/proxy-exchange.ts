/**
 * One request through the counting proxy: to the server, and its answer back, with what a rule does to them.
 */
import { once } from 'node:events';
import { type IncomingMessage, type ServerResponse, request as sendRequest } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { errorXml, type OpenRecord, type ProxyRule, type ResponseHead } from './proxy-rules.ts';

/** One request and its answer. Every failure is thrown; the caller cuts the connection. */
export class Exchange {
  readonly #target: URL;
  readonly #rule: ProxyRule;
  readonly #record: OpenRecord;

  constructor(parts: { target: URL; rule: ProxyRule; record: OpenRecord }) {
    this.#target = parts.target;
    this.#rule = parts.rule;
    this.#record = parts.record;
  }

  async run(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const left = clientLeft(response);
    await Promise.race([this.#rule.hold?.pass(), left.promise]);
    if (this.#rule.delayMs) await Promise.race([wait(this.#rule.delayMs), left.promise]);
    if (this.#rule.answer) {
      left.check();
      this.#refuse(request, response, this.#rule.answer);
      return left.finished();
    }
    const upstream = this.#send(request, response);
    // The client's leaving ends the request at the server too, whatever stage it is in.
    left.promise.catch(() => upstream.request.destroy());
    const answer = await upstream.answer;
    if (this.#rule.loseAnswer) {
      for await (const _ of answer) left.check();
      throw new Error('the answer is lost');
    }
    const head: ResponseHead = { status: answer.statusCode ?? 502, rawHeaders: passed(answer.rawHeaders) };
    const shown = this.#rule.head?.(head) ?? head;
    response.writeHead(shown.status, [...shown.rawHeaders]);
    this.#record.status = shown.status;
    // A write to a client that is just going may never call back.
    await Promise.race([this.#body(answer, response), left.promise]);
    left.check();
    response.end();
    await left.finished();
  }

  #send(request: IncomingMessage, response: ServerResponse) {
    this.#record.answeredBy = 'server';
    const upstream = sendRequest({
      host: this.#target.hostname,
      port: this.#target.port,
      method: request.method,
      path: request.url,
      headers: passed(request.rawHeaders),
      setHost: false,
      agent: false,
    });
    upstream.on('continue', () => response.writeContinue());
    request.on('data', (bytes: Buffer) => {
      this.#record.requestBytes += bytes.length;
    });
    request.once('error', () => upstream.destroy());
    request.pipe(upstream);
    const answer = once(upstream, 'response').then(([message]) => message as IncomingMessage);
    // Errors after the answer has begun show as an aborted answer; this keeps them from ending the test
    // process.
    upstream.on('error', () => undefined);
    return { request: upstream, answer };
  }

  async #body(answer: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pauseAfter, cutAfterBytes, bytesPerSecond } = this.#rule;
    let paused = false;
    if (cutAfterBytes === 0) await cut(response);
    if (pauseAfter?.bytes === 0) await pauseAfter.call();
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      let rest = chunk;
      while (rest.length > 0) {
        const stops = [cutAfterBytes, paused ? undefined : pauseAfter?.bytes];
        const piece = rest.subarray(0, untilNext(stops, this.#record.responseBytes, bytesPerSecond));
        rest = rest.subarray(piece.length);
        if (bytesPerSecond) await wait((piece.length / bytesPerSecond) * 1000);
        await send(response, piece);
        this.#record.responseBytes += piece.length;
        if (this.#record.responseBytes === cutAfterBytes) await cut(response);
        if (!paused && this.#record.responseBytes === pauseAfter?.bytes) {
          paused = true;
          await pauseAfter.call();
        }
      }
    }
  }

  #refuse(
    request: IncomingMessage,
    response: ServerResponse,
    { status, code }: { status: number; code: string },
  ): void {
    request.resume();
    this.#record.status = status;
    const body = errorXml(code);
    response.writeHead(status, {
      'content-type': 'application/xml',
      'content-length': Buffer.byteLength(body),
    });
    response.end(request.method === 'HEAD' ? undefined : body);
  }
}

/**
 * `promise` rejects when the client closes its connection before the answer is complete; `finished` does too,
 * and resolves when it is.
 */
function clientLeft(response: ServerResponse) {
  const { promise, reject } = Promise.withResolvers<never>();
  const sent = Promise.withResolvers<void>();
  let gone = false;
  let done = false;
  promise.catch(() => undefined);
  response.once('finish', () => {
    done = true;
    sent.resolve();
  });
  response.once('close', () => {
    if (done) return;
    gone = true;
    reject(new Error('the client left'));
  });
  return {
    promise,
    finished: () => Promise.race([sent.promise, promise]),
    check: () => {
      if (gone) throw new Error('the client left');
    },
  };
}

/**
 * Length of the next piece: up to the next stop, and a twentieth of a second's worth where bandwidth is
 * limited.
 */
function untilNext(stops: (number | undefined)[], sent: number, bytesPerSecond: number | undefined): number {
  let length = bytesPerSecond ? Math.max(1, Math.ceil(bytesPerSecond / 20)) : Number.POSITIVE_INFINITY;
  for (const stop of stops) if (stop !== undefined && stop > sent) length = Math.min(length, stop - sent);
  return length;
}

async function send(response: ServerResponse, piece: Buffer): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    response.write(piece, (error) => (error ? reject(error) : resolve()));
  });
}

/** What was written so far goes out before the connection is cut. */
async function cut(response: ServerResponse): Promise<never> {
  response.flushHeaders();
  response.socket?.destroySoon();
  throw new Error('cut by a rule');
}

/** Headers that belong to the message, not to the one connection it came by. */
function passed(rawHeaders: readonly string[]): string[] {
  const kept: string[] = [];
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]!;
    if (/^(connection|keep-alive|proxy-connection)$/i.test(name)) continue;
    kept.push(name, rawHeaders[index + 1]!);
  }
  return kept;
}
