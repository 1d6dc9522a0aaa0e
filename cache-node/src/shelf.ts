/** What lies in the page store, for who looks at it. Nothing is touched, promoted or asked of a UFS. */
import { type ObjectRef, objectIdOf } from '@forebay/core/mount';
import { type ObjectInfo, versionOf } from '@forebay/core/object';
import { pageLengthBytes, pageSetIdOf } from '@forebay/core/page';
import type { PageMap, StoredBelow } from '@forebay/core/stored';
import { keptPages } from './page-store/kept-pages.ts';
import type { PageStore } from './page-store/page-store.ts';
import type { BelowMatch } from './page-store/stored-below.ts';

const cellsMax = 512;

/** What names a version of an object. */
export type NamedVersion = Pick<ObjectInfo, 'etag' | 'sizeBytes' | 'versionId'>;

export class Shelf {
  readonly #store: PageStore;

  constructor(store: PageStore) {
    this.#store = store;
  }

  /** @throws the signal's reason */
  below(match: BelowMatch): Promise<StoredBelow> {
    return this.#store.below(match);
  }

  /** @param owns which pages count; the others are told as `copies` */
  pageMap(
    object: ObjectRef,
    version: NamedVersion,
    owns: (index: number) => boolean = () => true,
  ): PageMap & { readonly copies: number } {
    const { pageSizeBytes } = object.mount;
    const { sizeBytes } = version;
    const total = Math.ceil(sizeBytes / pageSizeBytes);
    // A power of two: so that a cell is of one segment.
    const pagesPerCell = 2 ** Math.max(0, Math.ceil(Math.log2(total / cellsMax)));
    const cells = Math.ceil(total / pagesPerCell);
    const tiers = { memory: new Array<number>(cells).fill(0), disk: new Array<number>(cells).fill(0) };
    const [cached, copies] = [new Set<number>(), new Set<number>()];
    let cachedBytes = 0;
    const set = pageSetIdOf(objectIdOf(object), versionOf(version), pageSizeBytes);
    for (const { index, tier } of keptPages(this.#store, set)) {
      if (!owns(index)) {
        copies.add(index);
        continue;
      }
      tiers[tier === 'memory' ? 'memory' : 'disk'][Math.floor(index / pagesPerCell)]! += 1;
      if (!cached.has(index)) cachedBytes += pageLengthBytes(index, sizeBytes, pageSizeBytes);
      cached.add(index);
    }
    const counts = { total, cached: cached.size, copies: copies.size, cachedBytes };
    return { pageSizeBytes, ...counts, pagesPerCell, ...tiers };
  }
}
