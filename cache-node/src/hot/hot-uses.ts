/**
 * What was served from hot objects, gathered for the home: which pages were used, so that eviction knows
 * them, and how many bytes each mount served, so that its read amplification is right. Told in batches.
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

export class GatheredUses {
  readonly #tell: (uses: HotUses) => void;
  #pages = new Map<PageSetId, Set<number>>();
  #pageCount = 0;
  #servedBytes = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;

  constructor(tell: (uses: HotUses) => void) {
    this.#tell = tell;
  }

  used(set: PageSetId, first: number, count: number): void {
    let indexes = this.#pages.get(set);
    if (!indexes) {
      indexes = new Set();
      this.#pages.set(set, indexes);
    }
    const before = indexes.size;
    for (let index = first; index < first + count; index += 1) indexes.add(index);
    this.#pageCount += indexes.size - before;
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
    if (this.#pageCount === 0 && this.#servedBytes.size === 0) return;
    const pages = [...this.#pages].map(([set, indexes]) => [set, [...indexes]] as const);
    const uses = { pages, servedBytes: [...this.#servedBytes] };
    this.#pages = new Map();
    this.#pageCount = 0;
    this.#servedBytes = new Map();
    this.#tell(uses);
  }

  #arm(): void {
    this.#timer ??= setTimeout(() => this.flush(), flushMs).unref();
  }
}
