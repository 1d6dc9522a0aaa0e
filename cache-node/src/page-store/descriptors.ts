/**
 * Open files, kept for the next read: opening costs more than reading. At most `openMax` are kept; one that a
 * read is using is closed when the last such read has ended.
 */
import { close, open, read } from 'node:fs';
import { promisify } from 'node:util';

const openFile = promisify(open);
const closeFile = promisify(close);
const readFile = promisify(read);

interface OpenFile {
  readonly descriptor: Promise<number>;
  users: number;
  /** Out of the table: closed when nobody uses it. */
  dropped: boolean;
  kept: Kept | undefined;
}

/** What a reader keeps with an open page file: the checksums that it verified by their seal. */
interface Kept {
  readonly seal: number;
  readonly checksums: Buffer;
}

export class Descriptors {
  readonly #openMax: number;
  /** In the order of their last use. */
  readonly #open = new Map<string, OpenFile>();

  constructor(openMax: number) {
    this.#openMax = openMax;
  }

  /** Lends the file to `use`. @throws what the system says where it cannot be opened. */
  async with<T>(path: string, use: (file: ReadableFile) => Promise<T>): Promise<T> {
    const file = this.#take(path);
    file.users += 1;
    try {
      return await use(new ReadableFile(await file.descriptor, file));
    } catch (error) {
      this.drop(path);
      throw error;
    } finally {
      file.users -= 1;
      if (file.dropped && file.users === 0) closeOf(file);
    }
  }

  /** Not to be used any more: it is being unlinked, or failed. */
  drop(path: string): void {
    const file = this.#open.get(path);
    if (!file) return;
    this.#open.delete(path);
    file.dropped = true;
    if (file.users === 0) closeOf(file);
  }

  dropAll(): void {
    for (const path of [...this.#open.keys()]) this.drop(path);
  }

  #take(path: string): OpenFile {
    const known = this.#open.get(path);
    if (known) {
      this.#open.delete(path);
      this.#open.set(path, known);
      return known;
    }
    const file: OpenFile = { descriptor: openFile(path, 'r'), users: 0, dropped: false, kept: undefined };
    file.descriptor.catch(() => {});
    this.#open.set(path, file);
    for (const oldest of this.#open.keys()) {
      if (this.#open.size <= this.#openMax) break;
      this.drop(oldest);
    }
    return file;
  }
}

function closeOf(file: OpenFile): void {
  file.descriptor.then((descriptor) => closeFile(descriptor)).catch(() => {});
}

export class ReadableFile {
  readonly #descriptor: number;
  readonly #file: { kept: Kept | undefined };

  constructor(descriptor: number, file: { kept: Kept | undefined }) {
    this.#descriptor = descriptor;
    this.#file = file;
  }

  get kept(): Kept | undefined {
    return this.#file.kept;
  }

  keep(value: Kept): void {
    this.#file.kept = value;
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
