/** A body whose first bytes are in memory, and whose others come turn by turn, as those of a fill do. */
import type { SlicedBody } from '@forebay/core/pieces';

export class BegunBody implements SlicedBody {
  readonly #bytes: Buffer;
  readonly #pieceBytes: number;
  readonly #failure: Error | undefined;
  #at = 0;
  isReturned = false;

  /** @param failure what comes in place of the second piece */
  constructor(bytes: Buffer, pieceBytes: number, failure: Error | undefined) {
    this.#bytes = bytes;
    this.#pieceBytes = pieceBytes;
    this.#failure = failure;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  nextSlice(): Uint8Array | Promise<Uint8Array | undefined> {
    if (this.#at === 0) return this.#take();
    if (this.#failure) return Promise.reject(this.#failure);
    return new Promise((resolve) => {
      setImmediate(() => resolve(this.#at < this.#bytes.length ? this.#take() : undefined));
    });
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    const value = await this.nextSlice();
    return value ? { done: false, value } : { done: true, value };
  }

  unread(): void {
    throw new Error('no file was lent');
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.isReturned = true;
    return { done: true, value: undefined };
  }

  #take(): Uint8Array {
    const start = this.#at;
    this.#at = Math.min(start + this.#pieceBytes, this.#bytes.length);
    return this.#bytes.subarray(start, this.#at);
  }
}
