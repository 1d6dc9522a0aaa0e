/**
 * The body of a hot answer: parts of pages that lie open, lent one by one. A page that has left memory is
 * read and verified anew; where it is not good any more, or was closed before a slow client came to it, the
 * home gives the rest. No file is held open for a client.
 */
import { assert } from '@forebay/core/errors';
import type { FileSlice, SlicedBody } from '@forebay/core/pieces';
import type { BufferPool } from '../buffers/buffer-pool.ts';
import { type HotFile, hotReadBytes } from './hot-files.ts';

/** Of a page that lies in memory, or in a file. */
export interface HotPart {
  readonly page: Uint8Array | HotFile;
  readonly start: number;
  readonly endExclusive: number;
}

export interface HotBodyOptions {
  readonly parts: readonly HotPart[];
  readonly buffers: BufferPool;
  /** Hears of bytes that went to the client, and where they lay. */
  readonly onServed: (source: 'memory' | 'disk', bytes: number) => void;
  /**
   * The rest of the body, from so many bytes on, as the home has it.
   * @param badPart whose page is not good; undefined: it is just not open any more
   */
  readonly restFromHome: (
    afterBytes: number,
    badPart: number | undefined,
  ) => Promise<AsyncIterator<Uint8Array>>;
}

export class HotBody implements SlicedBody {
  readonly #options: HotBodyOptions;
  #part = 0;
  /** Into the part. */
  #at = 0;
  #usedBytes = 0;
  #lentBytes = 0;
  #buffer: Buffer | undefined;
  #isReading = false;
  #rest: AsyncIterator<Uint8Array> | undefined;
  #done = false;

  constructor(options: HotBodyOptions) {
    this.#options = options;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  nextSlice(): Uint8Array | FileSlice | undefined | Promise<Uint8Array | FileSlice | undefined> {
    const part = this.#current();
    if (!part) return this.#rest && !this.#done ? this.#fromRest() : undefined;
    const { page, start, endExclusive } = part;
    if (page instanceof Uint8Array) return this.#lend(page.subarray(start + this.#at, endExclusive));
    const slice = page.slice(start + this.#at, endExclusive);
    if (!slice) return this.#read(part);
    this.#lentBytes = slice.lengthBytes;
    return slice;
  }

  unread(lengthBytes: number): void {
    assert(lengthBytes <= this.#lentBytes, 'only what is lent can be unread');
    this.#lentBytes -= lengthBytes;
    this.#settle();
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    const part = this.#current();
    let value: Uint8Array | undefined;
    if (!part) value = this.#rest && !this.#done ? await this.#fromRest() : undefined;
    else if (part.page instanceof Uint8Array) value = this.nextSlice() as Uint8Array;
    else value = await this.#read(part);
    return value ? { done: false, value } : { done: true, value: undefined };
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    if (!this.#done) this.#settle();
    this.#end();
    await this.#rest?.return?.();
    return { done: true, value: undefined };
  }

  #current(): HotPart | undefined {
    if (this.#done || this.#rest) return undefined;
    this.#settle();
    const part = this.#options.parts[this.#part];
    if (!part) this.#end();
    return part;
  }

  async #read(part: HotPart): Promise<Uint8Array | undefined> {
    const { page, start, endExclusive } = part as HotPart & { page: HotFile };
    this.#buffer ??= this.#options.buffers.take(hotReadBytes);
    this.#isReading = true;
    try {
      return this.#lend(await page.read(start + this.#at, endExclusive, this.#buffer));
    } catch {
      this.#rest = await this.#options.restFromHome(this.#usedBytes, page.isClosed ? undefined : this.#part);
      if (!this.#done) return this.#fromRest();
      await this.#rest.return?.();
      return undefined;
    } finally {
      this.#isReading = false;
      if (this.#done) this.#giveBuffer();
    }
  }

  #lend(bytes: Uint8Array): Uint8Array {
    this.#lentBytes = bytes.byteLength;
    return bytes;
  }

  /** What was lent is used. */
  #settle(): void {
    const part = this.#options.parts[this.#part];
    if (!part || this.#lentBytes === 0) return;
    this.#options.onServed(part.page instanceof Uint8Array ? 'memory' : 'disk', this.#lentBytes);
    this.#at += this.#lentBytes;
    this.#usedBytes += this.#lentBytes;
    this.#lentBytes = 0;
    if (part.start + this.#at < part.endExclusive) return;
    this.#part += 1;
    this.#at = 0;
  }

  async #fromRest(): Promise<Uint8Array | undefined> {
    const { done, value } = await this.#rest!.next();
    if (done) this.#end();
    return done ? undefined : value;
  }

  #end(): void {
    this.#done = true;
    if (!this.#isReading) this.#giveBuffer();
  }

  #giveBuffer(): void {
    if (this.#buffer) this.#options.buffers.give(this.#buffer);
    this.#buffer = undefined;
  }
}
