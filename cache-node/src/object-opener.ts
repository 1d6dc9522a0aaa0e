/**
 * One attempt to open an object: known or asked info, conditions, range, and a body whose first bytes are
 * here.
 */
import type { AbsentObject, OpenedObject, OpenRequest } from '@forebay/core/cache-node';
import type { Clock } from '@forebay/core/clock';
import { type ObjectInfo, versionOf } from '@forebay/core/object';
import { absentOf, openedOf } from '@forebay/core/open-answers';
import { type OpenPlan, planOf } from '@forebay/core/open-plan';
import type { ByteRange } from '@forebay/core/range';
import type { DirectOpener } from '@forebay/ufs/direct-opener';
import type { Ufs } from '@forebay/ufs/ufs';
import { isCacheable } from './fill/cacheable.ts';
import type { Fill } from './fill/fill.ts';
import { cachedPages, type FillContext } from './fill/fill-context.ts';
import { readFromMemory } from './fill/memory-read.ts';
import { narrowed } from './fill/narrow-reads.ts';
import { PageReader } from './fill/page-reader.ts';
import { type PageSource, pageSetOf } from './fill/page-source.ts';
import type { ReadAhead } from './fill/read-ahead.ts';
import { FirstThenRest } from './first-then-rest.ts';
import type { Home, InfoQuery, InfoShare } from './home.ts';
import type { InfoStore, KnownInfo } from './info-store/info-store.ts';
import {
  countPages,
  hasWhatIsAsked,
  type InfoWay,
  infoResultOf,
  isDenial,
  isOutOfOrder,
  mayBeBucket,
  pageResultOf,
  queryOf,
} from './open-rules.ts';
import { broughtEnd, ownedEnd } from './placed-range.ts';
import type { UnclaimedAnswer } from './unclaimed-answer.ts';

export interface OpenerOptions {
  readonly nodeId: string;
  readonly info: InfoStore;
  readonly home: Home;
  readonly direct: DirectOpener;
  readonly fills: FillContext;
  readonly readAhead: ReadAhead;
  readonly clock: Clock;
}

/** Info to answer with, and how it was come by. */
interface ResolvedInfo extends InfoWay {
  readonly info: ObjectInfo;
  readonly ageMs: number;
  readonly fill: Fill | undefined;
  readonly span?: UnclaimedAnswer | undefined;
}

const byKnowing = { by: 'known', joined: false, fill: undefined } as const;
const pageIndexOf = (offset: number, { pageSizeBytes }: PageSource) => Math.floor(offset / pageSizeBytes);
const onePage = { hit: 1, total: 1, coalesced: false } as const;

export class ObjectOpener {
  readonly #options: OpenerOptions;

  constructor(options: OpenerOptions) {
    this.#options = options;
  }

  /** @throws ForebayError `version-changed` before the first byte: drop the info and open again. */
  async open(request: OpenRequest, ufs: Ufs): Promise<OpenedObject | AbsentObject> {
    const known = this.#known(request);
    if (!known) return this.#ask(request, ufs);
    const now = this.#nowOf(request, known, ufs);
    if (now) return now;
    const { record, ageMs, level } = known;
    this.#options.fills.metrics.countKnownInfo(level);
    // Of what is absent only a bucket that may be missing is left.
    if (record.content.kind === 'absent') return this.#options.direct.open(request, ufs, 'MISS');
    return this.#answer(request, ufs, { info: record.content.info, ageMs, ...byKnowing });
  }

  /** What can be answered in this tick; undefined: nothing was counted, and `open` is the way. */
  openNow(request: OpenRequest, ufs: Ufs): OpenedObject | AbsentObject | undefined {
    const known = this.#known(request);
    return known && this.#nowOf(request, known, ufs);
  }

  #known(request: OpenRequest): KnownInfo | undefined {
    const known = this.#options.info.usable(request.object);
    return known && hasWhatIsAsked(request, known) ? known : undefined;
  }

  /** The answer, where known info and bytes in memory are all that it takes. */
  #nowOf(
    request: OpenRequest,
    { record: { content }, ageMs, level }: KnownInfo,
    ufs: Ufs,
  ): OpenedObject | AbsentObject | undefined {
    const { nodeId, fills } = this.#options;
    if (content.kind === 'absent') {
      const { answer } = content;
      if (mayBeBucket(request, answer)) return undefined;
      fills.metrics.countKnownInfo(level);
      return absentOf({ answer, cache: 'HIT', ageMs, nodeId });
    }
    const { info } = content;
    const plan = planOf(request, info);
    const opened = this.#withoutPages(request, { info, ageMs, ...byKnowing }, plan);
    const answer = opened ?? this.#fromPages(request, { info, ageMs }, { plan, ufs });
    if (answer) fills.metrics.countKnownInfo(level);
    return answer;
  }

  /** What no page is needed for. */
  #withoutPages(request: OpenRequest, resolved: ResolvedInfo, plan: OpenPlan): OpenedObject | undefined {
    const { info, ageMs } = resolved;
    const { nodeId } = this.#options;
    const { range } = plan;
    const isPlain = request.want === 'info' || plan.condition !== 'met' || range === 'unsatisfiable';
    if (isPlain) return openedOf({ ...plan, info, ageMs, nodeId, cache: infoResultOf(resolved) });
    if (!isCacheable(info, this.#options.fills.policyOf(request.object))) return undefined;
    const isEmpty = range.start === range.endExclusive;
    if (!isEmpty && this.#bodyEnd(request, range, resolved) > range.start) return undefined;
    const found = { ...plan, info, ageMs, nodeId, cache: infoResultOf(resolved) };
    return isEmpty
      ? openedOf({ ...found, body: new Uint8Array(0) })
      : openedOf({ ...found, bodyEndExclusive: range.start });
  }

  /** Of what is on its way here already as much is handed on, whoever it belongs to. */
  #bodyEnd({ object }: OpenRequest, range: ByteRange, { fill, span }: Partial<ResolvedInfo>): number {
    const { placement } = this.#options.fills;
    const isComing = span || fill?.brings(Math.floor(range.start / object.mount.pageSizeBytes));
    return (isComing ? broughtEnd : ownedEnd)(placement, object, range);
  }

  /** Where the first bytes are at hand: in memory, or to be lent from their file. */
  #fromPages(
    request: OpenRequest,
    { info, ageMs }: Pick<ResolvedInfo, 'info' | 'ageMs'>,
    { plan, ufs }: { readonly plan: OpenPlan; readonly ufs: Ufs },
  ): OpenedObject | undefined {
    const { nodeId, fills } = this.#options;
    const { object } = request;
    const { condition, range, whole } = plan;
    if (range === 'unsatisfiable') return undefined;
    const policy = fills.policyOf(object);
    if (!isCacheable(info, policy)) return undefined;
    const { mount } = object;
    const { pageSizeBytes } = mount;
    const set = pageSetOf(object, info);
    const source: PageSource = { object, ufs, info, set, pageSizeBytes, policy };
    const bodyEndExclusive = this.#bodyEnd(request, range, byKnowing);
    const own = bodyEndExclusive < range.endExclusive ? { ...range, endExclusive: bodyEndExclusive } : range;
    const inMemory = readFromMemory({ mount, set, sizeBytes: info.sizeBytes }, own, fills);
    const body = inMemory ?? this.#readerOf(source, own, request);
    if (!body) return undefined;
    const { flights } = fills;
    const where = { store: cachedPages(fills), flights, fill: undefined, joined: false };
    const pages = inMemory ? onePage : countPages(source, own, where);
    fills.reads.note(set, own, { sizeBytes: info.sizeBytes, pageSizeBytes });
    // Of an object of one page there is nothing ahead.
    if (info.sizeBytes > pageSizeBytes) this.#options.readAhead.onRead(source, own, request);
    const cache = pageResultOf(byKnowing, pages);
    const found = { condition, range, whole, info, ageMs, nodeId, cache, pages, body };
    return openedOf(own === range ? found : { ...found, bodyEndExclusive });
  }

  /** A reader whose first piece needs no wait. */
  #readerOf(source: PageSource, range: ByteRange, request: OpenRequest): PageReader | undefined {
    // Of pages that are on their way something has to be waited for.
    if (!this.#options.fills.store.has({ set: source.set, index: pageIndexOf(range.start, source) })) {
      return undefined;
    }
    const reader = new PageReader(source, range, this.#options.fills, request.signal);
    if (reader.isReadyNow()) return reader;
    void reader.return();
    return undefined;
  }

  async #ask(request: OpenRequest, ufs: Ufs): Promise<OpenedObject | AbsentObject> {
    const { nodeId, home, info, fills, clock } = this.#options;
    const before = info.hint(request.object);
    const query = this.#queryOf(request, before);
    let share: InfoShare;
    try {
      share = await home.read(request.object, ufs, query, request.signal);
    } catch (error) {
      const stale = this.#staleAfter(error, request);
      if (!stale) throw error;
      return this.#answer(request, ufs, stale);
    }
    try {
      const { joined } = share;
      const { content, sentAtMs, fill } = share.read;
      const span = joined ? undefined : share.read.span;
      fills.metrics.infoReads.inc({ result: joined ? 'coalesced' : 'ufs' });
      const ageMs = clock.monotonicMs() - sentAtMs;
      if (content.kind === 'absent') {
        if (mayBeBucket(request, content.answer))
          return await this.#options.direct.open(request, ufs, 'MISS');
        return absentOf({ answer: content.answer, cache: joined ? 'COALESCED' : 'MISS', ageMs, nodeId });
      }
      const confirmed = before && versionOf(before) === versionOf(content.info);
      const by = confirmed ? 'confirmed' : 'read';
      return await this.#answer(request, ufs, { info: content.info, ageMs, by, joined, fill, span });
    } finally {
      share.release();
    }
  }

  #queryOf(request: OpenRequest, before: ObjectInfo | undefined): InfoQuery {
    const { fills } = this.#options;
    const { object } = request;
    const query = queryOf(request, before, { pages: cachedPages(fills), placement: fills.placement });
    return narrowed(query, { object, before }, fills);
  }

  /** Info whose time is over, where the mount lets it be used when the UFS cannot answer. */
  #staleAfter(error: unknown, request: OpenRequest): ResolvedInfo | undefined {
    const { info, fills } = this.#options;
    const { object, signal } = request;
    if (object.mount.staleIfErrorMs === undefined || signal.aborted) return undefined;
    if (isDenial(error)) info.drop(object);
    if (!isOutOfOrder(error)) return undefined;
    const known = info.usableOnError(object);
    const content = known?.record.content;
    if (content?.kind !== 'object' || !known || !hasWhatIsAsked(request, known)) return undefined;
    fills.metrics.infoReads.inc({ result: 'stale' });
    return { info: content.info, ageMs: known.ageMs, by: 'stale', joined: false, fill: undefined };
  }

  async #answer(
    request: OpenRequest,
    ufs: Ufs,
    resolved: ResolvedInfo,
  ): Promise<OpenedObject | AbsentObject> {
    const { info, ageMs } = resolved;
    const { nodeId } = this.#options;
    const plan = planOf(request, info);
    const opened = this.#withoutPages(request, resolved, plan);
    if (opened) return opened;
    const policy = this.#options.fills.policyOf(request.object);
    if (plan.range === 'unsatisfiable' || !isCacheable(info, policy)) {
      return this.#options.direct.open(request, ufs, 'BYPASS');
    }
    const { pageSizeBytes } = request.object.mount;
    const set = pageSetOf(request.object, info);
    const source: PageSource = { object: request.object, ufs, info, set, pageSizeBytes, policy };
    // A read joined across a change of the mount's page size brings pages of the other size.
    const fill = resolved.fill?.source.set === set ? resolved.fill : undefined;
    const bodyEndExclusive = this.#bodyEnd(request, plan.range, resolved);
    const own = { start: plan.range.start, endExclusive: bodyEndExclusive };
    const pages = countPages(source, own, {
      store: cachedPages(this.#options.fills),
      flights: this.#options.fills.flights,
      fill,
      joined: resolved.joined,
    });
    const cache = pageResultOf(resolved, pages);
    const reader = new PageReader(source, own, this.#options.fills, request.signal);
    if (fill) reader.join(fill, !resolved.joined);
    this.#options.fills.reads.note(set, own, { sizeBytes: info.sizeBytes, pageSizeBytes });
    const span = resolved.span?.claim();
    if (span) reader.adopt(span);
    else this.#options.readAhead.onRead(source, own, request);
    const body = reader.takeFromMemory() ?? (await FirstThenRest.of(reader, own));
    return openedOf({ ...plan, info, ageMs, nodeId, cache, pages, bodyEndExclusive, body });
  }
}
