/**
 * The fills that one reader goes along with: the one that is bringing its page, and where the store is far,
 * those that bring the next chunks of its range at the same time.
 */
import { ForebayError } from '@forebay/core/errors';
import { chunkPagesOf, comesInChunks, type FillContext, requestEndOf } from './fill-context.ts';
import type { FillRun } from './fill-run.ts';
import type { FillHandle, FillReader, PageFlight } from './page-flight.ts';
import { type PageSource, pagedObjectOf } from './page-source.ts';
import { ReaderPace } from './reader-pace.ts';
import { isMissing, sendFill } from './send-fill.ts';

export class FillWindow {
  readonly #source: PageSource;
  readonly #context: FillContext;
  readonly #reader: FillReader;
  /** First page behind the reader's range. */
  readonly #rangeEnd: number;
  readonly #pace: ReaderPace;
  readonly #followed = new Set<FillHandle>();
  /** Fills that were sent because of this reader: their pages are misses, not somebody else's. */
  readonly #own = new WeakSet<FillHandle>();
  /** Of its own, requests whose last part has not begun yet. */
  #running = 0;

  constructor(options: {
    readonly source: PageSource;
    readonly context: FillContext;
    readonly reader: FillReader;
    readonly rangeEnd: number;
  }) {
    this.#source = options.source;
    this.#context = options.context;
    this.#reader = options.reader;
    this.#rangeEnd = options.rangeEnd;
    this.#pace = new ReaderPace(options.context.clock);
  }

  /** The reader has handed on so many bytes. */
  took(bytes: number): void {
    this.#pace.took(bytes);
  }

  /** Up to where its fills may go (exclusive) while it is at this page. */
  wantedEndAt(index: number): number {
    const { pageSizeBytes } = this.#source;
    const aheadPages = this.#pace.aheadPages(pageSizeBytes, this.#context.aheadPages);
    return Math.min(this.#rangeEnd, index + 1 + Math.min(aheadPages, this.#keptPagesMax()));
  }

  /**
   * More than this would push itself out of the small queue before it is read; brought again it would look
   * like what is read again and again. At least what keeps a request going.
   */
  #keptPagesMax(): number {
    const { store, fillsRunning } = this.#context;
    const { policy, pageSizeBytes } = this.#source;
    if (!store.couldStore(pagedObjectOf(this.#source), pageSizeBytes)) return Number.POSITIVE_INFINITY;
    const pages = store.unreadBytesMax(policy) / pageSizeBytes / Math.max(1, fillsRunning);
    return Math.max(2, Math.floor(pages));
  }

  isOwn(fill: FillHandle): boolean {
    return this.#own.has(fill);
  }

  /** Whether it was this reader that had the page brought. */
  brought(index: number): boolean {
    for (const fill of this.#followed) if (this.#own.has(fill) && fill.brings(index)) return true;
    return false;
  }

  adopt(fill: FillHandle): void {
    this.#own.add(fill);
  }

  /** The reader waits for a page of this fill. */
  follow(fill: FillHandle): void {
    fill.urge();
    if (this.#followed.has(fill)) return;
    this.#followed.add(fill);
    fill.attach(this.#reader);
    this.#goAhead();
  }

  /** The reader is at another page. */
  moved(): void {
    for (const fill of this.#followed) {
      if (fill.endPage > this.#reader.pageIndex) fill.moved();
      else this.#leave(fill);
    }
    this.#goAhead();
  }

  /**
   * Sends one UFS request for the run of missing pages that begins here. The first page's flight.
   * @throws ForebayError `node-unavailable` for who wants cached pages alone
   */
  start(first: number): PageFlight {
    const { flights } = this.#context;
    const { set, cachedOnly } = this.#source;
    if (cachedOnly) throw new ForebayError('node-unavailable', 'a page has left the cache meanwhile');
    this.#send({ first, endExclusive: this.runEnd(first), urgency: 'demand' });
    this.#goAhead();
    return flights.get({ set, index: first })!;
  }

  close(): void {
    for (const fill of this.#followed) this.#leave(fill);
  }

  #leave(fill: FillHandle): void {
    this.#followed.delete(fill);
    fill.detach(this.#reader);
  }

  /** Whole chunks only, so that a window that moves by pages sends no request for each. */
  #goAhead(): void {
    const { fillsPerReaderMax, loads, aheadPages } = this.#context;
    const { ufs } = this.#source;
    const load = loads.of(ufs);
    if (!comesInChunks(this.#context, ufs) || !ufs.queue.hasRoom || this.#followed.size === 0) return;
    if (this.#source.cachedOnly) return;
    const { pageIndex, wantedEnd } = this.#reader;
    this.#reserve(pageIndex);
    // The last one is asked for before it is wanted, and waits for that with its answer under way.
    const isOpen = wantedEnd - pageIndex > aheadPages;
    const chunkPages = isOpen ? chunkPagesOf(this.#context, this.#source.pageSizeBytes) : 0;
    const askedEnd = Math.min(this.#rangeEnd, wantedEnd + chunkPages);
    for (let at = pageIndex + 1; at < askedEnd && this.#running < fillsPerReaderMax; ) {
      if (!this.#isMissing(at)) {
        at += 1;
        continue;
      }
      const endExclusive = this.runEnd(at);
      if (endExclusive > askedEnd || !load.enterAhead()) return;
      this.#send({ first: at, endExclusive, urgency: 'ahead' }, () => load.leaveAhead());
      at = endExclusive;
    }
  }

  /**
   * What the fill of this page will have brought before another request is answered, it brings itself: so
   * nothing waits for that answer. A request on a new connection takes twice as long.
   */
  #reserve(pageIndex: number): void {
    const { flights, loads } = this.#context;
    const { set, ufs, pageSizeBytes } = this.#source;
    const fill = flights.get({ set, index: pageIndex })?.fill;
    const bytes = this.#pace.bytesWithin(2 * loads.of(ufs).latencyMs);
    fill?.reserve(pageIndex + 1 + Math.ceil(bytes / pageSizeBytes));
  }

  #send(run: FillRun, over = () => {}): void {
    let isCounted = true;
    const uncount = () => {
      if (isCounted) this.#running -= 1;
      isCounted = false;
    };
    const onLastPart = () => {
      if (!isCounted) return;
      uncount();
      this.#goAhead();
    };
    this.#running += 1;
    const whole = { ...run, onLastPart };
    const sent = sendFill(this.#source, whole, { context: this.#context, reader: this.#reader });
    this.#own.add(sent.fill);
    this.#followed.add(sent.fill);
    void sent.over.then(() => {
      over();
      // Nothing is sent in place of one that was cut short: its reader may come there, or not.
      uncount();
    });
  }

  /** Of the run of missing pages that begins here, the end of what one request brings. */
  runEnd(first: number): number {
    const { pageSizeBytes, ufs } = this.#source;
    const end = Math.min(this.#rangeEnd, requestEndOf(this.#context, { ufs, pageSizeBytes }, first));
    let at = first + 1;
    while (at < end && this.#isMissing(at)) at += 1;
    return at;
  }

  #isMissing(index: number): boolean {
    return isMissing(this.#context, this.#source.set, index);
  }
}
