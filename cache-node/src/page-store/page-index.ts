/**
 * Which pages a tier holds, in two steps (set, then index): a set's pages are found and counted without a
 * walk, and no key string is built on a lookup.
 */
import type { PageId, PageSetId } from '@forebay/core/page';

export class PageIndex<Entry> {
  readonly #sets = new Map<PageSetId, Map<number, Entry>>();
  #count = 0;

  get count(): number {
    return this.#count;
  }

  get(page: PageId): Entry | undefined {
    return this.#sets.get(page.set)?.get(page.index);
  }

  /** The page must not be in yet. */
  add(page: PageId, entry: Entry): void {
    let pages = this.#sets.get(page.set);
    if (!pages) {
      pages = new Map();
      this.#sets.set(page.set, pages);
    }
    pages.set(page.index, entry);
    this.#count += 1;
  }

  delete(page: PageId): void {
    const pages = this.#sets.get(page.set);
    if (!pages?.delete(page.index)) return;
    this.#count -= 1;
    if (pages.size === 0) this.#sets.delete(page.set);
  }

  *entries(): Generator<Entry> {
    for (const pages of this.#sets.values()) yield* pages.values();
  }

  /** Indexes of a set's pages, in no order. */
  indexesOf(set: PageSetId): Iterable<number> {
    return this.#sets.get(set)?.keys() ?? [];
  }
}
