/**
 * What was served from hot objects, gathered for the home: which pages were used, so that eviction knows
 * them, and how many bytes each mount served, so that its read amplification is right. Told in batches.
 *
 * Uses of a page in the batch in which it became hot are not told: it was read at the home a moment ago, and
 * reads of the same page in small ranges are one use, which the home knows of. Not for longer: the
 * home has to know what is hot.
 */
import type { Mount } from '@forebay/core/mount';
import type { PageSetId } from '@forebay/core/page';

export interface HotUses {
  readonly pages: readonly (readonly [set: PageSetId, indexes: readonly number[]])[];
  readonly servedBytes: readonly (readonly [mountPath: string, bytes: number])[];
}

const flushMs = 500;
/** Told at once where so many are waiting. */
const pagesMax = 4096;

type PagesBySet = Map<PageSetId, Set<number>>;

export class GatheredUses {
  readonly #tell: (uses: HotUses) => void;
  #pages: PagesBySet = new Map();
  #pageCount = 0;
  /** Pages that have become hot since uses were told last. */
  #newlyHot: PagesBySet = new Map();
  #servedBytes = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;

  constructor(tell: (uses: HotUses) => void) {
    this.#tell = tell;
  }

  /** These pages are known here from now on. */
  learned(set: PageSetId, first: number, count: number): void {
    addPages(this.#newlyHot, set, first, count);
    this.#arm();
  }

  used(set: PageSetId, first: number, count: number): void {
    this.#pageCount += addPages(this.#pages, set, first, count);
    if (this.#pageCount >= pagesMax) this.flush();
    else this.#arm();
  }

  served({ path }: Mount, bytes: number): void {
    this.#servedBytes.set(path, (this.#servedBytes.get(path) ?? 0) + bytes);
    this.#arm();
  }

  /** Tells what is waiting. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const pages = [...this.#pages]
      .map(
        ([set, indexes]) =>
          [set, [...indexes].filter((index) => !this.#newlyHot.get(set)?.has(index))] as const,
      )
      .filter(([, indexes]) => indexes.length > 0);
    const uses = { pages, servedBytes: [...this.#servedBytes] };
    this.#newlyHot = new Map();
    this.#pages = new Map();
    this.#pageCount = 0;
    this.#servedBytes = new Map();
    if (pages.length > 0 || uses.servedBytes.length > 0) this.#tell(uses);
  }

  #arm(): void {
    this.#timer ??= setTimeout(() => this.flush(), flushMs).unref();
  }
}

/** How many of them are new. */
function addPages(pages: PagesBySet, set: PageSetId, first: number, count: number): number {
  let indexes = pages.get(set);
  if (!indexes) {
    indexes = new Set();
    pages.set(set, indexes);
  }
  const before = indexes.size;
  for (let index = first; index < first + count; index += 1) indexes.add(index);
  return indexes.size - before;
}
