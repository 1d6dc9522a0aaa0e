/**
 * One request and its answer on one connection of the pool: undici's handler, which tells what had been
 * sent when something failed. Lives from dispatch until the body has ended, failed or been returned.
 */
import type { HeaderList } from '@forebay/core/object';
import type { Dispatcher } from 'undici';
import { asError, NoAnswerError, type Sent } from './no-answer.ts';
import { ResponseBody } from './response-body.ts';

export interface WireAnswer {
  readonly status: number;
  /** Lower-case names, values one character per byte. */
  readonly headers: HeaderList;
  readonly body: ResponseBody;
}

export class Exchange implements Dispatcher.DispatchHandler {
  readonly #signal: AbortSignal | undefined;
  readonly #onDone: () => void;
  readonly #head = Promise.withResolvers<WireAnswer>();
  #controller: Dispatcher.DispatchController | undefined;
  #body: ResponseBody | undefined;
  #sent: Sent = 'nothing';
  #done = false;

  /** @param onDone called once the connection is free again, whatever became of the request */
  constructor(signal: AbortSignal | undefined, onDone: () => void) {
    this.#signal = signal;
    this.#onDone = onDone;
    signal?.addEventListener('abort', this.#onAbort);
  }

  /** Resolves with the head of the answer; rejects with NoAnswerError. */
  get answer(): Promise<WireAnswer> {
    return this.#head.promise;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#signal?.aborted) controller.abort(asError(this.#signal.reason));
  }

  onBodySent(): void {
    this.#sent = 'all';
  }

  onRequestSent(): void {
    this.#sent = 'all';
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    if (status < 200) return;
    const headers = headerListOf(controller.rawHeaders);
    this.#body = new ResponseBody(controller, announcedBytes(headers));
    this.#head.resolve({ status, headers, body: this.#body });
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
    const cause = this.#signal?.aborted ? this.#signal.reason : error;
    this.#head.reject(new NoAnswerError(this.#sent, cause));
    this.#body?.fail(cause);
    this.#finish();
  }

  readonly #onAbort = () => {
    const reason: unknown = this.#signal?.reason;
    // Still in the pool's queue or connecting: the caller is free at once, the slot when undici lets go.
    this.#head.reject(new NoAnswerError(this.#sent, reason));
    this.#body?.fail(reason);
    this.#controller?.abort(asError(reason));
  };

  #finish(): void {
    if (this.#done) return;
    this.#done = true;
    this.#signal?.removeEventListener('abort', this.#onAbort);
    this.#onDone();
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
