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

export interface FoundPage {
  readonly bytes: Uint8Array;
  readonly tier: 'memory' | 'disk';
}

export interface PageStoreOptions {
  readonly directory: string;
  readonly cacheSizeBytes: number;
  readonly memorySizeBytes: number;
  readonly diskWriteQueueBytesMax: number;
  readonly metrics: CacheNodeMetrics;
  readonly log: Log;
}

export class PageStore {
  readonly memory: MemoryPages;
  readonly disk: DiskPages;
  readonly #writeQueueBytesMax: number;
  readonly #metrics: CacheNodeMetrics;
  readonly #writes = new Set<Promise<void>>();
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

  /** Verified bytes of a page, or undefined: a miss is the normal life of a cache. */
  async get(page: PageId): Promise<FoundPage | undefined> {
    const inMemory = this.memory.get(page);
    if (inMemory) return { bytes: inMemory, tier: 'memory' };
    const onDisk = await this.disk.get(page);
    if (!onDisk) return undefined;
    this.memory.put(page, onDisk);
    return { bytes: onDisk, tier: 'disk' };
  }

  /**
   * Keeps a complete page. Resolves when it can be found in the store (memory: at once; else when on disk),
   * or when it is certain that it will not be kept. `bytes` must never change afterwards.
   */
  put(page: PageId, bytes: Uint8Array): Promise<void> | undefined {
    const inMemory = this.memory.put(page, bytes);
    const written = this.#writeBehind(page, bytes);
    return inMemory ? undefined : written;
  }

  /** Waits for all writes under way. */
  async close(): Promise<void> {
    await Promise.all(this.#writes);
  }

  #writeBehind(page: PageId, bytes: Uint8Array): Promise<void> | undefined {
    if (this.#writeQueueBytes + bytes.byteLength > this.#writeQueueBytesMax) {
      this.#metrics.pagesNotStored.inc({ reason: 'queue_full' });
      return undefined;
    }
    this.#writeQueueBytes += bytes.byteLength;
    const write = this.disk.put(page, bytes).then((stored) => {
      this.#writeQueueBytes -= bytes.byteLength;
      this.#writes.delete(write);
      if (!stored) this.#metrics.pagesNotStored.inc({ reason: 'disk' });
    });
    this.#writes.add(write);
    return write;
  }
}
