/**
 * A client's read of a byte range: pages in order from memory, from the flight that is filling them, from
 * disk, or from a fill of its own. Pieces are handed out as they arrive. A fill that fails midway is taken
 * up again at the exact offset, in the same version, a few times; then the error is the reader's.
 */
import { ForebayError, isKind } from '@forebay/core/errors';
import { pageLengthBytes, pagesOf } from '@forebay/core/page';
import type { ByteRange } from '@forebay/core/range';
import type { ServedSource } from '../metrics.ts';
import { Fill } from './fill.ts';
import type { FillContext } from './fill-context.ts';
import type { FillHandle, FillReader, PageFlight } from './page-flight.ts';
import type { PageSource } from './page-source.ts';

/** Bytes of one UFS request of a fill, so that one reader's run does not bind others for gigabytes. */
const fillBytesMax = 64 * 1024 * 1024;
/** Failed fills in a row, without a byte of progress, before the reader gives up. */
const failuresMax = 3;

interface PageSlice {
  readonly index: number;
  /** Inside the page. */
  readonly start: number;
  readonly endExclusive: number;
}

export class PageReader implements AsyncIterableIterator<Uint8Array>, FillReader {
  wantedEnd = 0;
  readonly #source: PageSource;
  readonly #context: FillContext;
  readonly #signal: AbortSignal;
  readonly #endExclusive: number;
  #offset: number;
  #fill: FillHandle | undefined;
  /** The fill that was sent because of this reader: its pages are misses, not somebody else's. */
  #ownFill: FillHandle | undefined;
  #failures = 0;
  /** The page whose result is counted already. */
  #countedPage = -1;
  #closed = false;

  constructor(source: PageSource, range: ByteRange, context: FillContext, signal: AbortSignal) {
    this.#source = source;
    this.#context = context;
    this.#signal = signal;
    this.#offset = range.start;
    this.#endExclusive = range.endExclusive;
    // A signal that has aborted already tells nobody any more.
    if (signal.aborted) this.#closed = true;
    else signal.addEventListener('abort', this.#close, { once: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /**
   * Goes along with a fill that is already bringing this object; `own`: it was sent because of this reader.
   */
  join(fill: FillHandle, own: boolean): void {
    if (own) this.#ownFill = fill;
    if (!this.#closed) this.#follow(fill, Math.floor(this.#offset / this.#source.pageSizeBytes));
  }

  /** The whole rest where it lies in one page in memory, and then the reader is done; costs no promise. */
  takeFromMemory(): Uint8Array | undefined {
    const slice = this.#slice();
    if (slice.index * this.#source.pageSizeBytes + slice.endExclusive < this.#endExclusive) return undefined;
    const bytes = this.#context.store.inMemory({ set: this.#source.set, index: slice.index });
    if (!bytes) return undefined;
    this.#close();
    return this.#serve(bytes, slice, 'memory');
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    while (!this.#closed && this.#offset < this.#endExclusive) {
      const bytes = await this.#nextPiece();
      if (bytes) return { done: false, value: bytes };
    }
    this.#close();
    if (this.#offset < this.#endExclusive) throw new ForebayError('ufs-unavailable', 'the reader has left');
    return { done: true, value: undefined };
  }

  return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#close();
    this.#offset = this.#endExclusive;
    return Promise.resolve({ done: true, value: undefined });
  }

  readonly #close = (): void => {
    this.#closed = true;
    this.#fill?.detach(this);
    this.#fill = undefined;
    this.#signal.removeEventListener('abort', this.#close);
  };

  /** Some bytes, or undefined: look again. */
  async #nextPiece(): Promise<Uint8Array | undefined> {
    const { store, flights } = this.#context;
    const slice = this.#slice();
    const page = { set: this.#source.set, index: slice.index };
    this.#advanceWanted(slice.index);
    const inMemory = store.inMemory(page);
    if (inMemory) return this.#serve(inMemory, slice, 'memory');
    const flight = flights.get(page);
    if (flight) return this.#fromFlight(flight, slice);
    if (store.has(page)) return this.#fromDisk(slice);
    const started = this.#startFill(slice.index);
    this.#ownFill = started.fill;
    return this.#fromFlight(started, slice);
  }

  async #fromDisk(slice: PageSlice): Promise<Uint8Array | undefined> {
    const page = { set: this.#source.set, index: slice.index };
    const found = await this.#context.store.read(page, slice.start, slice.endExclusive);
    if (!found || this.#closed) return undefined;
    const { byteLength } = found.bytes;
    const pieces = { ...slice, start: 0, endExclusive: byteLength };
    return this.#serve(found.bytes, pieces, 'disk');
  }

  async #fromFlight(flight: PageFlight, slice: PageSlice): Promise<Uint8Array | undefined> {
    if (this.#fill !== flight.fill) this.#follow(flight.fill, slice.index);
    this.#count(slice.index, flight.fill === this.#ownFill ? 'miss' : 'coalesced');
    while (flight.filledBytes <= slice.start && !flight.end && !this.#closed) {
      await flight.progress(this.#signal);
    }
    if (this.#closed) return undefined;
    if (flight.buffer && flight.filledBytes > slice.start) {
      this.#failures = 0;
      const endExclusive = Math.min(flight.filledBytes, slice.endExclusive);
      return this.#serve(flight.buffer, { ...slice, endExclusive }, 'ufs');
    }
    if (flight.end?.kind === 'failed') this.#onFailure(flight.end.error, flight.fill);
    return undefined;
  }

  #onFailure(error: unknown, fill: FillHandle): void {
    this.#failures += 1;
    // The version that is no longer current may well be there for who asks for it by its id.
    const concernsOthers =
      isKind(error, 'version-changed') && fill.versionId !== this.#source.object.versionId;
    const mayRepeat = concernsOthers || isKind(error, 'ufs-unavailable');
    if (mayRepeat && this.#failures < failuresMax) return;
    this.#close();
    throw error;
  }

  #startFill(firstPage: number): PageFlight {
    const { set, pageSizeBytes } = this.#source;
    const { store, flights } = this.#context;
    const lastEnd = pagesOf(
      { start: this.#offset, endExclusive: this.#endExclusive },
      pageSizeBytes,
    ).endExclusive;
    const runEnd = Math.min(lastEnd, firstPage + Math.max(1, Math.floor(fillBytesMax / pageSizeBytes)));
    let endExclusive = firstPage + 1;
    while (endExclusive < runEnd) {
      const page = { set, index: endExclusive };
      if (store.has(page) || flights.get(page)) break;
      endExclusive += 1;
    }
    return startFill(this.#source, { first: firstPage, endExclusive }, this.#context);
  }

  #follow(fill: FillHandle, index: number): void {
    this.#fill?.detach(this);
    this.#fill = fill;
    this.#advanceWanted(index);
    fill.attach(this);
  }

  #advanceWanted(index: number): void {
    const { pageSizeBytes } = this.#source;
    const lastEnd = Math.ceil(this.#endExclusive / pageSizeBytes);
    const wantedEnd = Math.min(lastEnd, index + 1 + this.#context.aheadPages);
    if (wantedEnd === this.wantedEnd) return;
    this.wantedEnd = wantedEnd;
    this.#fill?.wanted();
  }

  #slice(): PageSlice {
    const { pageSizeBytes, info } = this.#source;
    const index = Math.floor(this.#offset / pageSizeBytes);
    const pageStart = index * pageSizeBytes;
    const length = pageLengthBytes(index, info.sizeBytes, pageSizeBytes);
    return {
      index,
      start: this.#offset - pageStart,
      endExclusive: Math.min(length, this.#endExclusive - pageStart),
    };
  }

  #serve(page: Uint8Array, slice: PageSlice, source: ServedSource): Uint8Array {
    const bytes = page.subarray(slice.start, slice.endExclusive);
    this.#offset += bytes.byteLength;
    if (source !== 'ufs') this.#count(slice.index, 'hit');
    this.#context.metrics.bytesServed.inc({ source }, bytes.byteLength);
    return bytes;
  }

  #count(index: number, result: 'hit' | 'coalesced' | 'miss'): void {
    if (this.#countedPage === index) return;
    this.#countedPage = index;
    this.#context.metrics.pageReads.inc({ result });
  }
}

/** Sends one UFS request for a run of pages of a known version. The first page's flight. */
function startFill(
  source: PageSource,
  pages: { first: number; endExclusive: number },
  context: FillContext,
): PageFlight {
  const { pageSizeBytes, info, ufs, object, set } = source;
  const { ufsKey, versionId } = object;
  const start = pages.first * pageSizeBytes;
  const endExclusive = Math.min(pages.endExclusive * pageSizeBytes, info.sizeBytes);
  const fill = new Fill(source, pages, context);
  const flight = context.flights.get({ set, index: pages.first });
  void fill.run(() =>
    ufs.get(ufsKey, { range: { kind: 'span', start, endExclusive }, versionId, ifMatch: info.etag }),
  );
  return flight!;
}
