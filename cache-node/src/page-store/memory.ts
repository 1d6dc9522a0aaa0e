/**
 * The memory tier: verified page buffers under a byte budget. Lookups never wait. Sized 0, it holds
 * nothing.
 */
import type { PageId, PageSetId } from '@forebay/core/page';
import { Sieve, type SieveEntry } from '../eviction/sieve.ts';
import { PageIndex } from './page-index.ts';

interface Held {
  readonly page: PageId;
  readonly bytes: Uint8Array;
}

export class MemoryPages {
  readonly sizeBytesMax: number;
  readonly #index = new PageIndex<SieveEntry<Held>>();
  readonly #sieve = new Sieve<Held>();
  readonly #onEvict: () => void;
  #sizeBytes = 0;

  constructor(options: { sizeBytesMax: number; onEvict: () => void }) {
    this.sizeBytesMax = options.sizeBytesMax;
    this.#onEvict = options.onEvict;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  get(page: PageId): Uint8Array | undefined {
    const entry = this.#index.get(page);
    if (!entry) return undefined;
    entry.visited = true;
    return entry.item.bytes;
  }

  has(page: PageId): boolean {
    return this.#index.get(page) !== undefined;
  }

  indexesOf(set: PageSetId): Iterable<number> {
    return this.#index.indexesOf(set);
  }

  /** The buffer must be exactly the page and never change. False where it does not fit at all. */
  put(page: PageId, bytes: Uint8Array): boolean {
    if (bytes.byteLength > this.sizeBytesMax) return false;
    if (this.#index.get(page)) return true;
    while (this.#sizeBytes + bytes.byteLength > this.sizeBytesMax) {
      const victim = this.#sieve.evict();
      if (!victim) return false;
      this.#index.delete(victim.page);
      this.#sizeBytes -= victim.bytes.byteLength;
      this.#onEvict();
    }
    this.#index.add(page, this.#sieve.insert({ page, bytes }));
    this.#sizeBytes += bytes.byteLength;
    return true;
  }
}
