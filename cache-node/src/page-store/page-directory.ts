/**
 * One page directory: a disk's share of the cache, with a budget of its own. Nothing here fails a client's
 * read: what cannot be stored is not, what cannot be read is a miss, and a directory that does not work is
 * out of use until it does.
 */
import { mkdir, stat } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { DirectoryFiles } from './directory-files.ts';
import { DirectoryHealth, type DirectoryState } from './directory-health.ts';
import { DirectoryLayout } from './directory-layout.ts';
import { isWritable, lockDirectory, makeIdentity, readIdentity, tryWriting } from './directory-lock.ts';
import { type DirectoryOptions, freeBytesOnDisk } from './directory-options.ts';
import { DirectoryPages, type NewStoredPage, storedBytesOf } from './directory-pages.ts';
import { countUnknown, scanDirectory } from './directory-scan.ts';
import { DiskBudget } from './disk-budget.ts';
import { Evictor } from './evictor.ts';
import { Journal } from './journal.ts';
import { loadJournal } from './journal-load.ts';
import type { PageRow } from './page-table.ts';

/** Of what is free at the start, this share may become pages: the rest is everybody else's. */
const freeShareMax = 0.9;
const fixedBytes = 48 * 1024;
const maintenanceMs = 5000;
const fullForMs = 30_000;
/** A start waits so long for what is looked through; then it goes on without writing. */
const scanWaitMs = 2000;

interface OpenParts {
  readonly files: DirectoryFiles;
  readonly evictor: Evictor;
  readonly pages: DirectoryPages;
}

export class PageDirectory {
  readonly #options: DirectoryOptions;
  readonly #layout: DirectoryLayout;
  readonly #health: DirectoryHealth;
  #parts: OpenParts;
  #unlock: (() => void) | undefined;
  #identity: string | undefined;
  #device: number | undefined;
  /** What is there is not known yet, and so not what may come. */
  #scanning: Promise<unknown> | undefined;
  #fullUntilMs = 0;
  #maintenance: NodeJS.Timeout | undefined;
  #maintaining: Promise<void> | undefined;
  #closed = false;

  private constructor(options: DirectoryOptions) {
    this.#options = options;
    this.#layout = new DirectoryLayout(options.path);
    this.#health = new DirectoryHealth({
      path: options.path,
      log: options.log,
      nowMs: options.nowMs,
      probeDelayMs: options.probeDelayMs,
      onError: (op) => options.onError(op),
      onFull: () => this.#onFull(),
      probe: () => this.#probe(),
    });
    this.#parts = this.#newParts();
  }

  /** @throws DirectoryInUseError; anything else only takes the directory out of use. */
  static async open(options: DirectoryOptions): Promise<PageDirectory> {
    const directory = new PageDirectory(options);
    await directory.#start().catch((error: unknown) => {
      if (error instanceof Error && error.name === 'DirectoryInUseError') throw error;
      directory.#options.onError('read');
      directory.#health.outOfUse('failed', (error as Error).message);
    });
    directory.#maintenance = setInterval(() => directory.#maintainOnce(), maintenanceMs);
    directory.#maintenance.unref();
    return directory;
  }

  get path(): string {
    return this.#options.path;
  }

  get state(): DirectoryState {
    return this.#health.state;
  }

  get reason(): string | undefined {
    return this.#health.reason;
  }

  get bytes(): number {
    return this.#parts.files.budget.bytes;
  }

  get bytesMax(): number {
    return this.#parts.files.budget.bytesMax;
  }

  get pages(): number {
    return this.#options.shared.table.usageIn(this.#options.number).pages;
  }

  get canRead(): boolean {
    return this.#health.canRead;
  }

  get canWrite(): boolean {
    return this.#health.canWrite && !this.#scanning && !this.#closed;
  }

  get fill(): number {
    return this.bytes / Math.max(1, this.#parts.files.budget.pageBytesMax);
  }

  couldHold(lengthBytes: number): boolean {
    return this.canWrite && storedBytesOf(lengthBytes, 0) <= this.#parts.files.budget.pageBytesMax;
  }

  /** Stores a page that is nowhere else. Never throws; false where it is not stored. */
  async put(page: NewStoredPage): Promise<boolean> {
    return this.canWrite && this.#parts.pages.put(page);
  }

  /** Its pages, to read: where `canRead` says so. */
  get stored(): Pick<DirectoryPages, 'read' | 'lend' | 'couldLend' | 'check' | 'endChecks' | 'endChecks'> {
    return this.#parts.pages;
  }

  /** Takes a page away; false where its bytes stayed, and so does it. Never throws. */
  remove(row: PageRow): Promise<boolean> {
    const { files, pages } = this.#parts;
    return pages.remove(files.rowOf(row));
  }

  get files(): DirectoryFiles {
    return this.#parts.files;
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#maintenance);
    this.#health.close();
    await Promise.all([this.#scanning, this.#maintaining]);
    await Promise.all([this.#parts.evictor.idle(), this.#scanning]);
    await this.#closeFiles();
    this.#unlock?.();
  }

  #onFull(): void {
    const { budget } = this.#parts.files;
    this.#fullUntilMs = this.#options.nowMs() + fullForMs;
    const lowered = Math.floor(Math.min(budget.bytes, budget.effectiveBytesMax) * 0.98);
    if (!budget.isLowered) {
      this.#options.log.warn({ directory: this.path, bytes: budget.bytes }, 'the disk is full below the cap');
    }
    budget.lowerTo(lowered);
    this.#parts.evictor.wake();
  }

  #maintainOnce(): void {
    this.#maintaining ??= this.#maintain().finally(() => {
      this.#maintaining = undefined;
    });
  }

  async #maintain(): Promise<void> {
    const { journal, catalogue, budget, table } = this.#parts.files;
    if (!this.canWrite) return;
    if (budget.isLowered && this.#options.nowMs() > this.#fullUntilMs) {
      const free = await this.#freeBytes().catch(() => 0);
      budget.lowerTo(Math.max(budget.effectiveBytesMax, budget.bytes + Math.floor(free * freeShareMax)));
      if (!budget.isLowered) budget.restore();
    }
    const { sizeBytesMax } = this.#options;
    if (budget.bytesMax < sizeBytesMax) {
      const all = budget.bytes + (await this.#freeBytes().catch(() => 0));
      budget.grow(sizeBytesMax, Math.floor(all * freeShareMax));
    }
    if (journal.wantsSnapshot) {
      const bytes = Journal.snapshotBytesOf(this.pages);
      if (budget.bytes + bytes > budget.pageBytesMax) await this.#parts.evictor.makeRoom(bytes);
      await journal.snapshot();
    }
    if (catalogue.wantsCompaction) await catalogue.compact((set) => table.pageCountOf(set) > 0);
    this.#parts.evictor.wake();
  }

  #freeBytes(): Promise<number> {
    return (this.#options.freeBytesOf ?? freeBytesOnDisk)(this.path);
  }

  #newParts(): OpenParts {
    const { shared, number, sizeBytesMax, onEvict, onCorrupt } = this.#options;
    const layout = this.#layout;
    const health = this.#health;
    const budget = new DiskBudget(sizeBytesMax);
    const onError = (error: unknown) => health.bad('store', error);
    const files = new DirectoryFiles(shared, { number, layout, budget, onError });
    const evictor = new Evictor({
      files,
      highWatermark: this.#options.highWatermark,
      lowWatermark: this.#options.lowWatermark,
      remove: (row) => pages.remove(files.rowOf(row)),
      // What is not scanned yet would be taken for garbage.
      canWrite: () => health.canWrite && !this.#scanning,
      onEvict,
      onError,
    });
    const pages = new DirectoryPages({
      files,
      evictor,
      health,
      buffers: shared.buffers,
      onCorrupt,
      isHere: async () => this.#identity !== undefined && (await readIdentity(layout)) === this.#identity,
    });
    return { files, evictor, pages };
  }

  async #start(): Promise<void> {
    const { path, log, sizeBytesMax } = this.#options;
    const { pages, packs, journal, catalogue } = this.#layout;
    for (const folder of [path, pages, packs, journal, catalogue]) {
      await mkdir(folder, { recursive: true, mode: 0o700 });
    }
    const writable = await isWritable(path);
    if (writable) this.#unlock ??= lockDirectory(this.#layout);
    this.#device = (await stat(path)).dev;
    this.#identity = (await readIdentity(this.#layout)) ?? (writable ? await makeIdentity(this.#layout) : '');
    await this.#load();
    const { budget } = this.#parts.files;
    const room = budget.bytes + Math.floor((await this.#freeBytes()) * freeShareMax);
    if (room < sizeBytesMax) {
      budget.bytesMax = room;
      log.warn({ directory: path, asked: sizeBytesMax, room }, 'the disk has less room than the cache size');
    }
    log.info({ directory: path, pages: this.pages, bytes: this.bytes }, 'page directory opened');
    if (!writable) this.#health.outOfUse('read-only', 'the directory cannot be written');
    this.#parts.evictor.wake();
  }

  async #load(): Promise<void> {
    const files = this.#parts.files;
    files.budget.count(fixedBytes);
    await files.packs.list();
    const listed = await files.files.list();
    await files.catalogue.open();
    const loaded = await loadJournal(files);
    files.continueJournal(loaded);
    const { mark } = loaded;
    files.unscanned = mark;
    const folders = await countUnknown(files, { mark, folders: listed });
    const onUnreadable = (error: unknown) => this.#health.bad('read', error);
    this.#scanning = scanDirectory(files, { mark, packs: files.packs.numbers, folders, onUnreadable })
      .then((found) => {
        files.unscanned = undefined;
        if (found > 0) this.#options.onFound();
      })
      .catch(onUnreadable)
      .finally(() => {
        this.#scanning = undefined;
        this.#parts.evictor.wake();
      });
    await Promise.race([this.#scanning, wait(scanWaitMs, undefined, { ref: false })]);
  }

  /** Whether it works: who it is, and that what is written can be read. @throws why it does not. */
  async #probe(): Promise<void> {
    if (this.#identity === undefined) return this.#reopen();
    const { identity, root } = this.#layout;
    const found = await readIdentity(this.#layout);
    if (found === undefined) {
      await mkdir(root, { recursive: true, mode: 0o700 });
      // A mount point without its disk is not ours to fill.
      if ((await stat(root)).dev !== this.#device) throw new Error(`${identity} is missing`);
    }
    if (found !== this.#identity) return this.#reopen();
    await tryWriting(this.#layout);
    this.#unlock ??= lockDirectory(this.#layout);
  }

  /** It is another one now, or empty: what was known of it is void, and what a scan of it finds. */
  async #reopen(): Promise<void> {
    const { table } = this.#options.shared;
    await this.#parts.evictor.idle();
    await this.#closeFiles();
    this.#unlock?.();
    this.#unlock = undefined;
    for (const row of table.rowsIn(this.#options.number)) table.remove(row);
    this.#parts = this.#newParts();
    await this.#start();
  }

  async #closeFiles(): Promise<void> {
    const { journal, catalogue, packs, descriptors } = this.#parts.files;
    await packs.seal().catch(() => {});
    await journal.close();
    await catalogue.close();
    descriptors.dropAll();
  }
}
