/**
 * Open files, kept for the next read: opening costs more than reading. At most `openMax` are kept; one that a
 * read is using is closed when the last such read has ended, so that no descriptor that is lent can come to
 * mean another file. With each goes what is known of its bytes.
 */
import { close, fstatSync, open, read } from 'node:fs';
import { promisify } from 'node:util';
import { syscalls } from '@forebay/core/syscalls';
import { VerifiedBlocks } from './verified-blocks.ts';

const openFile = promisify(open);
const closeFile = promisify(close);
const readFile = promisify(read);

/** What a reader keeps with an open page file: the checksums that it verified by their seal. */
interface Kept {
  readonly seal: number;
  readonly checksums: Buffer;
}

export class Descriptors {
  readonly #openMax: number;
  /** Roughly in the order of their last use. */
  readonly #open = new Map<string, OpenFile>();
  /** Those of them that were marked. */
  readonly #marked = new Map<number, OpenFile>();

  constructor(openMax: number) {
    this.#openMax = openMax;
  }

  /** Lends the file to `use`. @throws what the system says where it cannot be opened. */
  async with<T>(path: string, use: (file: OpenFile) => Promise<T>): Promise<T> {
    const file = this.#take(path);
    file.users += 1;
    try {
      await file.opened;
      return await use(file);
    } catch (error) {
      this.drop(path);
      throw error;
    } finally {
      this.release(file);
    }
  }

  /** What was known of the bytes of a file is void. */
  distrust(path: string): void {
    this.#open.get(path)?.verified.clear();
  }

  /** Makes an open file findable by a number, until it is closed or the number is another's. */
  mark(file: OpenFile, number: number): void {
    if (this.#open.get(file.path) !== file) return;
    file.mark = number;
    this.#marked.set(number, file);
  }

  /** An open file by its number. */
  marked(number: number): OpenFile | undefined {
    return this.#marked.get(number);
  }

  /** Lends an open file until `release`. */
  lend(file: OpenFile): void {
    file.users += 1;
    file.wasUsed = true;
  }

  release(file: OpenFile): void {
    file.users -= 1;
    if (file.isDropped && file.users === 0) file.close();
  }

  /** Not to be used any more: it is being unlinked, or failed. */
  drop(path: string): void {
    const file = this.#open.get(path);
    if (!file) return;
    this.#open.delete(path);
    if (file.mark !== undefined && this.#marked.get(file.mark) === file) this.#marked.delete(file.mark);
    file.isDropped = true;
    if (file.users === 0) file.close();
  }

  dropAll(): void {
    for (const path of [...this.#open.keys()]) this.drop(path);
  }

  #take(path: string): OpenFile {
    const known = this.#open.get(path);
    if (known) {
      known.wasUsed = true;
      return known;
    }
    const file = new OpenFile(path);
    this.#open.set(path, file);
    if (this.#open.size > this.#openMax) this.#dropOne();
    return file;
  }

  /** The oldest that was not used since it was looked at last; those that were get another turn. */
  #dropOne(): void {
    for (const [path, file] of this.#open) {
      if (!file.wasUsed) {
        this.drop(path);
        return;
      }
      file.wasUsed = false;
      this.#open.delete(path);
      this.#open.set(path, file);
    }
  }
}

export class OpenFile {
  readonly path: string;
  /** Rejects with what the system says. */
  readonly opened: Promise<void>;
  readonly verified = new VerifiedBlocks();
  kept: Kept | undefined;
  /** Of a pack: the seals of the records that were verified, by where they begin. */
  readonly seals = new Map<number, number>();
  users = 0;
  wasUsed = true;
  /** Out of the table: closed when nobody uses it. */
  isDropped = false;
  mark: number | undefined;
  #descriptor = -1;

  constructor(path: string) {
    this.path = path;
    this.opened = openFile(path, 'r').then((descriptor) => {
      this.#descriptor = descriptor;
      // What nobody asked for would come into the page cache unverified.
      syscalls()?.readNothingMore(descriptor);
    });
    this.opened.catch(() => {});
  }

  /** -1 where it is not open. */
  get descriptor(): number {
    return this.#descriptor;
  }

  /** Grows with every change of the file, whoever makes it. @throws what the system says. */
  get changedMs(): number {
    return fstatSync(this.#descriptor).ctimeMs;
  }

  /** Nobody uses it any more. */
  close(): void {
    this.opened
      .then(() => {
        const descriptor = this.#descriptor;
        this.#descriptor = -1;
        return closeFile(descriptor);
      })
      .catch(() => {});
  }

  /** Fills `buffer` from `offset` on; the count of bytes that were there. */
  async readInto(buffer: Buffer, offset: number): Promise<number> {
    let filled = 0;
    while (filled < buffer.byteLength) {
      const left = buffer.byteLength - filled;
      const { bytesRead } = await readFile(this.#descriptor, buffer, filled, left, offset + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return filled;
  }
}
