/**
 * The page store: a memory tier for small pages above page directories, each with its own budget. A page
 * goes to disk in the background, through a queue bounded in bytes. Nothing here fails a read: what is not
 * there, not whole or not readable is a miss.
 */
import type { DirectoryStats } from '@forebay/core/cache-node';
import type { Freed } from '@forebay/core/freeing';
import type { PageId, PageSetId } from '@forebay/core/page';
import type { StoredBelow } from '@forebay/core/stored';
import { BufferPool } from '../buffers/buffer-pool.ts';
import { UseSketch } from '../eviction/use-sketch.ts';
import { noRow } from '../rows/rows.ts';
import { type FreeMatch, freePages } from './freeing.ts';
import { MemoryPages, memoryPageBytesMax } from './memory.ts';
import { openDirectories, type PageStoreOptions } from './open-directories.ts';
import { openFilesMax } from './open-files-max.ts';
import type { PageDirectory } from './page-directory.ts';
import { type PageRow, PageTable } from './page-table.ts';
import { PageWrites } from './page-writes.ts';
import type { LentFile, PagedObject, PageSlice, PlacedPage } from './paged-object.ts';
import { ScopeNames } from './scope-names.ts';
import { Scrubber } from './scrubber.ts';
import { type BelowMatch, storedBelow } from './stored-below.ts';
import { applyPolicies, eachStored, type PolicyOf, type StoredObject } from './stored-objects.ts';

const buffersKeptBytesMax = 16 * 1024 * 1024;
/** Of the sketch that counts uses of pages that are not stored yet. */
const usesBytes = 1024 * 1024;
/** Half of what the policy keeps new pages in. */
const unreadShare = 1 / 20;
const expiryMs = 1000;
const expiryRows = 20_000;

export class PageStore {
  readonly memory: MemoryPages;
  readonly #options: PageStoreOptions;
  readonly #table: PageTable;
  readonly #scopes: ScopeNames;
  readonly #directories: PageDirectory[];
  readonly #writes: PageWrites;
  readonly #scrubber: Scrubber;
  readonly #uses = new UseSketch({ memoryBytes: usesBytes });
  readonly #expiry: NodeJS.Timeout;

  private constructor(
    options: PageStoreOptions,
    parts: { table: PageTable; scopes: ScopeNames; directories: PageDirectory[] },
  ) {
    this.#options = options;
    this.#table = parts.table;
    this.#scopes = parts.scopes;
    this.#directories = parts.directories;
    this.#writes = new PageWrites(options, parts);
    const { scrubBytesPerSecond: bytesPerSecond = 0, metrics } = options;
    this.#scrubber = new Scrubber({
      ...parts,
      bytesPerSecond,
      onRead: (bytes) => metrics.scrubbedBytes.inc(bytes),
      nowMs: () => options.clock.monotonicMs(),
    });
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
    const directories = await openDirectories(options, {
      table,
      scopes,
      buffers,
      openFilesMax: openFilesMax(options.directories.length),
    });
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
   * normal life of a cache. It is no hit yet.
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
    const slice = await directory.stored.read(row, { start, endExclusive: end });
    if (slice && slice.bytes.byteLength === lengthBytes && lengthBytes <= this.#memoryPageBytesMax) {
      this.memory.put({ page, bytes: Buffer.from(slice.bytes), path: undefined, expiresAtMs });
    }
    return slice;
  }

  placeOf(page: PageId): PlacedPage | undefined {
    const row = this.#find(page);
    if (row === noRow) return undefined;
    const expiresAtMs = this.#expiresAtMsOf(row);
    const directory = this.#directories[this.#table.directoryOf(row)]!;
    return {
      ...directory.files.placeOf(row),
      ...(expiresAtMs < Number.POSITIVE_INFINITY && { expiresAtMs }),
    };
  }

  /** Somebody else read it for a client. */
  touch(page: PageId): void {
    this.memory.get(page);
    const row = this.#find(page);
    if (row !== noRow) this.#table.touch(row);
  }

  /**
   * The same from disk in this tick: all that was asked for, in its file or read at once. Undefined where it
   * must be waited for. It is no hit yet.
   */
  lend(page: PageId, start: number, endExclusive: number): LentFile | PageSlice | undefined {
    const row = this.#findWith(page, start, endExclusive);
    if (row === noRow || this.#belongsInMemory(row)) return undefined;
    return this.#storedOf(row).lend(row, { start, endExclusive });
  }

  /** A page that was read or lent is a hit: once for a reader, however often it asks again. */
  used(page: PageId): void {
    const row = this.#find(page);
    if (row !== noRow) this.#table.touch(row);
  }

  /** Whether `lend` would. */
  couldLend(page: PageId, start: number, endExclusive: number): boolean {
    const row = this.#findWith(page, start, endExclusive);
    if (row === noRow || this.#belongsInMemory(row)) return false;
    return this.#storedOf(row).couldLend(row, { start, endExclusive });
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
    const keepInMemory = bytes.byteLength <= this.#memoryPageBytesMax;
    const copy = keepInMemory ? Buffer.from(bytes) : undefined;
    const ttlMs = of.policy.cacheTtlMs ?? Number.POSITIVE_INFINITY;
    const expiresAtMs = this.#options.clock.wallMs() + ttlMs;
    const held = copy !== undefined && this.memory.put({ page, bytes: copy, path: of.path, expiresAtMs });
    const written = this.#find(page) === noRow && this.#writes.write(page, copy ?? bytes, of);
    return held || !written ? Promise.resolve(true) : written;
  }

  /** Waits until a page that was put is on disk, or will not be there. Never throws. */
  written(page: PageId): Promise<void> {
    return this.#writes.written(page);
  }

  /** Whether a page of this length would be stored now, if it came. */
  couldStore(of: PagedObject, lengthBytes: number): boolean {
    const { maxObjectSizeBytes, quotaBytes } = of.policy;
    if (of.sizeBytes > maxObjectSizeBytes) return false;
    if (quotaBytes !== undefined && lengthBytes > quotaBytes) return false;
    if (lengthBytes <= this.#memoryPageBytesMax) return true;
    return this.#directories.some((directory) => directory.couldHold(lengthBytes));
  }

  /** Of one object, what may come before anybody reads it. */
  unreadBytesMax({ quotaBytes = Number.POSITIVE_INFINITY }: PagedObject['policy']): number {
    let bytesMax = 0;
    for (const directory of this.#directories) if (directory.canWrite) bytesMax += directory.bytesMax;
    return Math.min(quotaBytes, bytesMax || this.memory.sizeBytesMax) * unreadShare;
  }

  /** In both tiers, those on their way to disk included. @throws the signal's reason */
  async free(match: FreeMatch): Promise<Freed> {
    await this.#writes.idle();
    return freePages({ table: this.#table, directories: this.#directories, memory: this.memory }, match);
  }

  /** In both tiers, those on their way to disk included. @throws the signal's reason */
  async below(match: BelowMatch): Promise<StoredBelow> {
    await this.#writes.idle();
    return storedBelow({ table: this.#table, directories: this.#directories, memory: this.memory }, match);
  }

  /** Pages that are stored follow these policies from now on. */
  applyPolicies(policyOf: PolicyOf): Promise<void> {
    return applyPolicies(
      { table: this.#table, directories: this.#directories, scopes: this.#scopes },
      policyOf,
    );
  }

  /** Goes through all that is on disk, beside reads and writes. @throws what `take` throws */
  async each(take: (stored: StoredObject) => Promise<void>): Promise<void> {
    await this.#writes.idle();
    await eachStored({ table: this.#table, directories: this.#directories }, take);
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
    await this.#scrubber.close();
    await this.#writes.idle();
    for (const directory of this.#directories) await directory.close();
  }

  /** Where it has these bytes. */
  #findWith(page: PageId, start: number, endExclusive: number): PageRow {
    const row = this.#find(page);
    if (row === noRow || start >= endExclusive || endExclusive > this.#table.lengthOf(row)) return noRow;
    return row;
  }

  #storedOf(row: PageRow): PageDirectory['stored'] {
    return this.#directories[this.#table.directoryOf(row)]!.stored;
  }

  /** A read brings it back there, and from there it costs less than from its file. */
  #belongsInMemory(row: PageRow): boolean {
    return this.#table.lengthOf(row) <= Math.min(memoryPageBytesMax, this.memory.sizeBytesMax);
  }

  get #memoryPageBytesMax(): number {
    const { sizeBytesMax } = this.memory;
    const isOnDisk = this.#directories.some(({ canWrite }) => canWrite);
    return isOnDisk ? Math.min(memoryPageBytesMax, sizeBytesMax) : sizeBytesMax;
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

  async #dropExpired(): Promise<void> {
    for (const row of this.#table.expired(this.#nowSeconds(), expiryRows)) {
      if (!this.#table.isUsed(row) || !this.#table.isExpired(row, this.#nowSeconds())) continue;
      const directory = this.#directories[this.#table.directoryOf(row)]!;
      if (await directory.remove(row)) this.#options.metrics.evictions.inc({ reason: 'ttl' });
    }
  }
}
