/**
 * A body whose first piece is already here: errors up to it are the open's, and a body of one piece is no
 * stream.
 */
import type { ByteRange } from '@forebay/core/range';

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
    if (first.value.byteLength === range.endExclusive - range.start) {
      await body.next();
      return first.value;
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
