/**
 * A client's read of a byte range: pages in order from memory, from the flight that is filling them, from
 * disk, or from a fill of its own. Pieces are lent as they arrive: a slow reader holds one, never a page. A
 * fill that fails midway is taken up again at the exact offset, in the same version, a few times.
 */
import { assert, ForebayError, isKind } from '@forebay/core/errors';
import type { PageId } from '@forebay/core/page';
import type { FileSlice, SlicedBody } from '@forebay/core/pieces';
import type { ByteRange } from '@forebay/core/range';
import type { UfsObject } from '@forebay/ufs/ufs';
import type { ServedSource } from '../metrics.ts';
import type { FillContext } from './fill-context.ts';
import { FillWindow } from './fill-window.ts';
import { NarrowReads } from './narrow-reads.ts';
import type { FillHandle, FillReader, PageFlight } from './page-flight.ts';
import { type PagePart, partOf } from './page-part.ts';
import type { PageSource } from './page-source.ts';

/** Failed fills in a row, without a byte of progress, before the reader gives up. */
const failuresMax = 3;
/** What a slow reader of a page in flight holds at most. Larger pieces cost less each. */
const pieceBytesMax = 256 * 1024;
/** The first bytes of a long answer are waited for by somebody: copying more of them takes longer. */
const firstPieceBytesMax = 16 * 1024;
/** Shorter ones are best served in one piece. */
const longBytesMin = 64 * 1024;

export class PageReader implements SlicedBody, FillReader {
  pageIndex: number;
  wantedEnd = 0;
  readonly #source: PageSource;
  readonly #context: FillContext;
  readonly #signal: AbortSignal;
  readonly #start: number;
  readonly #endExclusive: number;
  readonly #window: FillWindow;
  readonly #narrow: NarrowReads;
  #offset: number;
  #failures = 0;
  /** The page whose result is counted already. */
  #countedPage = -1;
  #closed = false;
  #wake: (() => void) | undefined;
  /** Takes back the piece that is lent. */
  #takeBack: (() => void) | undefined;
  /** Bytes of the file slice that is lent: they count as served when it comes back. */
  #slicedBytes = 0;

  constructor(source: PageSource, range: ByteRange, context: FillContext, signal: AbortSignal) {
    this.#source = source;
    this.#context = context;
    this.#signal = signal;
    this.#start = range.start;
    this.#offset = range.start;
    this.#endExclusive = range.endExclusive;
    this.pageIndex = Math.floor(range.start / source.pageSizeBytes);
    const rangeEnd = Math.ceil(range.endExclusive / source.pageSizeBytes);
    this.#window = new FillWindow({ source, context, reader: this, rangeEnd });
    this.#narrow = new NarrowReads({ source, context, signal, endExclusive: range.endExclusive });
    // A signal that has aborted already tells nobody any more.
    if (signal.aborted) this.#closed = true;
    else signal.addEventListener('abort', this.#close, { once: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Goes along with a fill that is bringing this object; `own`: it was sent because of this reader. */
  join(fill: FillHandle, own: boolean): void {
    if (own) this.#window.adopt(fill);
    if (this.#closed) return;
    this.#want(this.pageIndex);
    // One that brings other pages would be kept going for nothing.
    if (fill.brings(this.pageIndex)) this.#window.follow(fill);
  }

  /** Takes the bytes of its range that its info came with. */
  adopt(opened: UfsObject): void {
    this.#narrow.adopt(this.#offset, opened);
  }

  /** The whole rest where it lies in one page in memory; then the reader is done. Costs no promise. */
  takeFromMemory(): Uint8Array | undefined {
    const part = this.#part();
    if (part.index * this.#source.pageSizeBytes + part.endExclusive < this.#endExclusive) return undefined;
    const page = this.#context.store.inMemory({ set: this.#source.set, index: part.index });
    if (page) this.#close();
    return page && this.#serve(page.subarray(part.start, part.endExclusive), part, 'memory');
  }

  /** Whether `nextSlice` has its next piece from memory or disk without waiting. Counts nothing. */
  isReadyNow(): boolean {
    const part = this.#part();
    if (this.#closed || this.#narrow.isOpen) return false;
    const { store } = this.#context;
    const page = { set: this.#source.set, index: part.index };
    return store.memory.has(page) || store.couldLend(page, part.start, part.endExclusive);
  }

  nextSlice(): Uint8Array | FileSlice | undefined | Promise<Uint8Array | FileSlice | undefined> {
    this.#giveBack();
    return this.#sliceNow() ?? this.next().then(({ value }) => value);
  }

  unread(lengthBytes: number): void {
    assert(lengthBytes <= this.#slicedBytes, 'only what is lent can be unread');
    this.#slicedBytes -= lengthBytes;
    this.#giveBack();
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#giveBack();
    while (!this.#closed && this.#offset < this.#endExclusive) {
      const bytes = await this.#nextPiece();
      if (bytes) return { done: false, value: bytes };
    }
    this.#close();
    this.#narrow.close();
    if (this.#offset < this.#endExclusive) throw new ForebayError('ufs-unavailable', 'the reader has left');
    return { done: true, value: undefined };
  }

  return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#close();
    this.#giveBack();
    this.#offset = this.#endExclusive;
    return Promise.resolve({ done: true, value: undefined });
  }

  wake(): void {
    this.#wake?.();
    this.#wake = undefined;
  }

  readonly #close = (): void => {
    if (!this.#closed) this.#signal.removeEventListener('abort', this.#close);
    this.#closed = true;
    this.#window.close();
    this.wake();
  };

  #giveBack(): void {
    this.#takeBack?.();
    this.#takeBack = undefined;
    const servedBytes = this.#slicedBytes;
    this.#slicedBytes = 0;
    this.#offset += servedBytes;
    if (servedBytes > 0) this.#countServed(servedBytes, 'disk');
    if (this.#narrow.isOver || this.#closed) this.#narrow.close();
  }

  /** What needs no waiting; undefined: something must be waited for, or it is the end. */
  #sliceNow(): Uint8Array | FileSlice | undefined {
    if (this.#closed || this.#narrow.isOpen || this.#offset >= this.#endExclusive) return undefined;
    const { store } = this.#context;
    const part = this.#part();
    const page = { set: this.#source.set, index: part.index };
    const inMemory = store.inMemory(page);
    if (inMemory) {
      this.#want(part.index);
      return this.#serve(inMemory.subarray(part.start, part.endExclusive), part, 'memory');
    }
    const lent = store.lend(page, part.start, part.endExclusive);
    if (!lent) return undefined;
    this.#noteUse(page);
    this.#want(part.index);
    this.#takeBack = () => lent.release();
    if ('bytes' in lent) return this.#serve(lent.bytes, part, 'disk');
    this.#count(part.index, 'hit');
    this.#slicedBytes = lent.slice.lengthBytes;
    return lent.slice;
  }

  /** Some bytes, or undefined: look again. */
  async #nextPiece(): Promise<Uint8Array | undefined> {
    const { store, flights } = this.#context;
    const part = this.#part();
    if (this.#narrow.isOpen) return this.#fromSpan(part);
    const page = { set: this.#source.set, index: part.index };
    this.#want(part.index);
    const inMemory = store.inMemory(page);
    if (inMemory) return this.#serve(inMemory.subarray(part.start, part.endExclusive), part, 'memory');
    const flight = flights.get(page);
    if (flight) return this.#fromFlight(flight, part);
    if (store.has(page)) return this.#fromDisk(part);
    if (this.#narrow.open(part, this.#offset, this.#window)) return this.#fromSpan(part);
    return this.#fromFlight(this.#window.start(part.index), part);
  }

  async #fromDisk(part: PagePart): Promise<Uint8Array | undefined> {
    const page = { set: this.#source.set, index: part.index };
    this.#noteUse(page);
    const slice = await this.#context.store.read(page, part.start, part.endExclusive);
    if (!slice) return undefined;
    if (this.#closed) {
      slice.release();
      return undefined;
    }
    this.#takeBack = () => slice.release();
    return this.#serve(slice.bytes, part, 'disk');
  }

  async #fromFlight(flight: PageFlight, part: PagePart): Promise<Uint8Array | undefined> {
    this.#window.follow(flight.fill);
    this.#count(part.index, this.#window.isOwn(flight.fill) ? 'miss' : 'coalesced');
    while (flight.filledBytes <= part.start && !flight.end && !this.#closed) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        flight.wait(this);
      });
    }
    if (this.#closed) return undefined;
    if (flight.isHeld && flight.filledBytes > part.start) {
      this.#failures = 0;
      return this.#serve(this.#copyOf(flight, part), part, flight.origin);
    }
    if (flight.end?.kind === 'failed') this.#onFailure(flight.end.error, flight.fill.versionId);
    return undefined;
  }

  /** Straight from the UFS, lent by its driver. */
  async #fromSpan(part: PagePart): Promise<Uint8Array | undefined> {
    this.#count(part.index, 'miss');
    try {
      const bytes = await this.#narrow.next();
      this.#failures = 0;
      return this.#serve(bytes, part, this.#narrow.origin);
    } catch (error) {
      if (!this.#closed) this.#onFailure(error, this.#source.object.versionId);
      return undefined;
    }
  }

  #copyOf(flight: PageFlight, { start, endExclusive }: PagePart): Uint8Array {
    const { pool } = this.#context;
    const bytes = flight.bytes.subarray(start, Math.min(endExclusive, start + this.#pieceBytesMax()));
    const buffer = pool.take(bytes.byteLength);
    buffer.set(bytes);
    this.#takeBack = () => pool.give(buffer);
    return buffer.subarray(0, bytes.byteLength);
  }

  #pieceBytesMax(): number {
    const isFirst = this.#offset === this.#start && this.#endExclusive - this.#start > longBytesMin;
    return isFirst ? firstPieceBytesMax : pieceBytesMax;
  }

  #onFailure(error: unknown, versionId: string | undefined): void {
    this.#failures += 1;
    // The version that is no longer current may well be there for who asks for it by its id.
    const concernsOthers = isKind(error, 'version-changed') && versionId !== this.#source.object.versionId;
    const mayRepeat = concernsOthers || isKind(error, 'ufs-unavailable');
    if (mayRepeat && this.#failures < failuresMax) return;
    this.#close();
    throw error;
  }

  #want(index: number): void {
    if (index === this.pageIndex && this.wantedEnd > 0) return;
    this.wantedEnd = this.#window.wantedEndAt(index);
    this.pageIndex = index;
    this.#window.moved();
  }

  #part(): PagePart {
    return partOf(this.#source, this.#offset, this.#endExclusive);
  }

  #serve(bytes: Uint8Array, part: PagePart, source: ServedSource): Uint8Array {
    this.#offset += bytes.byteLength;
    if (source === 'memory' || source === 'disk') this.#count(part.index, 'hit');
    this.#countServed(bytes.byteLength, source);
    return bytes;
  }

  #countServed(servedBytes: number, source: ServedSource): void {
    const { metrics, amplifications } = this.#context;
    const { mount } = this.#source.object;
    this.#window.took(servedBytes);
    metrics.bytesServed.inc({ source }, servedBytes);
    metrics.mountBytesServed.inc({ mount: mount.path }, servedBytes);
    amplifications.of(mount).served(servedBytes);
  }

  /** Once for this reader. What it had brought itself, and is behind with, is not asked for again by that. */
  #noteUse(page: PageId): void {
    if (this.#countedPage !== page.index && !this.#window.brought(page.index)) this.#context.store.used(page);
  }

  #count(index: number, result: 'hit' | 'coalesced' | 'miss'): void {
    if (this.#countedPage === index) return;
    this.#countedPage = index;
    this.#context.metrics.pageReads.inc({ result });
  }
}
