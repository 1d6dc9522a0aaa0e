/**
 * Reads ahead of requests: where the reads of a version follow a pattern, the bytes that are likely to be
 * asked for next are filled before they are. Everybody else goes first: these fills take what is left of the
 * budget and of the mount's amplification, are few where the cache is small, and end when the reader leaves.
 */
import { type PageSetId, pagesOf } from '@forebay/core/page';
import type { ByteRange } from '@forebay/core/range';
import { ownedEnd } from '../placed-range.ts';
import { AccessTracker } from './access-tracker.ts';
import { chunkPagesOf, type FillContext } from './fill-context.ts';
import { type PageSource, pagedObjectOf } from './page-source.ts';
import { isMissing, sendFill } from './send-fill.ts';

/** The last so many requests that went ahead. */
const turnsMax = 32;

/** How many objects are read ahead side by side: all of them share what the cache has room for. */
class ReadAheadTurns {
  readonly #turns: PageSetId[] = [];
  readers = 1;

  add(set: PageSetId): void {
    this.#turns.push(set);
    if (this.#turns.length > turnsMax) this.#turns.shift();
    this.readers = new Set(this.#turns).size;
  }
}

export class ReadAhead {
  readonly #context: FillContext;
  readonly #tracker = new AccessTracker();
  readonly #turns = new ReadAheadTurns();

  constructor(context: FillContext) {
    this.#context = context;
  }

  /** A client reads `range`; its signal, looked at only where something is brought, says when it has left. */
  onRead(source: PageSource, range: ByteRange, client: { readonly signal: AbortSignal }): void {
    if (this.#context.aheadPages === 0) return;
    const { set, info, pageSizeBytes } = source;
    const aheadPages = this.#aheadPagesOf(source);
    const told = this.#tracker.read(set, range, info.sizeBytes, {
      windowBytesMin: 2 * pageSizeBytes,
      windowBytesMax: aheadPages * pageSizeBytes,
    });
    if (!told || told.start >= info.sizeBytes) return;
    const inObject = { start: told.start, endExclusive: Math.min(told.endExclusive, info.sizeBytes) };
    const ownEnd = ownedEnd(this.#context.placement, source.object, inObject);
    if (ownEnd === told.start) return;
    const { first, endExclusive } = pagesOf({ start: told.start, endExclusive: ownEnd }, pageSizeBytes);
    const chunkPages = chunkPagesOf(this.#context, pageSizeBytes);
    for (let at = first; at < Math.min(endExclusive, first + aheadPages); ) {
      const end = this.#runEnd(set, at, Math.min(endExclusive, at + chunkPages));
      const underWayEnd = end > at ? this.#underWayEnd(set, at, chunkPages) : at;
      if (underWayEnd > at) {
        at = underWayEnd;
        continue;
      }
      if (end > at && !this.#bring(source, { first: at, endExclusive: end }, client.signal)) return;
      at = Math.max(end, at + 1);
    }
  }

  /** Fewer where they would be many for the cache: gone, or old, before the first of them is read. */
  #aheadPagesOf({ policy, pageSizeBytes }: PageSource): number {
    const { store, aheadPages } = this.#context;
    const pages = Math.floor(store.unreadBytesMax(policy) / pageSizeBytes / this.#turns.readers);
    return Math.min(aheadPages, Math.max(1, pages));
  }

  /** False where nothing more may be brought now. */
  #bring(
    source: PageSource,
    run: { readonly first: number; readonly endExclusive: number },
    signal: AbortSignal,
  ): boolean {
    const context = this.#context;
    const { set, info, pageSizeBytes, object, ufs } = source;
    const start = run.first * pageSizeBytes;
    const bytes = Math.min(run.endExclusive * pageSizeBytes, info.sizeBytes) - start;
    if (!context.amplifications.of(object.mount).allows(bytes, 0)) return false;
    if (!context.store.couldStore(pagedObjectOf(source), Math.min(bytes, pageSizeBytes))) return false;
    const load = context.loads.of(ufs);
    if (signal.aborted || !ufs.queue.hasRoom || !load.enterAhead()) return false;
    this.#turns.add(set);
    const reader = { pageIndex: run.first, wantedEnd: run.endExclusive, wake: () => {} };
    const { fill, over } = sendFill(source, { ...run, urgency: 'ahead' }, { context, reader });
    const leave = () => fill.detach(reader);
    signal.addEventListener('abort', leave, { once: true });
    void over.then(() => {
      load.leaveAhead();
      signal.removeEventListener('abort', leave);
      leave();
    });
    return true;
  }

  /**
   * Behind the pages that a request under way will bring: not all of them need be in flight, where its reader
   * is not that far yet.
   */
  #underWayEnd(set: string, at: number, lookBackPages: number): number {
    const { flights } = this.#context;
    for (let index = at - 1; index >= Math.max(0, at - lookBackPages); index -= 1) {
      const flight = flights.get({ set, index });
      if (flight) return Math.max(at, flight.fill.endPage);
    }
    return at;
  }

  #runEnd(set: string, first: number, limit: number): number {
    let end = first;
    while (end < limit && isMissing(this.#context, set, end)) end += 1;
    return end;
  }
}
