/** A UFS body cut to the range that the client asked for: the way of everything that is not cached. */
import type { ByteRange } from '@forebay/core/range';
import type { UfsObject } from './ufs.ts';

export class DirectBody implements AsyncIterableIterator<Uint8Array> {
  readonly #iterator: AsyncIterator<Uint8Array>;
  readonly #onBytes: (count: number) => void;
  /** The UFS sends nothing after the range: reading to its end lets the connection serve on. */
  readonly #endsWithRange: boolean;
  #skipBytes: number;
  #leftBytes: number;

  /** `range` lies within what the UFS sends. */
  constructor(opened: UfsObject, range: ByteRange, onBytes: (count: number) => void) {
    this.#iterator = opened.body[Symbol.asyncIterator]();
    this.#skipBytes = range.start - opened.range.start;
    this.#leftBytes = range.endExclusive - range.start;
    this.#endsWithRange = opened.range.endExclusive === range.endExclusive;
    this.#onBytes = onBytes;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    while (this.#leftBytes > 0) {
      const { done, value } = await this.#iterator.next();
      if (done) break;
      const from = Math.min(this.#skipBytes, value.byteLength);
      this.#skipBytes -= from;
      const bytes = value.subarray(from, from + this.#leftBytes);
      if (bytes.byteLength === 0) continue;
      this.#leftBytes -= bytes.byteLength;
      this.#onBytes(bytes.byteLength);
      return { done: false, value: bytes };
    }
    if (this.#endsWithRange) await this.#iterator.next();
    return this.return();
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#leftBytes = 0;
    await this.#iterator.return?.();
    return { done: true, value: undefined };
  }
}
