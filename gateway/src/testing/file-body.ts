/** A body on a file: lends parts of it, or pieces of one buffer that is spoiled after each loan. */
import type { FileSlice, SlicedBody } from '@forebay/core/pieces';

export class FileBody implements SlicedBody {
  readonly #file: number;
  readonly #content: Buffer;
  readonly #sliceBytesMax: number;
  readonly #buffer: Buffer;
  #at: number;
  readonly #end: number;
  /** Of the slice that is lent. */
  #lentBytes = 0;
  slices = 0;
  pieces = 0;
  returned = false;
  /** What pieces are read from fails from now on. */
  piecesFail = false;

  constructor(options: {
    readonly file: number;
    /** What the file holds, or held. */
    readonly content: Buffer;
    readonly start: number;
    readonly end: number;
    readonly sliceBytesMax: number;
  }) {
    this.#file = options.file;
    this.#content = options.content;
    this.#at = options.start;
    this.#end = options.end;
    this.#sliceBytesMax = options.sliceBytesMax;
    this.#buffer = Buffer.alloc(options.sliceBytesMax);
  }

  get lengthBytes(): number {
    return this.#end - this.#at;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#takeBack();
    if (this.#at === this.#end) return { done: true, value: undefined };
    if (this.piecesFail) throw new Error('the rest cannot be read');
    const lengthBytes = Math.min(this.#sliceBytesMax, this.#end - this.#at);
    this.#content.copy(this.#buffer, 0, this.#at, this.#at + lengthBytes);
    this.#at += lengthBytes;
    this.pieces += 1;
    return { done: false, value: this.#buffer.subarray(0, lengthBytes) };
  }

  nextSlice(): FileSlice | Promise<Uint8Array | undefined> {
    this.#takeBack();
    const lengthBytes = Math.min(this.#sliceBytesMax, this.#end - this.#at);
    if (lengthBytes === 0) return Promise.resolve(undefined);
    this.slices += 1;
    this.#lentBytes = lengthBytes;
    return { file: this.#file, offset: this.#at, lengthBytes };
  }

  unread(lengthBytes: number): void {
    if (lengthBytes > this.#lentBytes) throw new Error('more is given back than was lent');
    this.#lentBytes -= lengthBytes;
    this.#takeBack();
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#takeBack();
    this.returned = true;
    return { done: true, value: undefined };
  }

  #takeBack(): void {
    this.#at += this.#lentBytes;
    this.#lentBytes = 0;
    this.#buffer.fill(0xff);
  }
}
