/**
 * One request whose body streams, and its answer. The body starts once the store said `100 Continue`, or
 * did not within its time; it stops as soon as an answer is there. Lives until the answer has ended or
 * something failed.
 */
import type { ClientRequest, IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
import type { HeaderList } from '@forebay/core/object';
import { asError, NoAnswerError, type Sent } from '../http1/no-answer.ts';
import type { S3Limits } from './limits.ts';
import type { WireBody } from './request-body.ts';

/** Answers to uploads are small documents. */
const answerMaxBytes = 64 * 1024;

/** Servers that stream bodies look at a request only once they hold so much of it (versitygw: 264 KiB). */
const lookBytes = 264 * 1024;

export interface UploadAnswer {
  readonly status: number;
  readonly headers: HeaderList;
  /** Undefined where it was cut or is too long. */
  readonly body: Buffer | undefined;
  readonly sent: Sent;
}

export interface UploadOptions {
  readonly request: ClientRequest;
  readonly body: WireBody;
  readonly pieces: AsyncIterable<Uint8Array>;
  /** Told of each piece that the system has taken. */
  readonly release: ((bytes: Uint8Array) => void) | undefined;
  /** How long to wait for `100 Continue`; undefined: the request does not ask for it. */
  readonly continueMs: number | undefined;
  /** How long to wait for a refusal once the store has the first 264 KiB; undefined: not at all. */
  readonly refusalMs: number | undefined;
  readonly limits: S3Limits;
  readonly signal: AbortSignal | undefined;
}

export class Upload {
  readonly #options: UploadOptions;
  readonly #answer = Promise.withResolvers<UploadAnswer>();
  readonly #ready = Promise.withResolvers<void>();
  #wakeWriter: (() => void) | undefined;
  #wakeOnHalt: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #givenBytes = 0;
  #sent: Sent = 'nothing';
  /** Nothing more is written: an answer is there, or there will be none. */
  #halted = false;
  #over = false;
  /** Whether the store left `100 Continue` unsaid for the whole wait. */
  continueMissed = false;

  constructor(options: UploadOptions) {
    this.#options = options;
    const { request, signal, limits } = options;
    request.on('socket', (socket) => {
      // Node writes a head that goes out alone as UTF-8; header values are bytes (S3-WIRE 75).
      socket.setDefaultEncoding('latin1');
      if (!socket.connecting) this.#connected();
      else socket.once(socket instanceof TLSSocket ? 'secureConnect' : 'connect', () => this.#connected());
    });
    request.on('continue', () => this.#start());
    request.on('response', (response) => void this.#onResponse(response));
    request.on('error', (error) => this.#fail(error));
    request.on('drain', () => this.#wakeWriter?.());
    signal?.addEventListener('abort', this.#onAbort);
    this.#arm(limits.connectTimeoutMs, 'no connection in time');
  }

  /** @throws NoAnswerError */
  async run(): Promise<UploadAnswer> {
    const { body, signal } = this.#options;
    void this.#write().catch((error: unknown) => this.#fail(error));
    try {
      return await this.#answer.promise;
    } finally {
      this.#over = true;
      this.#halt();
      clearTimeout(this.#timer);
      signal?.removeEventListener('abort', this.#onAbort);
      body.source.stop();
    }
  }

  #halt(): void {
    this.#halted = true;
    this.#ready.resolve();
    this.#wakeWriter?.();
    this.#wakeOnHalt?.();
  }

  #connected(): void {
    if (this.#halted) return;
    const { continueMs } = this.#options;
    clearTimeout(this.#timer);
    if (continueMs === undefined) {
      this.#start();
      return;
    }
    this.#timer = setTimeout(() => {
      this.continueMissed = true;
      this.#start();
    }, continueMs);
  }

  #start(): void {
    if (!this.#halted) clearTimeout(this.#timer);
    this.#ready.resolve();
  }

  async #write(): Promise<void> {
    await this.#ready.promise;
    if (this.#halted) return;
    const { request, body, pieces, release, limits } = this.#options;
    let waited = false;
    for await (const piece of pieces) {
      if (this.#halted) return;
      this.#givenBytes += piece.byteLength;
      this.#sent = this.#givenBytes === body.contentLength ? 'all' : 'part';
      const flushed = request.write(piece, release && ((error) => !error && release(piece)));
      if (!waited && this.#sent === 'part' && this.#givenBytes >= lookBytes) {
        waited = true;
        await this.#awaitRefusal();
      }
      if (this.#halted) return;
      if (flushed || !request.writableNeedDrain) continue;
      this.#arm(limits.bodyIdleTimeoutMs, 'the store takes no more of the body');
      await new Promise<void>((resolve) => {
        this.#wakeWriter = resolve;
      });
      if (this.#halted) return;
      clearTimeout(this.#timer);
    }
    if (this.#halted) return;
    this.#sent = 'all';
    request.end();
    this.#arm(limits.firstHeaderTimeoutMs, 'no answer in time');
  }

  async #awaitRefusal(): Promise<void> {
    const { refusalMs } = this.#options;
    if (refusalMs === undefined) return;
    const waited = Promise.withResolvers<void>();
    this.#wakeOnHalt = waited.resolve;
    const timer = setTimeout(waited.resolve, refusalMs);
    await waited.promise;
    clearTimeout(timer);
  }

  async #onResponse(response: IncomingMessage): Promise<void> {
    const sent = this.#sent;
    this.#halt();
    this.#arm(this.#options.limits.bodyIdleTimeoutMs, 'the answer does not end');
    const body = await collect(response);
    this.#answer.resolve({
      status: response.statusCode ?? 0,
      headers: headerListOf(response.rawHeaders),
      body,
      sent,
    });
    // The store is not waiting for the rest, or it is and must not get it as the start of another request.
    if (sent !== 'all' || body === undefined) this.#options.request.destroy();
  }

  #fail(error: unknown): void {
    // Its connection may carry another request by now.
    if (this.#over) return;
    const { signal, request } = this.#options;
    const cause = signal?.aborted ? signal.reason : error;
    this.#answer.reject(new NoAnswerError(this.#sent, cause));
    // A reset, not an end: some stores take the bytes before an early end for the whole object.
    const { socket } = request;
    if (socket && !(socket instanceof TLSSocket) && !socket.destroyed) socket.resetAndDestroy();
    request.destroy();
  }

  readonly #onAbort = () => this.#fail(asError(this.#options.signal?.reason));

  #arm(timeoutMs: number, reason: string): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#fail(new Error(reason)), timeoutMs);
  }
}

async function collect(response: IncomingMessage): Promise<Buffer | undefined> {
  const pieces: Buffer[] = [];
  let sizeBytes = 0;
  try {
    for await (const piece of response) {
      sizeBytes += piece.length;
      if (sizeBytes > answerMaxBytes) return undefined;
      pieces.push(piece);
    }
  } catch {
    return undefined;
  }
  return Buffer.concat(pieces);
}

function headerListOf(raw: readonly string[]): HeaderList {
  const headers: [string, string][] = [];
  for (let index = 0; index + 1 < raw.length; index += 2) {
    headers.push([raw[index]!.toLowerCase(), raw[index + 1]!]);
  }
  return headers;
}
