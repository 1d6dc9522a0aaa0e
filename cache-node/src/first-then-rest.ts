/**
 * A body whose first piece is already here: errors up to it are the open's, and a small body of one
 * piece is no stream.
 */
import type { ByteRange } from '@forebay/core/range';

/** Larger bodies are streams, also of one piece, so that they are not copied once more. */
const keptBytesMax = 64 * 1024;

export class FirstThenRest implements AsyncIterableIterator<Uint8Array> {
  #first: Uint8Array | undefined;
  readonly #rest: AsyncIterableIterator<Uint8Array>;

  private constructor(first: Uint8Array, rest: AsyncIterableIterator<Uint8Array>) {
    this.#first = first;
    this.#rest = rest;
  }

  /** The bytes where the first piece is all of the range, else a stream that begins with it. */
  static async of(
    body: AsyncIterableIterator<Uint8Array>,
    range: ByteRange,
  ): Promise<Uint8Array | AsyncIterable<Uint8Array>> {
    const first = await body.next();
    if (first.done) return new Uint8Array(0);
    const lengthBytes = range.endExclusive - range.start;
    if (first.value.byteLength === lengthBytes && lengthBytes <= keptBytesMax) {
      // The piece is lent, and what is no stream is the reader's for ever.
      const kept = Buffer.from(first.value);
      await body.next();
      return kept;
    }
    return new FirstThenRest(first.value, body);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<Uint8Array, undefined>> {
    const first = this.#first;
    if (!first) return this.#rest.next();
    this.#first = undefined;
    return Promise.resolve({ done: false, value: first });
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#first = undefined;
    await this.#rest.return?.();
    return { done: true, value: undefined };
  }
}
