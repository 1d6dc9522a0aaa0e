/**
 * The page store: a memory tier for small pages above page directories, each with its own budget. A page
 * goes to disk in the background, through a queue bounded in bytes. Nothing here fails a read: what is not
 * there, not whole or not readable is a miss.
 */
import type { DirectoryStats } from '@forebay/core/cache-node';
import type { Freed } from '@forebay/core/freeing';
import type { PageId, PageSetId } from '@forebay/core/page';
import { BufferPool } from '../buffers/buffer-pool.ts';
import { UseSketch } from '../eviction/use-sketch.ts';
import { noRow } from '../rows/rows.ts';
import { storedBytesOf } from './directory-pages.ts';
import { type FreeMatch, freePages } from './freeing.ts';
import { MemoryPages, memoryPageBytesMax } from './memory.ts';
import { openDirectories, type PageStoreOptions } from './open-directories.ts';
import type { PageDirectory } from './page-directory.ts';
import { PageIndex } from './page-index.ts';
import { descriptionBytesMax, encodeDescription } from './page-stamp.ts';
import { type PageRow, PageTable } from './page-table.ts';
import type { PagedObject, PageSlice } from './paged-object.ts';
import { ScopeNames } from './scope-names.ts';
import { applyPolicies, type PolicyOf } from './stored-objects.ts';

const buffersKeptBytesMax = 16 * 1024 * 1024;
/** Of the sketch that counts uses of pages that are not stored yet. */
const usesBytes = 1024 * 1024;
const expiryMs = 1000;
const expiryRows = 20_000;
const complainMs = 60_000;

interface FilledPage {
  readonly page: PageId;
  readonly bytes: Uint8Array;
  readonly filledAtSeconds: number;
}

export class PageStore {
  readonly memory: MemoryPages;
  readonly #options: PageStoreOptions;
  readonly #table: PageTable;
  readonly #scopes: ScopeNames;
  readonly #directories: PageDirectory[];
  readonly #writes = new PageIndex<Promise<boolean>>();
  readonly #running = new Set<Promise<unknown>>();
  readonly #writingBytesOf = new Map<number, number>();
  readonly #uses = new UseSketch({ memoryBytes: usesBytes });
  readonly #expiry: NodeJS.Timeout;
  #writeQueueBytes = 0;
  #complainedAtMs = Number.NEGATIVE_INFINITY;

  private constructor(
    options: PageStoreOptions,
    parts: { table: PageTable; scopes: ScopeNames; directories: PageDirectory[] },
  ) {
    this.#options = options;
    this.#table = parts.table;
    this.#scopes = parts.scopes;
    this.#directories = parts.directories;
    this.memory = new MemoryPages({
      sizeBytesMax: options.memorySizeBytes,
      onEvict: () => options.metrics.evictions.inc({ reason: 'memory_budget' }),
      nowMs: () => options.clock.wallMs(),
    });
    this.#expiry = setInterval(() => void this.#dropExpired(), expiryMs);
    this.#expiry.unref();
  }

  /** @throws DirectoryInUseError where another process has one of the directories. */
  static async open(options: PageStoreOptions): Promise<PageStore> {
    const table = new PageTable();
    const scopes = new ScopeNames();
    const buffers = new BufferPool({ keptBytesMax: buffersKeptBytesMax });
    const directories = await openDirectories(options, { table, scopes, buffers });
    return new PageStore(options, { table, scopes, directories });
  }

  has(page: PageId): boolean {
    return this.memory.has(page) || this.#find(page) !== noRow;
  }

  /** Pages of a set that can be read from a directory, and how they lie there. */
  *onDisk(set: PageSetId): Generator<{ index: number; tier: 'packed' | 'file'; directory: string }, void> {
    const table = this.#table;
    for (const row of table.pagesOf(set)) {
      if (!this.#isReadable(row)) continue;
      const { path } = this.#directories[table.directoryOf(row)]!;
      const tier = table.packOf(row) >= 0 ? 'packed' : 'file';
      yield { index: table.indexOf(row), tier, directory: path };
    }
  }

  /** A page in memory: shared, immutable, never reused. */
  inMemory(page: PageId): Uint8Array | undefined {
    return this.memory.get(page);
  }

  /**
   * Verified bytes from `start` on: all that was asked for or fewer, never none. Undefined: a miss, the
   * normal life of a cache.
   */
  async read(page: PageId, start: number, endExclusive: number): Promise<PageSlice | undefined> {
    const inMemory = this.memory.get(page);
    if (inMemory) return { bytes: inMemory.subarray(start, endExclusive), release: () => {} };
    const row = this.#find(page);
    if (row === noRow) return undefined;
    const directory = this.#directories[this.#table.directoryOf(row)]!;
    const lengthBytes = this.#table.lengthOf(row);
    const end = Math.min(endExclusive, lengthBytes);
    if (start >= end) return undefined;
    const expiresAtMs = this.#expiresAtMsOf(row);
    const slice = await directory.read(row, { start, endExclusive: end });
    if (slice && slice.bytes.byteLength === lengthBytes && lengthBytes <= this.#memoryPageBytesMax()) {
      this.memory.put({ page, bytes: Buffer.from(slice.bytes), path: undefined, expiresAtMs });
    }
    return slice;
  }

  /**
   * Keeps a complete page. Resolves when it can be found in the store (true), or when it is certain that it
   * will not be kept (false); `bytes` may be used for something else after that. Never throws.
   */
  put(page: PageId, bytes: Uint8Array, of: PagedObject): Promise<boolean> {
    const { minUses } = of.policy;
    const isSeldom = minUses > 1 && !this.has(page) && this.#uses.use(page) < minUses;
    if (isSeldom || !this.couldStore(of, bytes.byteLength)) {
      this.#options.metrics.pagesNotStored.inc({ reason: 'policy' });
      return Promise.resolve(false);
    }
    const keepInMemory = bytes.byteLength <= this.#memoryPageBytesMax();
    const copy = keepInMemory ? Buffer.from(bytes) : undefined;
    const ttlMs = of.policy.cacheTtlMs ?? Number.POSITIVE_INFINITY;
    const expiresAtMs = this.#options.clock.wallMs() + ttlMs;
    const held = copy !== undefined && this.memory.put({ page, bytes: copy, path: of.path, expiresAtMs });
    const written = this.#writes.get(page) ?? this.#writeBehind(page, copy ?? bytes, of);
    return held ? Promise.resolve(true) : written;
  }

  /** Whether a page of this length would be stored now, if it came. */
  couldStore(of: PagedObject, lengthBytes: number): boolean {
    const { maxObjectSizeBytes, quotaBytes } = of.policy;
    if (of.sizeBytes > maxObjectSizeBytes) return false;
    if (quotaBytes !== undefined && lengthBytes > quotaBytes) return false;
    if (lengthBytes <= Math.min(this.#memoryPageBytesMax(), this.memory.sizeBytesMax)) return true;
    return this.#directories.some((directory) => directory.couldHold(lengthBytes));
  }

  /** In both tiers, those on their way to disk included. @throws the signal's reason */
  async free(match: FreeMatch): Promise<Freed> {
    await Promise.allSettled(this.#running);
    return freePages({ table: this.#table, directories: this.#directories, memory: this.memory }, match);
  }

  /** Pages that are stored follow these policies from now on. */
  applyPolicies(policyOf: PolicyOf): Promise<void> {
    return applyPolicies(
      { table: this.#table, directories: this.#directories, scopes: this.#scopes },
      policyOf,
    );
  }

  usage(): { directories: DirectoryStats[]; scopes: { scope: string; bytes: number; pages: number }[] } {
    return {
      directories: this.#directories.map(({ path, state, reason, bytes, bytesMax, pages }) => {
        return { path, state, reason, bytes, bytesMax, pages };
      }),
      scopes: this.#scopes.names.map((scope, number) => ({ scope, ...this.#table.usageOf(number) })),
    };
  }

  /** Waits for all writes under way. */
  async close(): Promise<void> {
    clearInterval(this.#expiry);
    await Promise.allSettled(this.#running);
    for (const directory of this.#directories) await directory.close();
  }

  #memoryPageBytesMax(): number {
    return this.#directories.some(({ canWrite }) => canWrite) ? memoryPageBytesMax : this.memory.sizeBytesMax;
  }

  #find(page: PageId): PageRow {
    const row = this.#table.find(page.set, page.index);
    return row !== noRow && this.#isReadable(row) ? row : noRow;
  }

  #isReadable(row: PageRow): boolean {
    const { canRead } = this.#directories[this.#table.directoryOf(row)]!;
    return canRead && !this.#table.isExpired(row, this.#nowSeconds());
  }

  #nowSeconds(): number {
    return Math.floor(this.#options.clock.wallMs() / 1000);
  }

  #expiresAtMsOf(row: PageRow): number {
    const { ttlSeconds } = this.#table.policyOf(this.#table.setOf(row)) ?? {};
    if (ttlSeconds === undefined) return Number.POSITIVE_INFINITY;
    return (this.#table.filledAtOf(row) + ttlSeconds) * 1000;
  }

  #writeBehind(page: PageId, bytes: Uint8Array, of: PagedObject): Promise<boolean> {
    const { metrics, diskWriteQueueBytesMax } = this.#options;
    if (this.#find(page) !== noRow) return Promise.resolve(true);
    if (this.#writeQueueBytes + bytes.byteLength > diskWriteQueueBytesMax) {
      metrics.pagesNotStored.inc({ reason: 'queue_full' });
      return Promise.resolve(false);
    }
    this.#writeQueueBytes += bytes.byteLength;
    const filledAtSeconds = this.#nowSeconds();
    const write = this.#write({ page, bytes, filledAtSeconds }, of).finally(() => {
      this.#writeQueueBytes -= bytes.byteLength;
      this.#writes.delete(page);
      this.#running.delete(write);
    });
    this.#writes.add(page, write);
    this.#running.add(write);
    return write;
  }

  async #write(filled: FilledPage, of: PagedObject): Promise<boolean> {
    const { page, bytes, filledAtSeconds } = filled;
    const { metrics } = this.#options;
    const description = encodeDescription(of);
    const directory = this.#placeFor(bytes.byteLength);
    if (!directory || description.byteLength > descriptionBytesMax) {
      metrics.pagesNotStored.inc({ reason: 'disk' });
      return false;
    }
    const { policy } = of;
    const scope = this.#scopes.numberOf(policy.scope);
    const storedBytes = storedBytesOf(bytes.byteLength, description.byteLength);
    const writing = this.#writingBytesOf.get(scope) ?? 0;
    this.#writingBytesOf.set(scope, writing + storedBytes);
    try {
      if (!(await this.#keepQuota(scope, policy.quotaBytes))) {
        metrics.pagesNotStored.inc({ reason: 'quota' });
        return false;
      }
      await this.#forgetUnreadable(page);
      const ttlSeconds = policy.cacheTtlMs === undefined ? undefined : Math.ceil(policy.cacheTtlMs / 1000);
      const { priority, pinned } = policy;
      const terms = { scope, priority, pinned, ttlSeconds, filledAtSeconds };
      const stored = await directory.put({ page, bytes, description, ...terms });
      if (!stored) this.#onNotStored(directory);
      return stored;
    } finally {
      this.#writingBytesOf.set(scope, (this.#writingBytesOf.get(scope) ?? 0) - storedBytes);
    }
  }

  /** The usable directory with the largest share free. */
  #placeFor(lengthBytes: number): PageDirectory | undefined {
    let best: PageDirectory | undefined;
    for (const directory of this.#directories) {
      if (directory.couldHold(lengthBytes) && (!best || directory.fill < best.fill)) best = directory;
    }
    return best;
  }

  /** Makes room within the scope's quota for what is being written; false where it has nothing to give. */
  async #keepQuota(scope: number, quotaBytes: number | undefined): Promise<boolean> {
    if (quotaBytes === undefined) return true;
    const writing = () => this.#writingBytesOf.get(scope) ?? 0;
    while (this.#table.usageOf(scope).bytes + writing() > quotaBytes) {
      const row = this.#table.victimOf(scope);
      if (row === noRow) return false;
      const directory = this.#directories[this.#table.directoryOf(row)]!;
      if (!(await directory.remove(row))) return false;
      this.#options.metrics.evictions.inc({ reason: 'quota' });
    }
    return true;
  }

  /** A page in a directory that cannot be read is stored once more elsewhere, and expired ones anew. */
  async #forgetUnreadable(page: PageId): Promise<void> {
    const row = this.#table.find(page.set, page.index);
    if (row === noRow) return;
    await this.#directories[this.#table.directoryOf(row)]!.remove(row);
  }

  #onNotStored(directory: PageDirectory): void {
    const { metrics, log, clock } = this.#options;
    metrics.pagesNotStored.inc({ reason: 'disk' });
    if (!directory.canWrite || clock.monotonicMs() - this.#complainedAtMs < complainMs) return;
    this.#complainedAtMs = clock.monotonicMs();
    log.warn(
      { directory: directory.path },
      'a page found no room: all that is stored is pinned, or cannot go',
    );
  }

  async #dropExpired(): Promise<void> {
    for (const row of this.#table.expired(this.#nowSeconds(), expiryRows)) {
      if (!this.#table.isUsed(row) || !this.#table.isExpired(row, this.#nowSeconds())) continue;
      const directory = this.#directories[this.#table.directoryOf(row)]!;
      if (await directory.remove(row)) this.#options.metrics.evictions.inc({ reason: 'ttl' });
    }
  }
}
