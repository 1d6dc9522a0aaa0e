/**
 * A fill: one UFS request that brings a run of neighbouring missing pages, shared by all who read them.
 *
 * It runs at most `aheadPages` before its furthest reader, and one page where the store would not keep what
 * runs ahead. When its last reader leaves, the page in flight is finished and kept, and the rest is not asked
 * for; the same where its readers want no more for a while, or have enough for now while others wait for a
 * connection. No client waits for the disk. What goes ahead of readers is sent when its first page has room.
 */
import { ForebayError } from '@forebay/core/errors';
import { pageLengthBytes } from '@forebay/core/page';
import type { UfsObject } from '@forebay/ufs/ufs';
import { originOf, type UfsOrigin } from '@forebay/ufs/ufs-origin';
import type { PagedObject } from '../page-store/paged-object.ts';
import type { Amplification } from './amplification.ts';
import type { Urgency } from './byte-budget.ts';
import { asFillError, skipBytesOf } from './fill-answers.ts';
import { chunkPagesOf, comesInChunks, type FillContext, lastPagesOf, turnPagesOf } from './fill-context.ts';
import { FillPause } from './fill-pause.ts';
import { FillReaders } from './fill-readers.ts';
import type { FillRun } from './fill-run.ts';
import { type FillHandle, type FillReader, type FlightEnd, PageFlight } from './page-flight.ts';
import { holdPage } from './page-room.ts';
import { type PageSource, pagedObjectOf } from './page-source.ts';

export class Fill implements FillHandle {
  readonly source: PageSource;
  /** First page this fill will not bring. Shrinks where the run meets pages that others brought meanwhile. */
  endPage: number;
  /** Of what has come so far, what did so from other nodes. */
  peerBytes = 0;
  ufsBytes = 0;
  readonly #context: FillContext;
  readonly #object: PagedObject;
  readonly #amplification: Amplification | undefined;
  readonly #readers = new FillReaders();
  /** Registered flights, in page order; the first is being filled. */
  readonly #flights: PageFlight[] = [];
  readonly #lingering = new Set<PageFlight>();
  #plannedEnd: number;
  readonly #run: FillRun;
  #urgency: Urgency;
  /** Up to here others should not be asked. */
  #reservedEnd = 0;
  #isOver = false;
  #origin: UfsOrigin = 'ufs';
  /** Whether the store keeps these pages, as far as one knows. */
  #keeps: boolean;
  readonly #pause = new FillPause();

  /**
   * Registers the first flights at once, in the caller's tick. The first page must be neither stored nor in
   * flight.
   */
  constructor(source: PageSource, run: FillRun, context: FillContext) {
    this.source = source;
    this.#object = pagedObjectOf(source);
    if (!run.uncounted) this.#amplification = context.amplifications.of(source.object.mount);
    this.endPage = run.endExclusive;
    this.#run = run;
    this.#plannedEnd = run.first;
    this.#urgency = run.urgency;
    this.#context = context;
    this.#keeps = context.store.couldStore(this.#object, this.#lengthOf(run.first));
    this.#plan();
  }

  /** Whether it is this fill that brings the page, or has brought it. */
  brings(index: number): boolean {
    return index >= this.#run.first && index < this.#plannedEnd;
  }

  get versionId(): string | undefined {
    return this.source.object.versionId;
  }

  attach(reader: FillReader): void {
    this.#readers.add(reader);
    this.#plan();
    this.#pause.wake();
  }

  detach(reader: FillReader): void {
    if (!this.#readers.delete(reader)) return;
    this.#dropPassed();
    const first = this.#flights[0]?.share;
    if (this.#readers.count === 0 && first?.urgency === 'ahead' && first.state === 'waiting') {
      this.#context.budget.release(first);
    }
    this.#pause.wake();
  }

  reserve(endPage: number): void {
    if (endPage <= this.#reservedEnd) return;
    this.#reservedEnd = endPage;
    this.#plan();
  }

  moved(): void {
    this.#dropPassed();
    this.#plan();
    this.#promote();
    this.#pause.wake();
  }

  urge(): void {
    this.#urgency = 'demand';
    this.#promote();
  }

  /**
   * Brings the pages. `open` sends the UFS request, or hands over the answer of one already sent. Never
   * throws.
   */
  async run(open: () => Promise<UfsObject>): Promise<void> {
    const context = this.#context;
    context.fillsRunning += 1;
    let end: FlightEnd = { kind: 'stopped' };
    try {
      if (this.#urgency === 'demand' || (await this.#holdFirst())) await this.#take(await open());
    } catch (error) {
      end = { kind: 'failed', error: asFillError(error) };
      const changed = end.error instanceof ForebayError && end.error.kind === 'version-changed';
      // Before its readers hear of it: who reads again must not be told of the old version.
      if (changed) context.onChanged(this.source.object, this.source.info);
      context.metrics.fillsStopped.inc({ reason: changed ? 'changed' : 'failed' });
    } finally {
      context.fillsRunning -= 1;
      this.#isOver = true;
      for (const flight of this.#flights.splice(0)) {
        flight.finish(end);
        this.#drop(flight);
      }
    }
  }

  /** Room for the first page before anything is sent; false where nobody wants it any more. */
  async #holdFirst(): Promise<boolean> {
    const flight = this.#flights[0];
    if (flight && this.#readers.count > 0 && (await this.#hold(flight)) && this.#readers.count > 0)
      return true;
    return this.#left();
  }

  async #take(opened: UfsObject): Promise<void> {
    const iterator = opened.body[Symbol.asyncIterator]();
    let leftBytes = opened.range.endExclusive - opened.range.start;
    try {
      const start = (this.#flights[0]?.page.index ?? 0) * this.source.pageSizeBytes;
      let skipBytes = skipBytesOf(opened, this.source, start);
      while (this.#flights.length > 0) {
        const { done, value } = await iterator.next();
        if (done) throw new ForebayError('ufs-unavailable', 'the UFS sent less than it announced');
        leftBytes -= value.byteLength;
        this.#origin = originOf(opened);
        if (this.#origin === 'peer') this.peerBytes += value.byteLength;
        else this.ufsBytes += value.byteLength;
        if (this.#origin === 'ufs') this.#amplification?.fetched(value.byteLength);
        if (skipBytes > 0 && skipBytes >= value.byteLength) {
          // A store that ignores ranges may be far from the first page: not worth it for nobody.
          if (this.#readers.count === 0) return void this.#left();
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
      if (!flight.isHeld && !((await this.#mayStart(flight)) && (await this.#hold(flight)))) return false;
      rest = rest.subarray(flight.append(rest, this.#origin));
      if (flight.filledBytes === flight.lengthBytes) this.#complete(flight);
    }
    return true;
  }

  /** A buffer for the page, as soon as the budget has room; false where the wait was given up. */
  #hold(flight: PageFlight): Promise<boolean> {
    const { budget, pool } = this.#context;
    const { queue } = this.source.ufs;
    return holdPage(flight, this.#urgencyOf(flight.page.index), { budget, pool, queue });
  }

  /** Demand is what a reader waits for, in this page or through it; what lies ahead of all of them is not. */
  #urgencyOf(index: number): Urgency {
    if (this.#urgency === 'ahead') return 'ahead';
    if (index === this.#run.first) return 'demand';
    return this.#readers.reach(index) ? 'demand' : 'ahead';
  }

  #promote(): void {
    const flight = this.#flights[0];
    if (flight?.share?.urgency !== 'ahead') return;
    if (this.#urgencyOf(flight.page.index) === 'demand') this.#context.budget.promote(flight.share);
  }

  /** Waits until somebody wants this page; false where nobody does. The first page needs no reader. */
  async #mayStart(flight: PageFlight): Promise<boolean> {
    const { index } = flight.page;
    const { queue } = this.source.ufs;
    for (;;) {
      if (this.#readers.count === 0 && index !== this.#run.first) return this.#left();
      if (this.#readers.count === 0) return true;
      const isWanted = index < this.#readers.wantedEnd(!this.#keeps);
      // Others have nothing yet: the reader of this one goes on behind them.
      const isTurnOver = index >= this.#run.first + turnPagesOf(this.source.pageSizeBytes);
      if (queue.waiting > 0 && (!isWanted || isTurnOver)) return this.#left('crowded');
      if (isWanted) return true;
      if (!(await this.#pause.over(queue, this.#context.pauseMaxMs))) return this.#left('paused');
    }
  }

  #left(reason: 'left' | 'crowded' | 'paused' = 'left'): false {
    this.#context.metrics.fillsStopped.inc({ reason });
    return false;
  }

  #complete(flight: PageFlight): void {
    this.#flights.shift();
    const stored = this.#context.store.put(flight.page, flight.bytes, this.#object);
    this.#plan();
    this.#tellLastPart();
    flight.finish({ kind: 'done' });
    void stored.then((kept) => {
      this.#keeps = kept;
      if (kept || !this.#readers.await(flight.page.index)) this.#drop(flight);
      else this.#linger(flight);
    });
  }

  #tellLastPart(): void {
    const leftPages = this.endPage - (this.#flights[0]?.page.index ?? this.endPage);
    if (leftPages <= lastPagesOf(this.#context, this.source.pageSizeBytes)) this.#run.onLastPart?.();
  }

  #linger(flight: PageFlight): void {
    this.#lingering.add(flight);
    this.#context.lingering.add(flight, () => {
      this.#lingering.delete(flight);
      this.#drop(flight);
    });
    this.#context.budget.reclaimable();
  }

  #dropPassed(): void {
    for (const flight of this.#lingering) {
      if (!this.#readers.await(flight.page.index)) this.#context.lingering.drop(flight);
    }
  }

  #drop(flight: PageFlight): void {
    this.#context.flights.delete(flight.page);
    flight.release(this.#context.pool, this.#context.budget);
  }

  /**
   * Registers the flights that are wanted, so that readers of nearby pages wait here and send nothing
   * themselves. To a far store others go for what lies beyond this chunk.
   */
  #plan(): void {
    if (this.#isOver) return;
    const { flights, store } = this.#context;
    const { set, pageSizeBytes, ufs } = this.source;
    const at = this.#flights[0]?.page.index ?? this.#plannedEnd;
    const chunkPages = chunkPagesOf(this.#context, pageSizeBytes);
    const wantedEnd = comesInChunks(this.#context, ufs)
      ? Math.floor(at / chunkPages + 1) * chunkPages
      : this.#readers.wantedEnd(!this.#keeps);
    const planEnd = Math.min(this.endPage, Math.max(at + 1, wantedEnd, this.#reservedEnd));
    while (this.#plannedEnd < planEnd) {
      const page = { set, index: this.#plannedEnd };
      if (flights.get(page) || store.has(page)) {
        this.endPage = this.#plannedEnd;
        return;
      }
      const flight = new PageFlight(page, this.#lengthOf(page.index), this);
      this.#flights.push(flight);
      flights.add(page, flight);
      this.#plannedEnd += 1;
    }
  }

  #lengthOf(index: number): number {
    const { info, pageSizeBytes } = this.source;
    return pageLengthBytes(index, info.sizeBytes, pageSizeBytes);
  }
}
