/**
 * One request and its answer on one connection of the pool: undici's handler, which tells what had been sent when
 * something failed. Lives from dispatch until the body has ended, failed or been returned.
 */
import type { HeaderList } from '@forebay/core/object';
import type { Dispatcher } from 'undici';
import type { WireBody } from './request-body.ts';
import { ResponseBody } from './response-body.ts';

/** How much of the request the socket had when it failed. `part`: without its last byte, so it cannot count. */
export type Sent = 'nothing' | 'part' | 'all';

/** No answer, or no whole head of one. */
export class NoAnswerError extends Error {
  readonly sent: Sent;
  constructor(sent: Sent, cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.name = 'NoAnswerError';
    this.sent = sent;
  }

  /** Code of the socket or of undici: `ECONNREFUSED`, `UND_ERR_HEADERS_TIMEOUT`, ... */
  get code(): string {
    const { cause } = this;
    return cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  }
}

export interface WireAnswer {
  readonly status: number;
  /** Lower-case names, values one character per byte. */
  readonly headers: HeaderList;
  readonly body: ResponseBody;
  /** Whether all of the request had been sent when the answer began. */
  readonly sent: Sent;
}

interface ExchangeOptions {
  readonly body: WireBody | undefined;
  readonly signal: AbortSignal | undefined;
  /** The connection is free again, whatever became of the request. */
  readonly onDone: () => void;
}

export class Exchange implements Dispatcher.DispatchHandler {
  readonly #options: ExchangeOptions;
  readonly #head = Promise.withResolvers<WireAnswer>();
  #controller: Dispatcher.DispatchController | undefined;
  #body: ResponseBody | undefined;
  #sentBytes = 0;
  #sent: Sent = 'nothing';
  #done = false;

  constructor(options: ExchangeOptions) {
    this.#options = options;
    options.signal?.addEventListener('abort', this.#onAbort);
  }

  /** Resolves with the head of the answer; rejects with NoAnswerError. */
  get answer(): Promise<WireAnswer> {
    return this.#head.promise;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#options.signal?.aborted) controller.abort(asError(this.#options.signal.reason));
  }

  onBodySent(piece: Uint8Array): void {
    this.#sentBytes += piece.byteLength;
    const { body } = this.#options;
    this.#sent = !body || this.#sentBytes === body.contentLength ? 'all' : 'part';
  }

  onRequestSent(): void {
    this.#sent = 'all';
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    if (status < 200) return;
    const headers = headerListOf(controller.rawHeaders);
    this.#body = new ResponseBody(controller, announcedBytes(headers));
    this.#head.resolve({ status, headers, body: this.#body, sent: this.#sent });
  }

  onResponseData(_controller: Dispatcher.DispatchController, piece: Uint8Array): void {
    this.#body?.push(piece);
  }

  onResponseEnd(): void {
    this.#body?.end();
    this.#finish();
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    // An aborted signal's reason is what the caller knows, not the socket's end that it caused.
    const { signal } = this.#options;
    const cause = signal?.aborted ? signal.reason : error;
    this.#head.reject(new NoAnswerError(this.#sent, cause));
    this.#body?.fail(cause);
    this.#finish();
  }

  readonly #onAbort = () => {
    const reason: unknown = this.#options.signal?.reason;
    // Still in the pool's queue or connecting: the caller is free at once, the slot when undici lets go.
    this.#head.reject(new NoAnswerError(this.#sent, reason));
    this.#body?.fail(reason);
    this.#controller?.abort(asError(reason));
  };

  #finish(): void {
    if (this.#done) return;
    this.#done = true;
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    this.#options.body?.stop();
    this.#options.onDone();
  }
}

function headerListOf(raw: Dispatcher.DispatchController['rawHeaders']): HeaderList {
  const headers: [string, string][] = [];
  if (!Array.isArray(raw)) return headers;
  for (let index = 0; index + 1 < raw.length; index += 2) {
    headers.push([latin1(raw[index]!).toLowerCase(), latin1(raw[index + 1]!)]);
  }
  return headers;
}

function latin1(bytes: Buffer | string): string {
  return typeof bytes === 'string' ? bytes : bytes.toString('latin1');
}

function announcedBytes(headers: HeaderList): number | undefined {
  const value = headers.find(([name]) => name === 'content-length')?.[1];
  return value !== undefined && /^\d{1,15}$/.test(value) ? Number(value) : undefined;
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
