/**
 * The body of one answer, handed over piece by piece. While nobody asks, the connection is paused, so that
 * at most one piece and the socket's own buffer are read ahead. It owns its connection until it ends, fails
 * or is returned.
 */
import type { Dispatcher } from 'undici';

/** With so little left, reading it costs less than a new connection. */
const drainMaxBytes = 64 * 1024;

export class ResponseBody implements AsyncIterableIterator<Uint8Array> {
  /** What content-length announced; undefined where it was absent. */
  readonly announcedBytes: number | undefined;
  readonly #controller: Dispatcher.DispatchController;
  #pieces: Uint8Array[] = [];
  #waiting: PromiseWithResolvers<IteratorResult<Uint8Array>> | undefined;
  #receivedBytes = 0;
  #state: 'open' | 'ended' | 'failed' | 'returned' = 'open';
  #error: unknown;

  constructor(controller: Dispatcher.DispatchController, announcedBytes: number | undefined) {
    this.#controller = controller;
    this.announcedBytes = announcedBytes;
  }

  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  /** From the connection: the next piece. */
  push(piece: Uint8Array): void {
    this.#receivedBytes += piece.byteLength;
    if (this.#state === 'returned') return;
    if (this.#waiting) {
      this.#settle({ done: false, value: piece });
      return;
    }
    this.#pieces.push(piece);
    // With everything here the connection may go back to the pool.
    if (this.#receivedBytes !== this.announcedBytes) this.#controller.pause();
  }

  /** From the connection: all is there. */
  end(): void {
    if (this.#state === 'open') this.#state = 'ended';
    this.#settle({ done: true, value: undefined });
  }

  /** From the connection: no more will come. Pieces that are here already are still handed over first. */
  fail(error: unknown): void {
    if (this.#state !== 'open') return;
    this.#state = 'failed';
    this.#error = error;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.reject(error);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    if (this.#waiting) throw new Error('the body is read by two at once');
    const piece = this.#pieces.shift();
    if (piece) return { done: false, value: piece };
    if (this.#state === 'failed') {
      this.#state = 'returned';
      throw this.#error;
    }
    if (this.#state !== 'open') return { done: true, value: undefined };
    this.#waiting = Promise.withResolvers();
    const { promise } = this.#waiting;
    this.#controller.resume();
    return promise;
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    if (this.#state === 'open') {
      this.#state = 'returned';
      this.#settle({ done: true, value: undefined });
      if (this.announcedBytes !== undefined && this.announcedBytes - this.#receivedBytes < drainMaxBytes) {
        this.#controller.resume();
      } else {
        this.#controller.abort(new Error('the consumer has left'));
      }
    }
    this.#state = 'returned';
    this.#pieces = [];
    return { done: true, value: undefined };
  }

  #settle(result: IteratorResult<Uint8Array>): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.resolve(result);
  }
}

/**
 * The whole of a small body; undefined where it is longer than the limit, and then its connection is
 * closed.
 */
export async function collect(body: ResponseBody, limitBytes: number): Promise<Buffer | undefined> {
  const pieces: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const piece of body) {
    sizeBytes += piece.byteLength;
    if (sizeBytes > limitBytes) return undefined;
    pieces.push(piece);
  }
  return pieces.length === 1 ? Buffer.from(pieces[0]!) : Buffer.concat(pieces);
}
