/**
 * The memory tier: verified bytes of small pages under a byte budget; of all pages where no directory takes
 * them. Lookups never wait. Sized 0, it holds nothing.
 */
import type { PageId, PageSetId } from '@forebay/core/page';
import { Sieve, type SieveEntry } from '../eviction/sieve.ts';
import { packedBytesMax } from './directory-layout.ts';
import { PageIndex } from './page-index.ts';

/**
 * Pages that are packed. Larger ones are in the system's page cache anyway, and cheaper to send from there; a
 * copy of 128 KiB costs half of what sendfile and the look into the page cache do.
 */
export const memoryPageBytesMax = packedBytesMax;

interface Held {
  readonly page: PageId;
  readonly bytes: Uint8Array;
  /** `bucket/key`; undefined for what came from disk. */
  readonly path: string | undefined;
  readonly expiresAtMs: number;
}

export class MemoryPages {
  readonly sizeBytesMax: number;
  readonly #index = new PageIndex<SieveEntry<Held>>();
  readonly #sieve = new Sieve<Held>();
  readonly #onEvict: () => void;
  readonly #nowMs: () => number;
  #sizeBytes = 0;

  constructor(options: { sizeBytesMax: number; onEvict: () => void; nowMs: () => number }) {
    this.sizeBytesMax = options.sizeBytesMax;
    this.#onEvict = options.onEvict;
    this.#nowMs = options.nowMs;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  get(page: PageId): Uint8Array | undefined {
    const entry = this.#index.get(page);
    if (!entry) return undefined;
    if (entry.item.expiresAtMs <= this.#nowMs()) {
      this.#remove(entry);
      return undefined;
    }
    entry.visited = true;
    return entry.item.bytes;
  }

  has(page: PageId): boolean {
    const entry = this.#index.get(page);
    return entry !== undefined && entry.item.expiresAtMs > this.#nowMs();
  }

  indexesOf(set: PageSetId): Iterable<number> {
    return this.#index.indexesOf(set);
  }

  /** `bytes` must be exactly the page and never change. False where it does not fit at all. */
  put(held: Held): boolean {
    const { page, bytes } = held;
    if (bytes.byteLength > this.sizeBytesMax) return false;
    if (this.#index.get(page)) return true;
    while (this.#sizeBytes + bytes.byteLength > this.sizeBytesMax) {
      const victim = this.#sieve.evict();
      if (!victim) return false;
      this.#index.delete(victim.page);
      this.#sizeBytes -= victim.bytes.byteLength;
      this.#onEvict();
    }
    this.#index.add(page, this.#sieve.insert(held));
    this.#sizeBytes += bytes.byteLength;
    return true;
  }

  remove(page: PageId): void {
    const entry = this.#index.get(page);
    if (entry) this.#remove(entry);
  }

  /** All that is held now. */
  held(): readonly Held[] {
    return [...this.#index.entries()].map(({ item }) => item);
  }

  #remove(entry: SieveEntry<Held>): void {
    this.#sieve.remove(entry);
    this.#index.delete(entry.item.page);
    this.#sizeBytes -= entry.item.bytes.byteLength;
  }
}
