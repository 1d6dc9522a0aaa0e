/**
 * The body of one answer, handed over piece by piece: a piece is valid until the next one is asked for. While
 * nobody asks, the connection is paused, so that at most a piece and the socket's own buffer are read ahead.
 */
import type { ReadBuffers } from './read-buffers.ts';

/** With so little left, reading it costs less than a new connection. */
const drainMaxBytes = 64 * 1024;

/** Where the bytes come from. */
export interface BodySource {
  resume(): void;
  /** The consumer waits for bytes. */
  waiting(): void;
  /** Nobody wants the rest; `drain`: it is read and thrown away, so that the connection serves on. */
  left(drain: boolean): void;
}

interface Piece {
  readonly bytes: Uint8Array;
  readonly buffer: Buffer;
}

export class ResponseBody implements AsyncIterableIterator<Uint8Array> {
  /** What content-length announced; undefined where it was absent. */
  readonly announcedBytes: number | undefined;
  readonly #source: BodySource;
  readonly #buffers: ReadBuffers;
  readonly #pieces: Piece[] = [];
  /** Of the piece that the consumer has. */
  #handed: Buffer | undefined;
  #waiting: PromiseWithResolvers<IteratorResult<Uint8Array>> | undefined;
  #receivedBytes = 0;
  #state: 'open' | 'ended' | 'failed' | 'returned' = 'open';
  #error: unknown;

  constructor(
    source: BodySource,
    { announcedBytes, buffers }: { announcedBytes: number | undefined; buffers: ReadBuffers },
  ) {
    this.#source = source;
    this.#buffers = buffers;
    this.announcedBytes = announcedBytes;
  }

  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  get hasWaiting(): boolean {
    return this.#waiting !== undefined;
  }

  /** From the connection: the next piece, in a buffer that is the body's from now on. Whether to read on. */
  push(bytes: Uint8Array, buffer: Buffer): boolean {
    this.#receivedBytes += bytes.byteLength;
    if (this.#state !== 'open') {
      this.#buffers.give(buffer);
      return true;
    }
    const waiting = this.#waiting;
    if (!waiting) {
      this.#pieces.push({ bytes, buffer });
      return false;
    }
    this.#waiting = undefined;
    this.#handed = buffer;
    waiting.resolve({ done: false, value: bytes });
    return true;
  }

  /** From the connection: all is there. */
  end(): void {
    if (this.#state === 'open') this.#state = 'ended';
    this.#settle();
  }

  /** From the connection: no more will come. Pieces that are here already are still handed over first. */
  fail(error: unknown): void {
    if (this.#state !== 'open') return;
    this.#state = 'failed';
    this.#error = error;
    const waiting = this.#waiting;
    if (!waiting) return;
    this.#waiting = undefined;
    this.#state = 'returned';
    waiting.reject(error);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    if (this.#waiting) throw new Error('the body is read by two at once');
    this.#giveBack();
    const piece = this.#pieces.shift();
    if (piece) {
      this.#handed = piece.buffer;
      if (this.#pieces.length === 0 && this.#state === 'open') this.#source.resume();
      return { done: false, value: piece.bytes };
    }
    if (this.#state === 'failed') {
      this.#state = 'returned';
      throw this.#error;
    }
    if (this.#state !== 'open') return { done: true, value: undefined };
    this.#waiting = Promise.withResolvers();
    this.#source.waiting();
    return this.#waiting.promise;
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    const wasOpen = this.#state === 'open';
    this.#state = 'returned';
    this.#settle();
    this.#giveBack();
    for (const { buffer } of this.#pieces.splice(0)) this.#buffers.give(buffer);
    if (wasOpen) {
      const announced = this.announcedBytes;
      this.#source.left(announced !== undefined && announced - this.#receivedBytes < drainMaxBytes);
    }
    return { done: true, value: undefined };
  }

  #giveBack(): void {
    const handed = this.#handed;
    this.#handed = undefined;
    if (handed) this.#buffers.give(handed);
  }

  #settle(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.resolve({ done: true, value: undefined });
  }
}
