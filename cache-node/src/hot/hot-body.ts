/**
 * The body of a hot answer: parts of pages that lie open, lent one by one. A page that has left memory is
 * read and verified anew; where it is not good any more, the home gives the rest.
 */
import type { FileSlice, SlicedBody } from '@forebay/core/pieces';
import { type HotFile, hotReadBytes } from './hot-files.ts';

/** Of a page that lies in memory, or in a file. */
export interface HotPart {
  readonly page: Uint8Array | HotFile;
  readonly start: number;
  readonly endExclusive: number;
}

export interface HotBodyOptions {
  readonly parts: readonly HotPart[];
  /** Hears of bytes that went to the client, and where they lay. */
  readonly onServed: (source: 'memory' | 'disk', bytes: number) => void;
  /** The rest of the body, from so many bytes on, as the home has it. The page did not hold. */
  readonly restFromHome: (afterBytes: number, badPart: number) => Promise<AsyncIterator<Uint8Array>>;
}

export class HotBody implements SlicedBody {
  readonly #options: HotBodyOptions;
  #part = 0;
  /** Into the part. */
  #at = 0;
  #sentBytes = 0;
  #buffer: Buffer | undefined;
  #rest: AsyncIterator<Uint8Array> | undefined;
  #done = false;

  constructor(options: HotBodyOptions) {
    this.#options = options;
    for (const { page } of options.parts) if (!(page instanceof Uint8Array)) page.lend();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  nextSlice(): Uint8Array | FileSlice | undefined | Promise<Uint8Array | FileSlice | undefined> {
    const part = this.#current();
    if (!part) return this.#rest && !this.#done ? this.#fromRest() : undefined;
    const { page, start, endExclusive } = part;
    const slice =
      page instanceof Uint8Array
        ? page.subarray(start, endExclusive)
        : page.slice(start + this.#at, endExclusive);
    if (!slice) return this.#read(part);
    const bytes = slice instanceof Uint8Array ? slice.byteLength : slice.lengthBytes;
    this.#advance(bytes, part);
    return slice;
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
    this.#end();
    await this.#rest?.return?.();
    return { done: true, value: undefined };
  }

  #current(): HotPart | undefined {
    if (this.#done || this.#rest) return undefined;
    const part = this.#options.parts[this.#part];
    if (!part) this.#end();
    return part;
  }

  async #read(part: HotPart): Promise<Uint8Array | undefined> {
    const { page, start, endExclusive } = part as HotPart & { page: HotFile };
    this.#buffer ??= Buffer.allocUnsafeSlow(hotReadBytes);
    let bytes: Uint8Array;
    // Also where the body is left meanwhile.
    page.lend();
    try {
      bytes = await page.read(start + this.#at, endExclusive, this.#buffer);
    } catch {
      this.#rest = await this.#options.restFromHome(this.#sentBytes, this.#part);
      if (!this.#done) return this.#fromRest();
      await this.#rest.return?.();
      return undefined;
    } finally {
      page.release();
    }
    this.#advance(bytes.byteLength, part);
    return bytes;
  }

  /** The part stays open until the next piece is asked for. */
  #advance(bytes: number, { page, start, endExclusive }: HotPart): void {
    this.#at += bytes;
    this.#sentBytes += bytes;
    this.#options.onServed(page instanceof Uint8Array ? 'memory' : 'disk', bytes);
    if (start + this.#at < endExclusive) return;
    this.#part += 1;
    this.#at = 0;
  }

  async #fromRest(): Promise<Uint8Array | undefined> {
    const { done, value } = await this.#rest!.next();
    if (done) this.#end();
    return done ? undefined : value;
  }

  /** Files stay lent to the end: the last slice is in use until then. */
  #end(): void {
    if (this.#done) return;
    this.#done = true;
    for (const { page } of this.#options.parts) if (!(page instanceof Uint8Array)) page.release();
  }
}
