/**
 * The journal of a page directory: which pages came and went since its last snapshot, and in the catalogue
 * what objects they belong to. Nobody waits for it: rows are written together a moment later. What a kill
 * loses is found again behind the last mark; what is wrong in it shows at the page itself, which carries its
 * identity.
 */
import { rename, unlink } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import { AppendFile } from './append-file.ts';
import { type DirectoryLayout, diskBytesOf } from './directory-layout.ts';
import type { DiskBudget } from './disk-budget.ts';
import {
  blockKinds,
  blockOf,
  type JournalRow,
  type Mark,
  rowBytes,
  rowKinds,
  writeMark,
  writeRow,
} from './journal-format.ts';
import { pageRecordBytes } from './page-dump.ts';
import type { ScopeNames } from './scope-names.ts';

/** Long enough to gather, short enough that a kill costs little work. */
const flushDelayMs = 50;
const flushRows = 4096;
/** Rows that could not be written wait up to here; past it the next snapshot says it all. */
const waitingRowsMax = 256 * 1024;
const tailBytesMin = 1024 * 1024;

export interface JournalOptions {
  readonly layout: DirectoryLayout;
  readonly budget: DiskBudget;
  readonly scopes: ScopeNames;
  /** Comes to the disk before the rows do. */
  readonly before: () => Promise<void>;
  /** Where pages are being written now. */
  readonly mark: () => Mark;
  /** Records of all pages of the directory, as they are when they are asked for. */
  readonly dump: () => Iterable<Uint8Array>;
  readonly onError: (error: unknown) => void;
}

/** A file of the past with its bytes on disk. */
export interface KeptFile {
  readonly path: string;
  readonly diskBytes: number;
}

export interface JournalPast {
  /** Of the first new file. */
  readonly number: number;
  /** Files that were loaded. */
  readonly kept: KeptFile[];
  readonly snapshotBytes: number;
  readonly lostAfter?: Mark | undefined;
}

export class Journal {
  readonly #options: JournalOptions;
  #number: number;
  #file: AppendFile;
  /** Of the snapshot and everything after it, but for the file being written. */
  #kept: KeptFile[];
  #snapshotBytes: number;
  #scopesWritten = 0;
  #pending = Buffer.allocUnsafe(flushRows * rowBytes);
  #pendingRows = 0;
  #timer: NodeJS.Timeout | undefined;
  #flushing: Promise<void> | undefined;
  #snapshotting: Promise<void> | undefined;
  #mark: Mark = { pack: 0, packBytes: 0, folder: 0 };
  /** Rows behind this mark were lost: only a snapshot makes the journal whole again. */
  #lostAfter: Mark | undefined;

  constructor(options: JournalOptions, past: JournalPast) {
    this.#options = options;
    this.#number = past.number;
    this.#kept = past.kept;
    this.#snapshotBytes = past.snapshotBytes;
    this.#lostAfter = past.lostAfter;
    this.#file = this.#newFile();
  }

  added(row: JournalRow): void {
    this.#push(rowKinds.added, row);
  }

  removed(row: JournalRow): void {
    this.#push(rowKinds.removed, row);
  }

  policyChanged(row: JournalRow): void {
    this.#push(rowKinds.policy, row);
  }

  /** Writes what waits. Never throws. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    while (this.#flushing) await this.#flushing;
    if (this.#pendingRows === 0) return;
    this.#flushing = this.#write().finally(() => {
      this.#flushing = undefined;
    });
    await this.#flushing;
  }

  /** Whether the tail has grown so long that a snapshot pays. */
  get wantsSnapshot(): boolean {
    return (
      this.#lostAfter !== undefined || this.#tailBytes() > Math.max(tailBytesMin, 2 * this.#snapshotBytes)
    );
  }

  /** Bytes of a snapshot of so many pages, at most. */
  static snapshotBytesOf(pages: number): number {
    return diskBytesOf(pages * (pageRecordBytes + 1) + 64 * 1024);
  }

  /** Writes all rows anew and drops what they replace. Never throws; the room for it must be there. */
  snapshot(): Promise<void> {
    this.#snapshotting ??= this.#snapshot()
      .catch((error: unknown) => this.#options.onError(error))
      .finally(() => {
        this.#snapshotting = undefined;
      });
    return this.#snapshotting;
  }

  async close(): Promise<void> {
    await this.#snapshotting;
    await this.flush();
    await this.#file.close().catch(() => {});
  }

  #push(kind: number, row: JournalRow): void {
    if (this.#pendingRows >= waitingRowsMax) {
      this.#lostAfter ??= this.#mark;
      return;
    }
    const at = this.#pendingRows * rowBytes;
    if (at + rowBytes > this.#pending.byteLength) {
      const larger = Buffer.allocUnsafe(this.#pending.byteLength * 2);
      this.#pending.copy(larger, 0, 0, at);
      this.#pending = larger;
    }
    writeRow(this.#pending, at, kind, row);
    this.#pendingRows += 1;
    if (this.#pendingRows >= flushRows && !this.#flushing) void this.flush();
    else this.#timer ??= setTimeout(() => void this.flush(), flushDelayMs);
  }

  async #write(): Promise<void> {
    await this.#options.before();
    const rows = this.#pendingRows;
    const body = Buffer.allocUnsafe((rows + 1) * rowBytes);
    this.#pending.copy(body, 0, 0, rows * rowBytes);
    const mark = this.#lostAfter ?? this.#options.mark();
    writeMark(body, rows * rowBytes, mark);
    const blocks = [...this.#scopesBlock(), blockOf(blockKinds.rows, body)];
    try {
      if (await this.#file.append(Buffer.concat(blocks))) this.#mark = mark;
      else this.#lostAfter ??= this.#mark;
    } catch (error) {
      this.#options.onError(error);
      // What is there may be torn: it goes on in a new file.
      await this.#roll().catch(() => {});
      this.#retryLater();
      return;
    }
    const left = this.#pendingRows - rows;
    this.#pending.copy(this.#pending, 0, rows * rowBytes, this.#pendingRows * rowBytes);
    this.#pendingRows = left;
    if (left > 0) this.#timer ??= setTimeout(() => void this.flush(), flushDelayMs);
  }

  #retryLater(): void {
    this.#timer ??= setTimeout(() => void this.flush(), 1000);
    this.#timer.unref();
  }

  #scopesBlock(): Buffer[] {
    const { names, count } = this.#options.scopes;
    if (count === this.#scopesWritten) return [];
    this.#scopesWritten = count;
    return [blockOf(blockKinds.scopes, Buffer.from(JSON.stringify(names)))];
  }

  async #snapshot(): Promise<void> {
    await this.flush();
    while (this.#flushing) await this.#flushing;
    const { layout, budget, scopes } = this.#options;
    const replaced = await this.#roll(true);
    const mark = this.#options.mark();
    const lostAfter = this.#lostAfter;
    this.#lostAfter = undefined;
    const number = this.#number;
    const file = new AppendFile(`${layout.snapshot(number)}.tmp`, budget);
    try {
      await unlink(file.path).catch(() => {});
      await this.#append(file, blockOf(blockKinds.scopes, Buffer.from(JSON.stringify(scopes.names))));
      for (const records of this.#options.dump()) {
        if (records.byteLength === 0) await setImmediate();
        else await this.#append(file, blockOf(blockKinds.pages, records));
      }
      const marking = Buffer.alloc(rowBytes);
      writeMark(marking, 0, mark);
      await this.#append(file, blockOf(blockKinds.rows, marking));
      await this.#append(file, blockOf(blockKinds.end, Buffer.alloc(0)));
      await file.sync();
      await file.close();
      await rename(file.path, layout.snapshot(number));
    } catch (error) {
      await file.remove();
      this.#lostAfter ??= lostAfter ?? this.#mark;
      throw error;
    }
    this.#mark = mark;
    this.#snapshotBytes = file.diskBytes;
    const later = this.#kept.filter((kept) => !replaced.includes(kept));
    this.#kept = [{ path: layout.snapshot(number), diskBytes: file.diskBytes }, ...later];
    for (const { path, diskBytes } of replaced) {
      await unlink(path).catch(() => {});
      budget.give(diskBytes);
    }
  }

  async #append(file: AppendFile, block: Buffer): Promise<void> {
    if (!(await file.append(block))) throw new Error('no room for a snapshot of the page journal');
  }

  /** Goes on in the next file; all files before it. */
  async #roll(toSnapshot = false): Promise<KeptFile[]> {
    const file = this.#file;
    if (file.diskBytes > 0) {
      this.#kept.push({ path: file.path, diskBytes: file.diskBytes });
    }
    // Behind a snapshot no number is left out: a gap means that a file is lost.
    if (toSnapshot || file.diskBytes > 0) this.#number += 1;
    this.#scopesWritten = 0;
    this.#file = this.#newFile();
    const replaced = [...this.#kept];
    await file.close().catch(() => {});
    return replaced;
  }

  #newFile(): AppendFile {
    return new AppendFile(this.#options.layout.rows(this.#number), this.#options.budget);
  }

  #tailBytes(): number {
    const kept = this.#kept.reduce((sum, { diskBytes }) => sum + diskBytes, 0);
    return kept + this.#file.diskBytes - this.#snapshotBytes;
  }
}
