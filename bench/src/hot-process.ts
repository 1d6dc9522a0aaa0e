/**
 * The other side of hot-client.ts: sends requests that were signed beforehand over bare sockets, one at a
 * time on each. Every connection checks the bytes of its first answers, and the status and length of all.
 */
import { connect, type Socket } from 'node:net';
import {
  amzDateOf,
  canonicalRequest,
  emptySha256,
  hmacSha256Hex,
  SigningKeys,
  stringToSign,
} from '@forebay/core/sigv4';
import { isContent } from 'forebay/bench/content';
import type { HotAnswer, HotJob, HotOrder, HotResult } from './hot-client.ts';

const headEnd = Buffer.from('\r\n\r\n');
const buffer = Buffer.allocUnsafe(256 * 1024);
const checkedAnswers = 4;
const region = 'us-east-1';

process.on('message', (order: HotOrder) => {
  void run(order).then(tell, (error: unknown) => tell({ failed: String(error) }));
});

function tell(answer: HotAnswer): void {
  process.send?.(answer);
}

async function run(order: HotOrder): Promise<HotResult> {
  const heads = Array.from({ length: order.objects }, (_, object) => Buffer.from(headOf(order, object)));
  const startedMs = performance.now();
  const untilMs = startedMs + order.durationMs;
  const counts = await Promise.all(
    Array.from({ length: order.connections }, (_, number) => new Lane(order, heads, number).run(untilMs)),
  );
  const requests = counts.reduce((sum, count) => sum + count, 0);
  return { requests, elapsedMs: performance.now() - startedMs };
}

/** As an SDK sends it, with the headers that all of them have. */
function headOf({ accessKey, secretKey, method, port, signed }: HotJob, object: number): string {
  const path = `/bench/${object}`;
  const host = `127.0.0.1:${port}`;
  const amzDate = amzDateOf(Date.now());
  const scope = `${amzDate.slice(0, 8)}/${region}/s3/aws4_request`;
  const plain = [
    `${method} ${path} HTTP/1.1`,
    `host: ${host}`,
    'accept: */*',
    'user-agent: forebay-bench/1.0',
    'accept-encoding: identity',
    'connection: keep-alive',
  ];
  if (!signed) return `${plain.join('\r\n')}\r\n\r\n`;
  const headers = [
    ['host', host],
    ['x-amz-content-sha256', emptySha256],
    ['x-amz-date', amzDate],
  ] as const;
  const canonical = canonicalRequest({ method, path, query: '', headers, payloadHash: emptySha256 });
  const key = new SigningKeys().get(secretKey, amzDate.slice(0, 8), region);
  const signature = hmacSha256Hex(key, stringToSign(amzDate, scope, canonical));
  const authorization =
    `AWS4-HMAC-SHA256 Credential=${accessKey}/${scope}, ` +
    `SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=${signature}`;
  const more = [`x-amz-content-sha256: ${emptySha256}`, `x-amz-date: ${amzDate}`];
  return `${[...plain, ...more, `authorization: ${authorization}`].join('\r\n')}\r\n\r\n`;
}

/** One connection. Lanes share one buffer: what a read brings is looked at before the next. */
class Lane {
  readonly #job: HotJob;
  readonly #heads: readonly Buffer[];
  readonly #socket: Socket;
  readonly #ended = Promise.withResolvers<number>();
  #object: number;
  #untilMs = 0;
  #answers = 0;
  /** Of the body that is being read; undefined while the head is. */
  #leftBytes: number | undefined;
  #head: Buffer | undefined;

  constructor(job: HotJob, heads: readonly Buffer[], number: number) {
    this.#job = job;
    this.#heads = heads;
    this.#object = number % heads.length;
    const onread = { buffer, callback: (count: number) => this.#take(buffer.subarray(0, count)) };
    this.#socket = connect({ port: job.port, host: '127.0.0.1', noDelay: true, onread });
    this.#socket.on('error', (error) => this.#ended.reject(error));
    this.#socket.on('close', () => this.#ended.reject(new Error('the server closed a connection')));
  }

  /** The number of answers until then. */
  run(untilMs: number): Promise<number> {
    this.#untilMs = untilMs;
    this.#socket.write(this.#heads[this.#object]!);
    return this.#ended.promise;
  }

  #take(bytes: Buffer): boolean {
    try {
      let rest: Buffer | undefined = bytes;
      if (this.#leftBytes === undefined) rest = this.#takeHead(bytes);
      if (rest) this.#takeBody(rest);
    } catch (error) {
      this.#ended.reject(error);
      this.#socket.destroy();
    }
    return true;
  }

  #takeHead(bytes: Buffer): Buffer | undefined {
    const all: Buffer = this.#head ? Buffer.concat([this.#head, bytes]) : bytes;
    const end = all.indexOf(headEnd);
    if (end < 0) {
      this.#head = Buffer.from(all);
      return undefined;
    }
    this.#head = undefined;
    const head = all.toString('latin1', 0, end);
    const isGood =
      head.startsWith('HTTP/1.1 200 ') && head.includes(`content-length: ${this.#job.sizeBytes}\r\n`);
    if (!isGood) throw new Error(`an unexpected answer:\n${head}\n${all.toString('latin1', end)}`);
    this.#leftBytes = this.#job.method === 'HEAD' ? 0 : this.#job.sizeBytes;
    return all.subarray(end + headEnd.length);
  }

  #takeBody(bytes: Buffer): void {
    const offset = this.#job.sizeBytes - this.#leftBytes!;
    if (this.#answers < checkedAnswers && !isContent(bytes, this.#object, offset)) {
      throw new Error(`wrong bytes in object ${this.#object} at ${offset}`);
    }
    this.#leftBytes! -= bytes.length;
    if (this.#leftBytes! > 0) return;
    this.#leftBytes = undefined;
    this.#answers += 1;
    if (performance.now() >= this.#untilMs) {
      this.#ended.resolve(this.#answers);
      this.#socket.destroy();
      return;
    }
    this.#object = (this.#object + 1) % this.#heads.length;
    this.#socket.write(this.#heads[this.#object]!);
  }
}
