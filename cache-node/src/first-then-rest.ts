/**
 * A body whose first piece is already here: errors up to it are the open's, and a small body of one
 * piece is no stream.
 */
import type { SlicedBody } from '@forebay/core/pieces';
import type { ByteRange } from '@forebay/core/range';

/** Larger bodies are streams, also of one piece, so that they are not copied once more. */
const keptBytesMax = 64 * 1024;

export class FirstThenRest implements SlicedBody {
  #first: Uint8Array | undefined;
  readonly #rest: SlicedBody;

  private constructor(first: Uint8Array, rest: SlicedBody) {
    this.#first = first;
    this.#rest = rest;
  }

  /** The bytes where the first piece is all of the range, else a stream whose first piece is at hand. */
  static async of(body: SlicedBody, range: ByteRange): Promise<Uint8Array | SlicedBody> {
    const first = await body.nextSlice();
    if (first === undefined) return new Uint8Array(0);
    if (!(first instanceof Uint8Array)) {
      body.unread(first.lengthBytes);
      return body;
    }
    const lengthBytes = range.endExclusive - range.start;
    if (first.byteLength === lengthBytes && lengthBytes <= keptBytesMax) {
      // The piece is lent, and what is no stream is the reader's for ever.
      const kept = Buffer.from(first);
      await body.next();
      return kept;
    }
    return new FirstThenRest(first, body);
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

  nextSlice(): ReturnType<SlicedBody['nextSlice']> {
    const first = this.#first;
    if (!first) return this.#rest.nextSlice();
    this.#first = undefined;
    return first;
  }

  unread(lengthBytes: number): void {
    this.#rest.unread(lengthBytes);
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#first = undefined;
    await this.#rest.return?.();
    return { done: true, value: undefined };
  }
}
