/**
 * The body of one answer on its way from a node. Pieces are lent: a piece is valid until the next one is
 * asked for, or the body returned. What is read here is granted anew to the node, so that a slow reader holds
 * its window and no more.
 */
import { ForebayError } from '@forebay/core/errors';
import { ProtocolError } from '../wire/frame.ts';
import type { ReadBuffers } from '../wire/read-buffers.ts';

/** Where the bytes come from. */
export interface BodySource {
  /** So many bytes more may come. */
  grant(lengthBytes: number): void;
  /** Nobody wants the rest. */
  left(): void;
}

interface Piece {
  readonly bytes: Buffer;
  readonly buffer: Buffer;
}

type Result = IteratorResult<Uint8Array, undefined>;
const end: Result = { done: true, value: undefined };

export class RemoteBody implements AsyncIterableIterator<Uint8Array> {
  readonly #source: BodySource;
  readonly #buffers: ReadBuffers;
  readonly #grantBytes: number;
  readonly #pieces: Piece[] = [];
  /** What the reader has. */
  #lent: Piece | undefined;
  /** Read, and not granted anew. */
  #readBytes = 0;
  #missingBytes: number;
  #waiting: PromiseWithResolvers<Result> | undefined;
  #state: 'open' | 'ended' | 'failed' | 'returned' = 'open';
  #error: unknown;

  constructor(
    source: BodySource,
    options: { readonly lengthBytes: number; readonly windowBytes: number; readonly buffers: ReadBuffers },
  ) {
    this.#source = source;
    this.#buffers = options.buffers;
    this.#missingBytes = options.lengthBytes;
    this.#grantBytes = options.windowBytes / 2;
  }

  /** From the connection. @throws ProtocolError where the body is longer than it was said to be */
  push(bytes: Buffer, buffer: Buffer): void {
    this.#missingBytes -= bytes.length;
    if (this.#state !== 'open' || this.#missingBytes < 0) {
      this.#buffers.give(buffer);
      if (this.#missingBytes < 0) throw new ProtocolError('a body is longer than its range');
      return;
    }
    const piece = { bytes, buffer };
    const waiting = this.#waiting;
    if (!waiting) {
      this.#pieces.push(piece);
      return;
    }
    this.#waiting = undefined;
    this.#lent = piece;
    waiting.resolve({ done: false, value: bytes });
  }

  /** From the connection: that was all. @throws ProtocolError where it was not */
  end(): void {
    if (this.#missingBytes > 0) throw new ProtocolError('a body is shorter than its range');
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

  /** The client has left: who reads on gets an error. */
  abort(): void {
    if (this.#state !== 'open') return;
    this.#drop();
    this.fail(new ForebayError('ufs-unavailable', 'the reader has left'));
    this.#source.left();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Result> {
    if (this.#waiting) return Promise.reject(new Error('the body is read by two at once'));
    this.#giveBack();
    const piece = this.#pieces.shift();
    if (piece) {
      this.#lent = piece;
      return Promise.resolve({ done: false, value: piece.bytes });
    }
    if (this.#state === 'failed') {
      this.#state = 'returned';
      return Promise.reject(this.#error);
    }
    if (this.#state !== 'open') return Promise.resolve(end);
    this.#waiting = Promise.withResolvers();
    return this.#waiting.promise;
  }

  return(): Promise<Result> {
    const wasOpen = this.#state === 'open';
    this.#state = 'returned';
    this.#settle();
    if (this.#lent) this.#buffers.give(this.#lent.buffer);
    this.#lent = undefined;
    this.#drop();
    if (wasOpen) this.#source.left();
    return Promise.resolve(end);
  }

  #giveBack(): void {
    const lent = this.#lent;
    if (!lent) return;
    this.#lent = undefined;
    this.#buffers.give(lent.buffer);
    this.#readBytes += lent.bytes.length;
    if (this.#readBytes < this.#grantBytes || this.#state !== 'open') return;
    this.#source.grant(this.#readBytes);
    this.#readBytes = 0;
  }

  #drop(): void {
    for (const { buffer } of this.#pieces.splice(0)) this.#buffers.give(buffer);
  }

  #settle(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.resolve(end);
  }
}
