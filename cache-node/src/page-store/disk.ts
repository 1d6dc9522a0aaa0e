/**
 * The disk tier: one immutable file per page, written aside and renamed, so that a page is visible whole or
 * not at all, also after kill -9. Length and CRC32C are checked before a byte leaves (P5): a bad page is
 * dropped, counted and counts as missing. The byte budget covers files, files being written and files not
 * yet unlinked.
 */
import { close, open, read } from 'node:fs';
import { mkdir, readdir, rename, statfs, unlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { Log } from '@forebay/core/log';
import type { PageId, PageSetId } from '@forebay/core/page';
import { crc32c } from '@node-rs/crc32';
import { Sieve, type SieveEntry } from '../eviction/sieve.ts';
import {
  diskBytesOf,
  isFolderName,
  pagePath,
  parsePageName,
  type StoredPage,
  temporarySuffix,
} from './layout.ts';
import { PageIndex } from './page-index.ts';

const openFile = promisify(open);
const closeFile = promisify(close);
const readFile = promisify(read);

export interface DiskEvents {
  onEvict(): void;
  /** A stored page failed its checksum or length. */
  onCorrupt(page: StoredPage): void;
  /** A page could not be stored or read: `what` says which, `error` why. Never fails a client's read. */
  onError(what: 'store' | 'read', error: unknown): void;
}

/**
 * Of what is free at the start, this share may become pages: the rest is left to everybody else on the
 * disk.
 */
const freeShareMax = 0.9;

export class DiskPages {
  readonly #directory: string;
  readonly #events: DiskEvents;
  readonly #index = new PageIndex<SieveEntry<StoredPage>>();
  readonly #sieve = new Sieve<StoredPage>();
  /** Reads under way: who asks for the same page shares its bytes. */
  readonly #reads = new PageIndex<Promise<Uint8Array | undefined>>();
  #sizeBytes = 0;
  #sizeBytesMax: number;
  #temporaryCount = 0;

  private constructor(directory: string, sizeBytesMax: number, events: DiskEvents) {
    this.#directory = directory;
    this.#sizeBytesMax = sizeBytesMax;
    this.#events = events;
  }

  /**
   * Opens a page directory and takes stock of it; what was being written when the last process died is
   * removed.
   */
  static async open(options: {
    directory: string;
    sizeBytesMax: number;
    events: DiskEvents;
    log: Log;
    /** Bytes free on the disk of a directory. */
    freeBytesOf?: (directory: string) => Promise<number>;
  }): Promise<DiskPages> {
    const { directory, sizeBytesMax, events, log, freeBytesOf = freeBytesOnDisk } = options;
    const pages = new DiskPages(directory, sizeBytesMax, events);
    await pages.#recover();
    const room = pages.#sizeBytes + Math.floor((await freeBytesOf(directory)) * freeShareMax);
    if (room < sizeBytesMax) {
      pages.#sizeBytesMax = room;
      log.warn(
        { asked: sizeBytesMax, room },
        'the disk has less room than the cache size; using what it has',
      );
    }
    await pages.#reserve(0);
    const { count } = pages.#index;
    log.info({ pages: count, bytes: pages.#sizeBytes }, 'page directory opened');
    return pages;
  }

  /** What was asked for, or what the disk had room for at the start, if that was less. */
  get sizeBytesMax(): number {
    return this.#sizeBytesMax;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  get count(): number {
    return this.#index.count;
  }

  has(page: PageId): boolean {
    return this.#index.get(page) !== undefined;
  }

  indexesOf(set: PageSetId): Iterable<number> {
    return this.#index.indexesOf(set);
  }

  /** The page, verified; undefined where it is not stored, or was and is no longer good. */
  async get(page: PageId): Promise<Uint8Array | undefined> {
    const reading = this.#reads.get(page);
    if (reading) return reading;
    const entry = this.#index.get(page);
    if (!entry) return undefined;
    entry.visited = true;
    const read = this.#read(page, entry).finally(() => this.#reads.delete(page));
    this.#reads.add(page, read);
    return read;
  }

  async #read(page: PageId, entry: SieveEntry<StoredPage>): Promise<Uint8Array | undefined> {
    const stored = entry.item;
    const bytes = await this.#readFile(stored);
    if (bytes && crc32c(bytes) === stored.checksum) return bytes;
    if (bytes) this.#events.onCorrupt(stored);
    // Eviction may have taken it while we read.
    if (this.#index.get(page) === entry) {
      this.#sieve.remove(entry);
      await this.#remove(stored);
    }
    return undefined;
  }

  /** Stores a page; false where it could not be (over budget, disk trouble). Stored twice is stored once. */
  async put(page: PageId, bytes: Uint8Array): Promise<boolean> {
    if (this.has(page)) return true;
    const sizeBytes = diskBytesOf(bytes.byteLength);
    if (!(await this.#reserve(sizeBytes))) return false;
    const stored: StoredPage = { ...page, lengthBytes: bytes.byteLength, checksum: crc32c(bytes) };
    const path = pagePath(this.#directory, stored);
    this.#temporaryCount += 1;
    const temporaryPath = `${path}.${this.#temporaryCount}${temporarySuffix}`;
    try {
      await writeNewFile(temporaryPath, bytes);
      await rename(temporaryPath, path);
    } catch (error) {
      this.#events.onError('store', error);
      await unlink(temporaryPath).catch(() => {});
      this.#sizeBytes -= sizeBytes;
      return false;
    }
    if (this.has(page)) this.#sizeBytes -= sizeBytes;
    else this.#index.add(stored, this.#sieve.insert(stored));
    return true;
  }

  /** Room for `sizeBytes`, evicting as needed; the room is taken when this resolves to true. */
  async #reserve(sizeBytes: number): Promise<boolean> {
    if (sizeBytes > this.#sizeBytesMax) return false;
    while (this.#sizeBytes + sizeBytes > this.#sizeBytesMax) {
      const victim = this.#sieve.evict();
      if (!victim) return false;
      if (!(await this.#remove(victim))) {
        // A directory that lets nothing go takes nothing either, and what it has can still be read.
        if (!this.has(victim)) this.#index.add(victim, this.#sieve.insert(victim));
        return false;
      }
      this.#events.onEvict();
    }
    this.#sizeBytes += sizeBytes;
    return true;
  }

  /**
   * The budget is given back only once the file is gone; false where it stays. The entry must be out of the
   * sieve already.
   */
  async #remove(stored: StoredPage): Promise<boolean> {
    this.#index.delete(stored);
    try {
      await unlink(pagePath(this.#directory, stored));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
        this.#events.onError('store', error);
        return false;
      }
    }
    this.#sizeBytes -= diskBytesOf(stored.lengthBytes);
    return true;
  }

  async #readFile(stored: StoredPage): Promise<Uint8Array | undefined> {
    let descriptor: number | undefined;
    try {
      descriptor = await openFile(pagePath(this.#directory, stored), 'r');
      const bytes = Buffer.allocUnsafeSlow(stored.lengthBytes);
      let filled = 0;
      while (filled < bytes.byteLength) {
        const { bytesRead } = await readFile(descriptor, bytes, filled, bytes.byteLength - filled, filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      // A short file is as bad as a wrong one: the checksum of what is there cannot match.
      return filled === bytes.byteLength ? bytes : bytes.subarray(0, filled);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') this.#events.onError('read', error);
      return undefined;
    } finally {
      if (descriptor !== undefined) await closeFile(descriptor).catch(() => {});
    }
  }

  async #recover(): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    for (const folder of await readdir(this.#directory)) {
      if (!isFolderName(folder)) continue;
      const folderPath = join(this.#directory, folder);
      for (const name of await readdir(folderPath)) {
        const stored = parsePageName(name);
        if (!stored || this.has(stored)) {
          await unlink(join(folderPath, name)).catch(() => {});
          continue;
        }
        this.#index.add(stored, this.#sieve.insert(stored));
        this.#sizeBytes += diskBytesOf(stored.lengthBytes);
      }
    }
  }
}

/** Folders are made when their first page comes. */
async function writeNewFile(path: string, bytes: Uint8Array): Promise<void> {
  const options = { flag: 'wx', mode: 0o600 };
  try {
    await writeFile(path, bytes, options);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await writeFile(path, bytes, options);
  }
}

async function freeBytesOnDisk(directory: string): Promise<number> {
  const { bavail, bsize } = await statfs(directory);
  return bavail * bsize;
}
