/**
 * The home's own UFS reads: the only way that info gets into the info store. Reads of one object that miss
 * together share one request while its token is current; a cold GET brings info and the first bytes in one
 * request.
 */
import type { Clock } from '@forebay/core/clock';
import { isAbsence, isUfsAnswer } from '@forebay/core/errors';
import { infoSlotOf, type ObjectRef, placementKeyOf } from '@forebay/core/mount';
import { hasStrongEtag, type ObjectInfo } from '@forebay/core/object';
import { wholePagesIn } from '@forebay/core/page';
import type { RangeRequest } from '@forebay/core/range';
import type { Ufs, UfsObject } from '@forebay/ufs/ufs';
import { originOf } from '@forebay/ufs/ufs-origin';
import { isCacheable } from './fill/cacheable.ts';
import { Fill } from './fill/fill.ts';
import { comesInChunks, type FillContext } from './fill/fill-context.ts';
import type { FillReader } from './fill/page-flight.ts';
import { pageSetOf } from './fill/page-source.ts';
import { isMissing } from './fill/send-fill.ts';
import type { Token } from './info-store/fences.ts';
import type { InfoStore } from './info-store/info-store.ts';
import type { InfoRecord } from './info-store/record.ts';
import { broughtEnd } from './placed-range.ts';
import { closeBody, UnclaimedAnswer } from './unclaimed-answer.ts';

/** How to ask: a HEAD, or a GET that brings bytes as well. */
export type InfoQuery =
  | { readonly method: 'head' }
  | {
      readonly method: 'get';
      readonly range: RangeRequest | undefined;
      /** Exactly the range, not the pages around it: its bytes go to who asked and are not kept. */
      readonly narrow?: boolean;
      /** The answer must bring the checksums of the whole object. */
      readonly needChecksums: boolean;
      /** As `FillRun.uncounted`. */
      readonly uncounted?: boolean;
    };

export interface InfoRead {
  readonly content: InfoRecord['content'];
  readonly sentAtMs: number;
  readonly sentAtWallMs: number;
  readonly method: 'head' | 'get';
  /** The pages that the same UFS answer is bringing. */
  readonly fill: Fill | undefined;
  /** The answer of a narrow query, for the reader whose query it was. */
  readonly span?: UnclaimedAnswer | undefined;
}

/** One reader's share of an info read. `release` once the reader has joined the fill, or will not. */
export interface InfoShare {
  readonly read: InfoRead;
  readonly joined: boolean;
  release(): void;
}

interface InfoRequest {
  readonly object: ObjectRef;
  readonly ufs: Ufs;
  readonly query: InfoQuery;
  readonly token: Token;
  readonly holder: InfoHolder;
  /** Aborts when the last reader has left before the answer. */
  readonly signal: AbortSignal;
}

interface InfoFlight {
  readonly query: InfoQuery;
  readonly token: Token;
  readonly promise: Promise<InfoRead>;
  readonly abort: AbortController;
  /** Readers that have not released yet. */
  readers: number;
  /** Keeps the fill going until every reader has had its turn to join it. */
  readonly holder: InfoHolder;
}

/** Wants the first page of a fill until the fill's readers speak for themselves. */
type InfoHolder = { -readonly [Name in keyof FillReader]: FillReader[Name] };

export interface HomeOptions {
  readonly info: InfoStore;
  readonly clock: Clock;
  readonly fills: FillContext;
}

export class Home {
  readonly #options: HomeOptions;
  readonly #flights = new Map<string, InfoFlight>();

  constructor(options: HomeOptions) {
    this.#options = options;
  }

  /**
   * Asks the UFS, or joins who is asking. Objects that are not there are content too; other errors are
   * thrown.
   * @throws UfsAnswerError, ForebayError `ufs-unavailable`, the signal's reason
   */
  async read(object: ObjectRef, ufs: Ufs, query: InfoQuery, signal: AbortSignal): Promise<InfoShare> {
    signal.throwIfAborted();
    const flight = this.#joinable(object, query);
    if (flight) return this.#share(flight, true, signal);
    return this.#share(this.#send(object, ufs, query), false, signal);
  }

  /** Whether a read that asked so now would share the request of another. */
  wouldJoin(object: ObjectRef, query: InfoQuery): boolean {
    return this.#joinable(object, query) !== undefined;
  }

  /**
   * Looked up and joined in one tick: current token, no fence open, and no promise of more freshness than
   * it has.
   */
  #joinable(object: ObjectRef, query: InfoQuery): InfoFlight | undefined {
    if (object.mount.freshness === 'always') return undefined;
    const flight = this.#flights.get(flightKeyOf(object));
    if (!flight || flight.abort.signal.aborted) return undefined;
    if (!this.#options.info.isCurrent(flight.token)) return undefined;
    return brings(flight.query, query) ? flight : undefined;
  }

  #send(object: ObjectRef, ufs: Ufs, query: InfoQuery): InfoFlight {
    const { info } = this.#options;
    const id = flightKeyOf(object);
    const token = info.take(object);
    const abort = new AbortController();
    const holder: InfoHolder = { pageIndex: 0, wantedEnd: 0, wake: () => {} };
    const promise = this.#ask({ object, ufs, query, token, holder, signal: abort.signal }).finally(() => {
      info.fences.release(token);
      if (this.#flights.get(id) === flight) this.#flights.delete(id);
    });
    const flight: InfoFlight = { query, token, promise, abort, readers: 0, holder };
    this.#flights.set(id, flight);
    return flight;
  }

  async #share(flight: InfoFlight, joined: boolean, signal: AbortSignal): Promise<InfoShare> {
    flight.readers += 1;
    let released = false;
    let answered: InfoRead | undefined;
    const release = () => {
      if (released) return;
      released = true;
      signal.removeEventListener('abort', release);
      flight.readers -= 1;
      if (flight.readers > 0) return;
      if (answered) leaveAnswer(answered, flight.holder);
      else flight.abort.abort();
    };
    signal.addEventListener('abort', release, { once: true });
    try {
      answered = await flight.promise;
    } catch (error) {
      release();
      throw error;
    }
    if (released && flight.readers === 0) leaveAnswer(answered, flight.holder);
    return { read: answered, joined, release };
  }

  async #ask(request: InfoRequest): Promise<InfoRead> {
    const { object, ufs, query, signal } = request;
    const { clock, info } = this.#options;
    const sent = { sentAtMs: clock.monotonicMs(), sentAtWallMs: clock.wallMs() };
    this.#prepare(ufs, query);
    try {
      const opened = query.method === 'get' ? await getOrHead(object, ufs, query, signal) : undefined;
      const found = opened?.info ?? (await head(object, ufs, signal));
      if (!opened || originOf(opened) === 'ufs') {
        this.#options.fills.loads.of(ufs).answered(clock.monotonicMs() - sent.sentAtMs);
      }
      const content = { kind: 'object', info: found } as const;
      if (hasStrongEtag(found)) info.install(object, request.token, { content, ...sent });
      else info.drop(object);
      const isNarrow = query.method === 'get' && query.narrow === true;
      const span = opened && isNarrow ? new UnclaimedAnswer(opened) : undefined;
      const fill = opened && !isNarrow ? this.#fillFrom(opened, request) : undefined;
      return { content, ...sent, method: query.method, fill, span };
    } catch (error) {
      if (!isAbsence(error)) throw error;
      const content = { kind: 'absent', answer: error.answer } as const;
      info.install(object, request.token, { content, ...sent });
      return { content, ...sent, method: query.method, fill: undefined };
    }
  }

  /** The object may be a large one, and then more requests follow: not to be kept waiting by handshakes. */
  #prepare(ufs: Ufs, query: InfoQuery): void {
    const { fills } = this.#options;
    const isOpenEnded = query.method === 'get' && !query.narrow && query.range?.kind !== 'span';
    if (isOpenEnded && comesInChunks(fills, ufs)) ufs.queue.prepare(fills.fillsPerReaderMax - 1);
  }

  /**
   * Turns the body of a cold GET into a fill; what cannot be cached is closed, and read anew without the
   * cache. A body whose request was given up would break, and take along whoever joined its fill.
   */
  #fillFrom(opened: UfsObject, { object, ufs, query, holder, signal }: InfoRequest): Fill | undefined {
    const uncounted = query.method === 'get' && query.uncounted === true;
    const { info, range } = opened;
    const { pageSizeBytes } = object.mount;
    const policy = this.#options.fills.policyOf(object);
    const { sizeBytes } = info;
    // The answer may go on into segments of others.
    const own = { ...range, endExclusive: broughtEnd(this.#options.fills.placement, object, range) };
    const { first, endExclusive } = wholePagesIn(own, { sizeBytes, pageSizeBytes });
    const cacheable = isCacheable(info, policy) && first < endExclusive;
    const set = cacheable ? pageSetOf(object, info) : '';
    if (!cacheable || signal.aborted || !isMissing(this.#options.fills, set, first)) {
      void closeBody(opened);
      return undefined;
    }
    const source = { object, ufs, info, set, pageSizeBytes, policy };
    const run = { first, endExclusive, urgency: 'demand', uncounted } as const;
    const fill = new Fill(source, run, this.#options.fills);
    holder.pageIndex = first;
    holder.wantedEnd = first + 1;
    fill.attach(holder);
    void fill.run(() => Promise.resolve(opened));
    return fill;
  }
}

/**
 * Whether the answer to one query is enough for another. Only a HEAD surely brings the checksums of the whole
 * object, and a HEAD is all that a HEAD needs.
 */
function brings(sent: InfoQuery, wanted: InfoQuery): boolean {
  if (sent.method === 'head') return true;
  if (wanted.method === 'head') return false;
  return !wanted.needChecksums || sent.range === undefined;
}

/** Readers of one version never join those of another, nor those of the current one. */
function flightKeyOf(object: ObjectRef): string {
  return `${infoSlotOf(object)}\0${placementKeyOf(object)}`;
}

/** Refusals of a version that the store words in a document, which a HEAD does not bring. */
const wordedStatuses = [400, 404, 405];

/**
 * A HEAD. Why a version cannot be read has more than one word (unknown, malformed, a delete marker), so a
 * refusal is asked for again where it comes with its document: whoever waits here may be a GET.
 */
async function head(object: ObjectRef, ufs: Ufs, signal: AbortSignal): Promise<ObjectInfo> {
  const { ufsKey, versionId } = object;
  try {
    return await ufs.head(ufsKey, { versionId, signal });
  } catch (error) {
    const isWorded = isUfsAnswer(error) && wordedStatuses.includes(error.answer.status);
    if (versionId === undefined || !isWorded) throw error;
    const opened = await ufs.get(ufsKey, { versionId, signal });
    await closeBody(opened);
    return opened.info;
  }
}

function leaveAnswer({ fill, span }: InfoRead, holder: FillReader): void {
  fill?.detach(holder);
  const unclaimed = span?.claim();
  if (unclaimed) void closeBody(unclaimed);
}

/** A cold GET; undefined where only a HEAD can tell (an empty range of a suffix, or a range past the end). */
async function getOrHead(
  object: ObjectRef,
  ufs: Ufs,
  { range, narrow, uncounted }: Extract<InfoQuery, { method: 'get' }>,
  signal: AbortSignal,
): Promise<UfsObject | undefined> {
  const pages = narrow ? range : wholePagesOf(range, object.mount.pageSizeBytes);
  if (pages === 'none') return undefined;
  try {
    const { versionId } = object;
    return await ufs.get(object.ufsKey, { range: pages, versionId, patient: uncounted, signal });
  } catch (error) {
    if (isUfsAnswer(error) && error.answer.status === 416) return undefined;
    throw error;
  }
}

/** The range widened to whole pages, before the size is known. */
export function wholePagesOf(
  range: RangeRequest | undefined,
  pageSizeBytes: number,
): RangeRequest | undefined | 'none' {
  if (!range) return undefined;
  if (range.kind === 'suffix') {
    if (range.lengthBytes === 0) return 'none';
    // Enough to begin at or before the first byte of the page in which the suffix begins.
    return { kind: 'suffix', lengthBytes: range.lengthBytes + pageSizeBytes - 1 };
  }
  const start = Math.floor(range.start / pageSizeBytes) * pageSizeBytes;
  if (range.kind === 'from') return start === 0 ? undefined : { kind: 'from', start };
  return { kind: 'span', start, endExclusive: Math.ceil(range.endExclusive / pageSizeBytes) * pageSizeBytes };
}
