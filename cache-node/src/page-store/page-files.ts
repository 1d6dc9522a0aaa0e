/**
 * The page files of a directory: one per large page, in folders of 256. A file gets its bytes and its
 * trailer in one write, and is known only after that.
 */
import { mkdir, open, readdir, rmdir, unlink } from 'node:fs/promises';
import type { PageId } from '@forebay/core/page';
import { type DirectoryLayout, folderBytes, folderFilesMax, numberOf } from './directory-layout.ts';
import type { DiskBudget } from './disk-budget.ts';
import { noRoom, writeParts } from './pack-files.ts';

export class PageFiles {
  readonly #layout: DirectoryLayout;
  readonly #budget: DiskBudget;
  /** Pages of each folder, those being written included. */
  readonly #counts = new Map<number, number>();
  /** Writes under way in each folder. */
  readonly #writing = new Map<number, number>();
  #folder = 0;
  #folderFiles = folderFilesMax;
  /** The folder is there. */
  #ready: Promise<unknown> = Promise.resolve();

  constructor(layout: DirectoryLayout, budget: DiskBudget) {
    this.#layout = layout;
    this.#budget = budget;
  }

  /** Finds the folders, ascending. @throws what the system says. */
  async list(): Promise<number[]> {
    const folders: number[] = [];
    for (const name of await readdir(this.#layout.pages)) {
      const folder = numberOf(name, '');
      if (folder === undefined) continue;
      folders.push(folder);
      this.#budget.count(folderBytes);
      this.#counts.set(folder, 0);
      this.#folder = Math.max(this.#folder, folder);
    }
    return folders.sort((a, b) => a - b);
  }

  has(folder: number): boolean {
    return this.#counts.has(folder);
  }

  /** The first folder that may have files which no row tells of. */
  get oldestWriting(): number {
    let oldest = this.#folder;
    for (const folder of this.#writing.keys()) oldest = Math.min(oldest, folder);
    return oldest;
  }

  count(folder: number): void {
    this.#counts.set(folder, (this.#counts.get(folder) ?? 0) + 1);
  }

  /**
   * Writes a file; its bytes are taken from the budget already. Returns its folder. @throws what the system
   * says.
   */
  async write(page: PageId, lengthBytes: number, parts: readonly Uint8Array[]): Promise<number> {
    const folder = this.#nextFolder();
    const path = this.#layout.pageFile(folder, page, lengthBytes);
    try {
      await this.#ready;
      const handle = await open(path, 'wx', 0o600);
      try {
        await writeParts(handle, parts, 0);
      } finally {
        await handle.close();
      }
      return folder;
    } catch (error) {
      // One of that name is another's, still on its way out.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') await unlink(path).catch(() => {});
      this.settled(folder);
      await this.#leave(folder);
      throw error;
    }
  }

  /** The row of a written file is in, or will never be. */
  settled(folder: number): void {
    const left = (this.#writing.get(folder) ?? 1) - 1;
    if (left > 0) this.#writing.set(folder, left);
    else this.#writing.delete(folder);
  }

  /** The file is gone, or was already. @throws what else the system says; then it counts as before. */
  async remove(folder: number, page: PageId, lengthBytes: number): Promise<void> {
    try {
      await unlink(this.#layout.pageFile(folder, page, lengthBytes));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    await this.#leave(folder);
  }

  #nextFolder(): number {
    if (this.#folderFiles >= folderFilesMax) this.#beginFolder();
    this.#folderFiles += 1;
    const folder = this.#folder;
    this.count(folder);
    this.#writing.set(folder, (this.#writing.get(folder) ?? 0) + 1);
    return folder;
  }

  #beginFolder(): void {
    if (!this.#budget.takeReserve(folderBytes)) throw noRoom();
    this.#folder += 1;
    this.#folderFiles = 0;
    const folder = this.#folder;
    this.#counts.set(folder, 0);
    this.#ready = mkdir(this.#layout.folder(folder), { mode: 0o700 });
    this.#ready.catch(() => {
      this.#folderFiles = folderFilesMax;
      this.#counts.delete(folder);
      this.#budget.give(folderBytes);
    });
  }

  /** A page of the folder is gone. */
  uncount(folder: number): void {
    this.#counts.set(folder, (this.#counts.get(folder) ?? 1) - 1);
  }

  /** Empty folders go, but for the one that gets the next file. */
  async #leave(folder: number): Promise<void> {
    this.uncount(folder);
    if (this.#counts.get(folder) !== 0 || folder === this.#folder) return;
    const removed = await rmdir(this.#layout.folder(folder)).then(
      () => true,
      (error: NodeJS.ErrnoException) => error.code === 'ENOENT',
    );
    if (removed && this.#counts.delete(folder)) this.#budget.give(folderBytes);
  }
}
