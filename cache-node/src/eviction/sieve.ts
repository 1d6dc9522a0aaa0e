/**
 * SIEVE eviction (Zhang et al., NSDI 2024): a hit only sets a bit; the hand walks from old to new, spares
 * what was visited since it last passed, and evicts the rest. Scans pass through without pushing out what
 * is used.
 */
export interface SieveEntry<T> {
  readonly item: T;
  visited: boolean;
  newer: SieveEntry<T> | undefined;
  older: SieveEntry<T> | undefined;
}

export class Sieve<T> {
  #newest: SieveEntry<T> | undefined;
  #oldest: SieveEntry<T> | undefined;
  #hand: SieveEntry<T> | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  insert(item: T): SieveEntry<T> {
    const entry: SieveEntry<T> = { item, visited: false, newer: undefined, older: this.#newest };
    if (this.#newest) this.#newest.newer = entry;
    this.#newest = entry;
    this.#oldest ??= entry;
    this.#size += 1;
    return entry;
  }

  /** Takes an entry out. It must be in. */
  remove(entry: SieveEntry<T>): void {
    if (this.#hand === entry) this.#hand = entry.newer;
    if (entry.newer) entry.newer.older = entry.older;
    else this.#newest = entry.older;
    if (entry.older) entry.older.newer = entry.newer;
    else this.#oldest = entry.newer;
    entry.newer = undefined;
    entry.older = undefined;
    this.#size -= 1;
  }

  /** The next to go, taken out; undefined when empty. */
  evict(): T | undefined {
    let entry = this.#hand ?? this.#oldest;
    while (entry?.visited) {
      entry.visited = false;
      entry = entry.newer ?? this.#oldest;
    }
    if (!entry) return undefined;
    this.#hand = entry;
    this.remove(entry);
    return entry.item;
  }
}
