/**
 * The rules by which an open goes about its work, apart from the work: what to ask the UFS, which pages count
 * as hits, and the word of `x-cache` (DESIGN §6). Reads follow them, and forecasts are made with them.
 */
import type { CacheResult, ReadQuestion } from '@forebay/core/cache-node';
import { isKind, isUfsAnswer, type UfsAnswer } from '@forebay/core/errors';
import type { Placement } from '@forebay/core/homes';
import type { ObjectInfo } from '@forebay/core/object';
import { needsChecksums, planOf } from '@forebay/core/open-plan';
import { type PageId, type PageSetId, pagesOf } from '@forebay/core/page';
import type { ByteRange, RangeRequest } from '@forebay/core/range';
import { pageSetOf } from './fill/page-source.ts';
import type { InfoQuery } from './home.ts';
import type { KnownInfo } from './info-store/info-store.ts';
import { beginsElsewhere } from './placed-range.ts';

/** Where pages are looked for. */
interface Pages {
  has(page: PageId): boolean;
}

/** How info was come by. */
export interface InfoWay {
  /**
   * `known`: from the cache, by the rule; `confirmed`: the UFS said the cached version still is; `stale`: from
   * the cache after its time, as the UFS could not say.
   */
  readonly by: 'known' | 'confirmed' | 'read' | 'stale';
  /** Another request asked the UFS. */
  readonly joined: boolean;
}

/** Of the first segment of a range. */
export interface PageCount {
  readonly hit: number;
  readonly total: number;
  /** Another request brings the first page. */
  readonly coalesced: boolean;
}

/** The segment by which `x-cache` is decided before the headers go out (DESIGN §6). */
const segmentBytes = 64 * 1024 * 1024;

export function hasWhatIsAsked(request: ReadQuestion, { record: { content } }: KnownInfo): boolean {
  return content.kind === 'absent' || content.info.checksumsKnown || !needsChecksums(request);
}

/**
 * Of a HEAD's 404 nobody knows whether key or bucket is missing, and a bucket of the pattern mount may well
 * be: a GET, whose client is told which, asks again.
 */
export function mayBeBucket({ object, want }: ReadQuestion, answer: UfsAnswer): boolean {
  return want === 'bytes' && object.mount.pattern !== undefined && answer.guessed === true;
}

/** Whether the UFS is out of order: no answer, or one that says nothing of the object. */
export function isOutOfOrder(error: unknown): boolean {
  return isKind(error, 'ufs-unavailable') || (isUfsAnswer(error) && error.answer.status >= 500);
}

/** Whether the UFS says that there is nothing to see: what was known must not be shown later either. */
export function isDenial(error: unknown): boolean {
  return isUfsAnswer(error) && [401, 403, 404].includes(error.answer.status);
}

/** A HEAD where bytes are probably here, with others, or not wanted, otherwise the GET that brings both. */
export function queryOf(
  request: ReadQuestion,
  before: ObjectInfo | undefined,
  { pages, placement }: { readonly pages: Pages; readonly placement: Placement | undefined },
): InfoQuery {
  if (request.want === 'info') return { method: 'head' };
  const plan = before && planOf(request, before);
  const range: RangeRequest | undefined =
    plan && plan.range !== 'unsatisfiable' ? { kind: 'span', ...plan.range } : request.range;
  if (beginsElsewhere(placement, request.object, range)) return { method: 'head' };
  if (before && plan) {
    if (plan.condition !== 'met' || plan.range === 'unsatisfiable') return { method: 'head' };
    const { start, endExclusive } = plan.range;
    if (start === endExclusive) return { method: 'head' };
    const index = Math.floor(start / request.object.mount.pageSizeBytes);
    if (pages.has({ set: pageSetOf(request.object, before), index })) return { method: 'head' };
  }
  return { method: 'get', range: request.range, needChecksums: needsChecksums(request) };
}

/**
 * Of the range's first segment: how many pages there are, how many are cached, and whether another request
 * brings the first. Pages of the fill that the info came with are no hits, though some may be stored already.
 */
export function countPages(
  { set, pageSizeBytes }: { readonly set: PageSetId; readonly pageSizeBytes: number },
  range: ByteRange,
  { store, flights, fill, joined }: CountContext,
): PageCount {
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

interface CountContext {
  readonly store: Pages;
  readonly flights: { get(page: PageId): unknown };
  readonly fill: { brings(index: number): boolean } | undefined;
  readonly joined: boolean;
}

export function infoResultOf(way: InfoWay): CacheResult {
  if (way.by === 'known') return 'HIT';
  if (way.by === 'stale') return 'STALE';
  if (way.by === 'confirmed') return 'REVALIDATED';
  return way.joined ? 'COALESCED' : 'MISS';
}

export function pageResultOf(way: InfoWay, pages: PageCount): CacheResult {
  if (way.by === 'stale') return 'STALE';
  if (pages.hit === pages.total) return way.by === 'known' ? 'HIT' : 'REVALIDATED';
  if (pages.hit > 0) return 'PARTIAL';
  return pages.coalesced ? 'COALESCED' : 'MISS';
}
