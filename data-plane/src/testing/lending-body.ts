/**
 * A body that lends parts of a file as a cache node does: for one tick, sometimes at once and sometimes
 * later, and bytes in between. What is asked of it against its rules is an error.
 */
import type { FileSlice, SlicedBody } from '@forebay/core/pieces';
import type { ByteRange } from '@forebay/core/range';

export interface LentFile {
  readonly file: number;
  /** From 0 up to 1. */
  random(): number;
}

type Part = Uint8Array | FileSlice | undefined;

export class LendingBody implements SlicedBody {
  slices = 0;
  readonly #lent: LentFile;
  readonly #content: Buffer;
  readonly #onReturned: () => void;
  #at: number;
  readonly #endExclusive: number;
  #slice: FileSlice | undefined;
  #bytes = Buffer.alloc(0);
  #isReturned = false;

  constructor(lent: LentFile, content: Buffer, range: ByteRange, onReturned: () => void) {
    this.#lent = lent;
    this.#content = content;
    this.#at = range.start;
    this.#endExclusive = range.endExclusive;
    this.#onReturned = onReturned;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  nextSlice(): Part | Promise<Part> {
    if (this.#lent.random() < 0.7) return this.#next(this.#lent.random() < 0.8);
    return new Promise((resolve) => setImmediate(() => resolve(this.#next(this.#lent.random() < 0.8))));
  }

  unread(lengthBytes: number): void {
    if (!this.#slice || lengthBytes > this.#slice.lengthBytes) throw new Error('nothing of this was lent');
    this.#slice = undefined;
    this.#at -= lengthBytes;
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    const value = this.#next(false) as Uint8Array | undefined;
    return value === undefined ? { done: true, value } : { done: false, value };
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    if (!this.#isReturned) this.#onReturned();
    this.#isReturned = true;
    this.#bytes.fill(0xdb);
    return { done: true, value: undefined };
  }

  #next(lends: boolean): Part {
    this.#bytes.fill(0xdb);
    this.#slice = undefined;
    const lengthBytes = Math.min(
      this.#endExclusive - this.#at,
      1 + Math.floor(this.#lent.random() * 1_000_000),
    );
    if (this.#isReturned || lengthBytes === 0) return undefined;
    const offset = this.#at;
    this.#at += lengthBytes;
    if (lends) {
      this.#slice = { file: this.#lent.file, offset, lengthBytes };
      return this.#slice;
    }
    this.#bytes = Buffer.from(this.#content.subarray(offset, offset + lengthBytes));
    return this.#bytes;
  }
}
