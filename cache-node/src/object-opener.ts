/**
 * One attempt to open an object: known or asked info, conditions, range, and a body whose first bytes are
 * here.
 */
import type { AbsentObject, CacheResult, OpenedObject, OpenRequest } from '@forebay/core/cache-node';
import type { Clock } from '@forebay/core/clock';
import type { UfsAnswer } from '@forebay/core/errors';
import { type ObjectInfo, versionOf } from '@forebay/core/object';
import { pagesOf } from '@forebay/core/page';
import type { ByteRange } from '@forebay/core/range';
import type { Ufs } from '@forebay/ufs/ufs';
import type { DirectOpener } from './direct-opener.ts';
import { isCacheable } from './fill/cacheable.ts';
import type { Fill } from './fill/fill.ts';
import type { FillContext } from './fill/fill-context.ts';
import { PageReader } from './fill/page-reader.ts';
import { type PageSource, pageSetOf } from './fill/page-source.ts';
import { FirstThenRest } from './first-then-rest.ts';
import type { Home, InfoQuery } from './home.ts';
import type { InfoStore, KnownInfo } from './info-store/info-store.ts';
import { absentOf, openedOf } from './open-answers.ts';
import { needsChecksums, planOf } from './open-plan.ts';

export interface OpenerOptions {
  readonly nodeId: string;
  readonly info: InfoStore;
  readonly home: Home;
  readonly direct: DirectOpener;
  readonly fills: FillContext;
  readonly clock: Clock;
}

/** Info to answer with, and how it was come by. */
interface ResolvedInfo {
  readonly info: ObjectInfo;
  readonly ageMs: number;
  /** `known`: from the cache, by the rule; `confirmed`: the UFS said the cached version still is. */
  readonly by: 'known' | 'confirmed' | 'read';
  /** Another request asked the UFS. */
  readonly joined: boolean;
  readonly fill: Fill | undefined;
}

/** The segment by which `x-cache` is decided before the headers go out (DESIGN §6). */
const segmentBytes = 64 * 1024 * 1024;

export class ObjectOpener {
  readonly #options: OpenerOptions;

  constructor(options: OpenerOptions) {
    this.#options = options;
  }

  /** @throws ForebayError `version-changed` before the first byte: drop the info and open again. */
  async open(request: OpenRequest, ufs: Ufs): Promise<OpenedObject | AbsentObject> {
    const { nodeId, info, fills } = this.#options;
    const known = info.usable(request.object);
    if (!known || !hasWhatIsAsked(request, known)) return this.#ask(request, ufs);
    const { ageMs, level, record } = known;
    fills.metrics.infoReads.inc({ result: level });
    if (record.content.kind === 'absent') {
      if (mayBeBucket(request, record.content.answer)) return this.#options.direct.open(request, ufs, 'MISS');
      return absentOf({ answer: record.content.answer, cache: 'HIT', ageMs, nodeId });
    }
    const found = { info: record.content.info, ageMs, by: 'known', joined: false, fill: undefined } as const;
    return this.#answer(request, ufs, found);
  }

  async #ask(request: OpenRequest, ufs: Ufs): Promise<OpenedObject | AbsentObject> {
    const { nodeId, home, info, fills, clock } = this.#options;
    const before = info.hint(request.object);
    const share = await home.read(request.object, ufs, this.#queryOf(request, before), request.signal);
    try {
      const { joined } = share;
      const { content, sentAtMs, fill } = share.read;
      fills.metrics.infoReads.inc({ result: joined ? 'coalesced' : 'ufs' });
      const ageMs = clock.monotonicMs() - sentAtMs;
      if (content.kind === 'absent') {
        if (mayBeBucket(request, content.answer))
          return await this.#options.direct.open(request, ufs, 'MISS');
        return absentOf({ answer: content.answer, cache: joined ? 'COALESCED' : 'MISS', ageMs, nodeId });
      }
      const confirmed = before && versionOf(before) === versionOf(content.info);
      const by = confirmed ? 'confirmed' : 'read';
      return await this.#answer(request, ufs, { info: content.info, ageMs, by, joined, fill });
    } finally {
      share.release();
    }
  }

  /** A HEAD where the bytes are probably here or not wanted, otherwise the GET that brings both. */
  #queryOf(request: OpenRequest, before: ObjectInfo | undefined): InfoQuery {
    if (request.want === 'info') return { method: 'head' };
    if (before) {
      const plan = planOf(request, before);
      if (plan.condition !== 'met' || plan.range === 'unsatisfiable') return { method: 'head' };
      const { start, endExclusive } = plan.range;
      if (start === endExclusive) return { method: 'head' };
      const index = Math.floor(start / request.object.mount.pageSizeBytes);
      const cached = this.#options.fills.store.has({ set: pageSetOf(request.object, before), index });
      if (cached) return { method: 'head' };
    }
    return { method: 'get', range: request.range, needChecksums: needsChecksums(request) };
  }

  async #answer(
    request: OpenRequest,
    ufs: Ufs,
    resolved: ResolvedInfo,
  ): Promise<OpenedObject | AbsentObject> {
    const { info, ageMs } = resolved;
    const { nodeId } = this.#options;
    const plan = planOf(request, info);
    if (request.want === 'info' || plan.condition !== 'met' || plan.range === 'unsatisfiable') {
      return openedOf({ ...plan, info, ageMs, nodeId, cache: infoResultOf(resolved) });
    }
    const policy = this.#options.fills.policyOf(request.object);
    if (!isCacheable(info, policy)) {
      return this.#options.direct.open(request, ufs, 'BYPASS');
    }
    if (plan.range.start === plan.range.endExclusive) {
      return openedOf({
        ...plan,
        info,
        ageMs,
        nodeId,
        cache: infoResultOf(resolved),
        body: new Uint8Array(0),
      });
    }
    const { pageSizeBytes } = request.object.mount;
    const set = pageSetOf(request.object, info);
    const source: PageSource = { object: request.object, ufs, info, set, pageSizeBytes, policy };
    // A read joined across a change of the mount's page size brings pages of the other size.
    const fill = resolved.fill?.source.set === set ? resolved.fill : undefined;
    const pages = this.#countPages(source, plan.range, { fill, joined: resolved.joined });
    const cache = pageResultOf(resolved, pages);
    const reader = new PageReader(source, plan.range, this.#options.fills, request.signal);
    if (fill) reader.join(fill, !resolved.joined);
    const body = reader.takeFromMemory() ?? (await FirstThenRest.of(reader, plan.range));
    return openedOf({ ...plan, info, ageMs, nodeId, cache, pages, body });
  }

  /**
   * Of the range's first segment: how many pages there are, how many are cached, and whether another request
   * brings the first. Pages of the fill that the info came with are no hits, though some may be stored
   * already.
   */
  #countPages(
    source: PageSource,
    range: ByteRange,
    { fill, joined }: { fill: Fill | undefined; joined: boolean },
  ): PageCount {
    const { store, flights } = this.#options.fills;
    const { set, pageSizeBytes } = source;
    const segment = {
      start: range.start,
      endExclusive: Math.min(range.endExclusive, range.start + segmentBytes),
    };
    const { first, endExclusive } = pagesOf(segment, pageSizeBytes);
    let hit = 0;
    for (let index = first; index < endExclusive; index += 1) {
      if (store.has({ set, index }) && !fill?.brings(index)) hit += 1;
    }
    const coalesced = fill?.brings(first) ? joined : flights.get({ set, index: first }) !== undefined;
    return { hit, total: endExclusive - first, coalesced };
  }
}

interface PageCount {
  readonly hit: number;
  readonly total: number;
  readonly coalesced: boolean;
}

/**
 * Of a HEAD's 404 nobody knows whether key or bucket is missing, and a bucket of the pattern mount may well
 * be: a GET, whose client is told which, asks again.
 */
function mayBeBucket({ object, want }: OpenRequest, answer: UfsAnswer): boolean {
  return want === 'bytes' && object.mount.pattern !== undefined && answer.guessed === true;
}

function hasWhatIsAsked(request: OpenRequest, { record: { content } }: KnownInfo): boolean {
  return content.kind === 'absent' || content.info.checksumsKnown || !needsChecksums(request);
}

function infoResultOf(resolved: ResolvedInfo): CacheResult {
  if (resolved.by === 'known') return 'HIT';
  if (resolved.by === 'confirmed') return 'REVALIDATED';
  return resolved.joined ? 'COALESCED' : 'MISS';
}

function pageResultOf(resolved: ResolvedInfo, pages: PageCount): CacheResult {
  if (pages.hit === pages.total) return resolved.by === 'known' ? 'HIT' : 'REVALIDATED';
  if (pages.hit > 0) return 'PARTIAL';
  return pages.coalesced ? 'COALESCED' : 'MISS';
}
