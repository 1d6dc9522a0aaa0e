/**
 * What the home tells another process of its machine so that it can answer hits by itself: info that may be
 * used, how long and while which counters stand still, and where the pages lie. All of it is looked at in one
 * tick, the counters first, so that whatever happens after shows in them.
 */
import type { CachePolicy } from '@forebay/core/cache-policy';
import { allCell, type Cells, cellOf } from '@forebay/core/changes';
import { type ObjectRef, placementKeyOf, ufsIdentityOf } from '@forebay/core/mount';
import type { ObjectInfo } from '@forebay/core/object';
import type { PageId, PageSetId } from '@forebay/core/page';
import { isCacheable } from '../fill/cacheable.ts';
import { pageSetOf } from '../fill/page-source.ts';
import type { InfoStore } from '../info-store/info-store.ts';
import type { PlacedPage } from '../page-store/paged-object.ts';

export interface HotQuestion {
  readonly object: ObjectRef;
  /** Pages whose places are wanted. */
  readonly first: number;
  readonly endExclusive: number;
}

/** The facts hold while every cell has its value. */
export interface CellValue {
  readonly cell: number;
  readonly value: number;
}

export interface HotPageFacts extends PlacedPage {
  readonly index: number;
  /** The whole page where it is small and in memory: verified, and never changed. */
  readonly bytes: Uint8Array | undefined;
}

export interface HotFacts {
  readonly info: ObjectInfo;
  /** Since the UFS request that confirmed it was sent, at the time of the answer. */
  readonly ageMs: number;
  /** How long it may be used from then on; `Infinity` on `immutable` mounts. */
  readonly freshForMs: number;
  readonly cells: readonly CellValue[];
  readonly set: PageSetId;
  /** Those of the pages asked for that can be read now. */
  readonly pages: readonly HotPageFacts[];
}

interface FactsFrom {
  readonly info: InfoStore;
  readonly store: {
    placeOf(page: PageId): PlacedPage | undefined;
    inMemory(page: PageId): Uint8Array | undefined;
  };
  readonly policyOf: (object: ObjectRef) => CachePolicy;
  readonly cells: Cells;
}

/** Undefined where the object has to be asked for at its home, every time. */
export function factsOf({ object, first, endExclusive }: HotQuestion, from: FactsFrom): HotFacts | undefined {
  const cells = cellsOf(object, from.cells);
  const known = from.info.usable(object);
  if (known?.record.content.kind !== 'object') return undefined;
  const { info } = known.record.content;
  const policy = from.policyOf(object);
  if (!isCacheable(info, policy)) return undefined;
  const set = pageSetOf(object, info);
  const pages: HotPageFacts[] = [];
  for (let index = first; index < endExclusive; index += 1) {
    const page = factsOfPage({ set, index }, from.store);
    // When a page that is only in memory has to go nobody tells.
    if (page && (page.path !== '' || policy.cacheTtlMs === undefined)) pages.push(page);
  }
  const { freshness, ttlMs } = object.mount;
  const isForGood = freshness === 'immutable' && !known.record.isDoubtful;
  const freshForMs = isForGood ? Number.POSITIVE_INFINITY : ttlMs - known.ageMs;
  return { info, ageMs: known.ageMs, freshForMs, cells, set, pages };
}

function cellsOf(object: ObjectRef, cells: Cells): CellValue[] {
  const names = [placementKeyOf(object), ufsIdentityOf(object.mount.ufs)];
  return [allCell, ...names.map(cellOf)].map((cell) => ({ cell, value: cells.valueOf(cell) }));
}

/** Larger ones are read by who is told of them. */
const smallPageBytesMax = 64 * 1024;

/**
 * A page that is only in memory has no file, and goes along as it is; of the others small ones do, which
 * costs less than reading them.
 */
function factsOfPage(page: PageId, store: FactsFrom['store']): HotPageFacts | undefined {
  const bytes = store.inMemory(page);
  const place = store.placeOf(page);
  if (place) {
    const isSmall = place.lengthBytes <= smallPageBytesMax;
    return { ...place, index: page.index, bytes: isSmall ? bytes : undefined };
  }
  if (!bytes) return undefined;
  const lengthBytes = bytes.byteLength;
  return { path: '', packedAt: -1, lengthBytes, seal: 0, expiresAtMs: undefined, index: page.index, bytes };
}
