/**
 * A fill: one UFS request that brings a run of neighbouring missing pages, shared by all who read them.
 *
 * It runs at most `aheadPages` before its furthest reader. When its last reader leaves, the page in flight is
 * finished and kept, and the rest is not asked for; the same where its readers want no more for a while. No
 * client waits for the disk.
 */
import { assert, ForebayError, isUfsAnswer } from '@forebay/core/errors';
import { versionOf } from '@forebay/core/object';
import { pageLengthBytes } from '@forebay/core/page';
import type { UfsObject } from '@forebay/ufs/ufs';
import type { PagedObject } from '../page-store/paged-object.ts';
import type { FillContext } from './fill-context.ts';
import { type FillHandle, type FillReader, type FlightEnd, PageFlight } from './page-flight.ts';
import { type PageSource, pagedObjectOf } from './page-source.ts';

export class Fill implements FillHandle {
  readonly source: PageSource;
  /** First page this fill will not bring. Shrinks where the run meets pages that others brought meanwhile. */
  endPage: number;
  readonly #context: FillContext;
  readonly #readers = new Set<FillReader>();
  /** Registered flights, in page order; the first is being filled. */
  readonly #flights: PageFlight[] = [];
  #plannedEnd: number;
  readonly #firstPage: number;
  readonly #object: PagedObject;
  #wake: (() => void) | undefined;

  /**
   * Registers the first flights at once, in the caller's tick. The first page must be neither stored nor in
   * flight.
   */
  constructor(source: PageSource, pages: { first: number; endExclusive: number }, context: FillContext) {
    this.source = source;
    this.#object = pagedObjectOf(source);
    this.endPage = pages.endExclusive;
    this.#firstPage = pages.first;
    this.#plannedEnd = pages.first;
    this.#context = context;
    this.#plan();
  }

  /** Whether it is this fill that brings the page, or has brought it. */
  brings(index: number): boolean {
    return index >= this.#firstPage && index < this.#plannedEnd;
  }

  get versionId(): string | undefined {
    return this.source.object.versionId;
  }

  attach(reader: FillReader): void {
    this.#readers.add(reader);
    this.#wakeUp();
  }

  detach(reader: FillReader): void {
    if (!this.#readers.delete(reader)) return;
    this.#wakeUp();
  }

  /** A reader's `wantedEnd` has grown. */
  wanted(): void {
    this.#wakeUp();
  }

  /**
   * Brings the pages. `open` sends the UFS request, or hands over the answer of one already sent. Never
   * throws.
   */
  async run(open: () => Promise<UfsObject>): Promise<void> {
    this.#context.fillsRunning += 1;
    let end: FlightEnd = { kind: 'stopped' };
    try {
      const opened = await open();
      await this.#take(opened);
    } catch (error) {
      end = { kind: 'failed', error: asFillError(error) };
      const changed = isChanged(end.error);
      // Before its readers hear of it: who reads again must not be told of the old version.
      if (changed) this.#context.onChanged(this.source.object, this.source.info);
      this.#context.metrics.fillsStopped.inc({ reason: changed ? 'changed' : 'failed' });
    } finally {
      this.#context.fillsRunning -= 1;
      for (const flight of this.#flights.splice(0)) {
        this.#context.flights.delete(flight.page);
        if (flight.buffer) this.#context.budget.release(flight.lengthBytes);
        flight.finish(end);
      }
    }
  }

  async #take(opened: UfsObject): Promise<void> {
    const iterator = opened.body[Symbol.asyncIterator]();
    let leftBytes = opened.range.endExclusive - opened.range.start;
    try {
      let skipBytes = this.#skipBytesOf(opened);
      while (this.#flights.length > 0) {
        const { done, value } = await iterator.next();
        if (done) throw new ForebayError('ufs-unavailable', 'the UFS sent less than it announced');
        leftBytes -= value.byteLength;
        if (skipBytes > 0 && skipBytes >= value.byteLength) {
          // A store that ignores ranges may be far from the first page: not worth it for nobody.
          if (this.#readers.size === 0) return this.#left();
          skipBytes -= value.byteLength;
          continue;
        }
        const goOn = await this.#deliver(skipBytes > 0 ? value.subarray(skipBytes) : value);
        skipBytes = 0;
        if (!goOn) return;
      }
      // Reading to the very end lets the connection serve the next request.
      if (leftBytes === 0) await iterator.next();
    } finally {
      await iterator.return?.();
    }
  }

  /** Puts bytes into the pages they belong to; false where the fill is to stop. */
  async #deliver(bytes: Uint8Array): Promise<boolean> {
    let rest = bytes;
    while (rest.byteLength > 0) {
      const flight = this.#flights[0];
      if (!flight) return false;
      if (!flight.buffer) {
        if (!(await this.#mayStart(flight))) return false;
        await this.#context.budget.acquire(flight.lengthBytes);
      }
      rest = rest.subarray(flight.append(rest));
      if (flight.filledBytes === flight.lengthBytes) this.#complete(flight);
    }
    return true;
  }

  /** Waits until somebody wants this page; false where nobody does. The first page needs no reader. */
  async #mayStart(flight: PageFlight): Promise<boolean> {
    for (;;) {
      if (this.#readers.size === 0 && flight.page.index !== this.#firstPage) {
        this.#left();
        return false;
      }
      if (this.#readers.size === 0 || flight.page.index < this.#wantedEnd()) return true;
      if (!(await this.#wokenInTime())) {
        this.#context.metrics.fillsStopped.inc({ reason: 'paused' });
        return false;
      }
    }
  }

  /**
   * False where the readers take their time: connections to the UFS are few, and not for one slow client to
   * keep. Its next page is a request of its own.
   */
  #wokenInTime(): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), this.#context.pauseMaxMs);
      timer.unref();
      this.#wake = () => {
        clearTimeout(timer);
        resolve(true);
      };
    });
  }

  #left(): void {
    this.#context.metrics.fillsStopped.inc({ reason: 'left' });
  }

  #complete(flight: PageFlight): void {
    this.#flights.shift();
    const context = this.#context;
    const buffer = flight.buffer;
    assert(buffer, 'a complete page has its bytes');
    const leave = () => {
      context.flights.delete(flight.page);
      context.budget.release(flight.lengthBytes);
    };
    const stored = context.store.put(flight.page, buffer, this.#object);
    this.#plan();
    flight.finish({ kind: 'done' });
    void stored.then(leave);
  }

  /** Registers flights ahead, so that readers of nearby pages wait here and send nothing themselves. */
  #plan(): void {
    const { flights, store, aheadPages } = this.#context;
    const { set, info, pageSizeBytes } = this.source;
    while (this.#flights.length <= aheadPages && this.#plannedEnd < this.endPage) {
      const page = { set, index: this.#plannedEnd };
      if (flights.get(page) || store.has(page)) {
        this.endPage = this.#plannedEnd;
        return;
      }
      const flight = new PageFlight(page, pageLengthBytes(page.index, info.sizeBytes, pageSizeBytes), this);
      this.#flights.push(flight);
      flights.add(page, flight);
      this.#plannedEnd += 1;
    }
  }

  /** Every UFS answer is checked before its first byte is used: version, total size, and where it starts. */
  #skipBytesOf(opened: UfsObject): number {
    const { info, pageSizeBytes } = this.source;
    if (versionOf(opened.info) !== versionOf(info)) {
      throw new ForebayError('version-changed', 'the object at the UFS is no longer the version asked for');
    }
    const first = this.#flights[0];
    const skipBytes = (first?.page.index ?? 0) * pageSizeBytes - opened.range.start;
    if (skipBytes < 0) throw new ForebayError('ufs-unavailable', 'the UFS answered with another range');
    return skipBytes;
  }

  #wantedEnd(): number {
    let end = 0;
    for (const reader of this.#readers) end = Math.max(end, reader.wantedEnd);
    return end;
  }

  #wakeUp(): void {
    this.#wake?.();
    this.#wake = undefined;
  }
}

function isChanged(error: unknown): boolean {
  return error instanceof ForebayError && error.kind === 'version-changed';
}

/**
 * On a fill, 412 and 404 mean that the version asked for is gone, and so does 416 where a store looks at the
 * range first: the range lies inside that version. What replaced it is for the next open to find.
 */
function asFillError(error: unknown): unknown {
  if (!isUfsAnswer(error) || ![404, 412, 416].includes(error.answer.status)) return error;
  return new ForebayError('version-changed', 'the version asked for is gone from the UFS', { cause: error });
}
