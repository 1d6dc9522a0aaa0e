/**
 * The page store: memory above disk. A page goes into memory at once and to disk in the background, through
 * a queue bounded in bytes; over the bound it stays in memory only and is counted. Nothing here fails a
 * read.
 */
import type { Log } from '@forebay/core/log';
import type { PageId, PageSetId } from '@forebay/core/page';
import type { CacheNodeMetrics } from '../metrics.ts';
import { DiskPages } from './disk.ts';
import { MemoryPages } from './memory.ts';
import type { PagedObject, PageSlice } from './paged-object.ts';

export interface PageStoreOptions {
  readonly directory: string;
  readonly cacheSizeBytes: number;
  readonly memorySizeBytes: number;
  readonly diskWriteQueueBytesMax: number;
  readonly metrics: CacheNodeMetrics;
  readonly log: Log;
}

/** Of one read, so that what a slow reader holds is little. */
const sliceBytesMax = 256 * 1024;

export class PageStore {
  readonly memory: MemoryPages;
  readonly disk: DiskPages;
  readonly #writeQueueBytesMax: number;
  readonly #metrics: CacheNodeMetrics;
  readonly #writes = new Set<Promise<boolean>>();
  #writeQueueBytes = 0;

  private constructor(disk: DiskPages, options: PageStoreOptions) {
    this.disk = disk;
    this.#metrics = options.metrics;
    this.#writeQueueBytesMax = options.diskWriteQueueBytesMax;
    this.memory = new MemoryPages({
      sizeBytesMax: options.memorySizeBytes,
      onEvict: () => options.metrics.evictions.inc({ reason: 'memory_budget' }),
    });
  }

  static async open(options: PageStoreOptions): Promise<PageStore> {
    const { metrics, log } = options;
    const disk = await DiskPages.open({
      directory: options.directory,
      sizeBytesMax: options.cacheSizeBytes,
      log,
      events: {
        onEvict: () => metrics.evictions.inc({ reason: 'disk_budget' }),
        onCorrupt: (page) => {
          metrics.pageCorruptions.inc();
          log.warn({ set: page.set, index: page.index }, 'a stored page failed its checksum and was dropped');
        },
        onError: (what, error) => {
          metrics.diskErrors.inc({ op: what });
          log.warn({ op: what, reason: (error as Error).message }, 'page directory error');
        },
      },
    });
    return new PageStore(disk, options);
  }

  has(page: PageId): boolean {
    return this.memory.has(page) || this.disk.has(page);
  }

  /** Indexes of a set's pages that are in either tier. */
  indexesOf(set: PageSetId): Set<number> {
    return new Set([...this.memory.indexesOf(set), ...this.disk.indexesOf(set)]);
  }

  /** A page in memory: shared, immutable, never reused. */
  inMemory(page: PageId): Uint8Array | undefined {
    return this.memory.get(page);
  }

  /**
   * Verified bytes from `start` on: all that was asked for or fewer, never none. Undefined: a miss, the normal
   * life of a cache.
   */
  async read(page: PageId, start: number, endExclusive: number): Promise<PageSlice | undefined> {
    const bytes = this.memory.get(page) ?? (await this.disk.get(page));
    if (!bytes) return undefined;
    this.memory.put(page, bytes);
    const sliceEnd = Math.min(endExclusive, start + sliceBytesMax);
    return { bytes: bytes.subarray(start, sliceEnd), release: () => {} };
  }

  /**
   * Keeps a complete page. Resolves when it can be found in the store (true), or when it is certain that it
   * will not be kept (false); `bytes` may be used for something else after that. Never throws.
   */
  put(page: PageId, bytes: Uint8Array, _of: PagedObject): Promise<boolean> {
    const copy = Buffer.from(bytes);
    const inMemory = this.memory.put(page, copy);
    const written = this.#writeBehind(page, copy);
    return inMemory ? Promise.resolve(true) : written;
  }

  /** Whether a page of this length would be stored now, if it came. */
  couldStore(_of: PagedObject, lengthBytes: number): boolean {
    return lengthBytes <= Math.max(this.memory.sizeBytesMax, this.disk.sizeBytesMax);
  }

  /** Waits for all writes under way. */
  async close(): Promise<void> {
    await Promise.all(this.#writes);
  }

  #writeBehind(page: PageId, bytes: Uint8Array): Promise<boolean> {
    if (this.#writeQueueBytes + bytes.byteLength > this.#writeQueueBytesMax) {
      this.#metrics.pagesNotStored.inc({ reason: 'queue_full' });
      return Promise.resolve(false);
    }
    this.#writeQueueBytes += bytes.byteLength;
    const write = this.disk.put(page, bytes).then((stored) => {
      this.#writeQueueBytes -= bytes.byteLength;
      this.#writes.delete(write);
      if (!stored) this.#metrics.pagesNotStored.inc({ reason: 'disk' });
      return stored;
    });
    this.#writes.add(write);
    return write;
  }
}
