/**
 * The packs of a page directory: files of records of small pages, each written once from start to end, never
 * in place. Records that come together are written together. A pack whose last page is gone is unlinked; one
 * that is mostly garbage is compacted: what is alive is written anew elsewhere.
 */
import { type FileHandle, open, readdir, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { type DirectoryLayout, numberOf } from './directory-layout.ts';
import type { DiskBudget } from './disk-budget.ts';

/** The last block of the file, its inode's share and its name. */
const fileOverheadBytes = 4096;
const batchRecordsMax = 256;
const batchBytesMax = 2 * 1024 * 1024;

interface Pack {
  readonly number: number;
  sizeBytes: number;
  liveBytes: number;
}

interface Waiting {
  readonly parts: readonly Uint8Array[];
  readonly bytes: number;
  readonly written: (at: RecordPlace) => void;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export interface RecordPlace {
  readonly pack: number;
  readonly offset: number;
}

export class PackFiles {
  readonly #layout: DirectoryLayout;
  readonly #budget: DiskBudget;
  readonly #packBytesMax: number;
  readonly #packs = new Map<number, Pack>();
  #next = 1;
  #opening: number | undefined;
  #open: { readonly pack: Pack; readonly handle: FileHandle } | undefined;
  #waiting: Waiting[] = [];
  #writing: Promise<void> | undefined;
  #sizeBytes = 0;
  #liveBytes = 0;

  constructor(options: { layout: DirectoryLayout; budget: DiskBudget; packBytesMax: number }) {
    this.#layout = options.layout;
    this.#budget = options.budget;
    this.#packBytesMax = options.packBytesMax;
  }

  /**
   * Finds what is there; all of it counts as garbage until its pages are known. @throws what the system
   * says.
   */
  async list(): Promise<void> {
    for (const name of await readdir(this.#layout.packs)) {
      const path = join(this.#layout.packs, name);
      const number = numberOf(name, '.pack');
      if (number === undefined) {
        await unlink(path).catch(() => {});
        continue;
      }
      const { size } = await stat(path);
      this.#packs.set(number, { number, sizeBytes: size, liveBytes: 0 });
      this.#sizeBytes += size;
      this.#budget.count(size + fileOverheadBytes);
      this.#next = Math.max(this.#next, number + 1);
    }
  }

  get numbers(): number[] {
    return [...this.#packs.keys()].sort((a, b) => a - b);
  }

  get garbageBytes(): number {
    return this.#sizeBytes - this.#liveBytes;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** Bytes of a pack; 0 where there is none. */
  bytesOf(number: number): number {
    return this.#packs.get(number)?.sizeBytes ?? 0;
  }

  /** The pack being written and how long it is. */
  get writing(): { pack: number; packBytes: number } {
    return this.#open
      ? { pack: this.#open.pack.number, packBytes: this.#open.pack.sizeBytes }
      : { pack: this.#opening ?? this.#next, packBytes: 0 };
  }

  live(pack: number, bytes: number): void {
    const found = this.#packs.get(pack);
    if (!found) return;
    found.liveBytes += bytes;
    this.#liveBytes += bytes;
  }

  /** A record's page is gone. */
  dead(pack: number, bytes: number): void {
    this.live(pack, -bytes);
  }

  /**
   * Writes a record; its bytes are taken from the budget already. `written` is called in the tick in which the
   * record counts as known, so that no mark is ahead of a row. @throws what the system says.
   */
  append(parts: readonly Uint8Array[], written: (at: RecordPlace) => void): Promise<void> {
    const bytes = parts.reduce((sum, part) => sum + part.byteLength, 0);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ parts, bytes, written, resolve, reject });
      this.#writing ??= this.#writeAll();
    });
  }

  /** The pack that gives back most; not the one being written. */
  emptiest(): { number: number; sizeBytes: number; liveBytes: number } | undefined {
    let best: Pack | undefined;
    for (const pack of this.#packs.values()) {
      if (pack === this.#open?.pack) continue;
      if (!best || pack.liveBytes * best.sizeBytes < best.liveBytes * pack.sizeBytes) best = pack;
    }
    return best;
  }

  /** Nothing more goes into the pack being written. */
  async seal(): Promise<void> {
    while (this.#writing) await this.#writing;
    const { handle } = this.#open ?? {};
    this.#open = undefined;
    await handle?.close();
  }

  /** The pack is gone, or was already. @throws what else the system says. */
  async remove(number: number): Promise<void> {
    try {
      await unlink(this.#layout.pack(number));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    const pack = this.#packs.get(number);
    if (!pack) return;
    this.#packs.delete(number);
    this.#sizeBytes -= pack.sizeBytes;
    this.#liveBytes -= pack.liveBytes;
    this.#budget.give(pack.sizeBytes + fileOverheadBytes);
  }

  async #writeAll(): Promise<void> {
    // What comes in the same tick goes along.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const batch = this.#takeBatch();
      try {
        const { pack, handle } = await this.#openPack(batch[0]!.bytes);
        await this.#write(batch, pack, handle);
      } catch (error) {
        await this.#abandon(batch, error);
      }
    }
    // In the same tick as the look at the queue: who comes now starts anew.
    this.#writing = undefined;
  }

  #takeBatch(): Waiting[] {
    const room = this.#packBytesMax - (this.#open?.pack.sizeBytes ?? 0);
    const limit = Math.min(batchBytesMax, Math.max(room, 0));
    let count = 0;
    let bytes = 0;
    while (count < this.#waiting.length && count < batchRecordsMax) {
      const next = this.#waiting[count]!;
      if (count > 0 && bytes + next.bytes > limit) break;
      bytes += next.bytes;
      count += 1;
    }
    return this.#waiting.splice(0, count);
  }

  async #openPack(bytes: number): Promise<{ pack: Pack; handle: FileHandle }> {
    if (this.#open && this.#open.pack.sizeBytes + bytes > this.#packBytesMax) {
      const { handle } = this.#open;
      this.#open = undefined;
      await handle.close();
    }
    if (this.#open) return this.#open;
    const number = this.#next;
    this.#next += 1;
    if (!this.#budget.takeReserve(fileOverheadBytes)) throw noRoom();
    this.#opening = number;
    try {
      const handle = await open(this.#layout.pack(number), 'wx', 0o600);
      const pack: Pack = { number, sizeBytes: 0, liveBytes: 0 };
      this.#packs.set(number, pack);
      this.#open = { pack, handle };
      return this.#open;
    } catch (error) {
      this.#budget.give(fileOverheadBytes);
      throw error;
    } finally {
      this.#opening = undefined;
    }
  }

  async #write(batch: readonly Waiting[], pack: Pack, handle: FileHandle): Promise<void> {
    const start = pack.sizeBytes;
    const bytes = batch.reduce((sum, record) => sum + record.bytes, 0);
    await writeParts(
      handle,
      batch.flatMap(({ parts }) => parts),
      start,
    );
    pack.sizeBytes += bytes;
    this.#sizeBytes += bytes;
    let offset = start;
    for (const record of batch) {
      this.live(pack.number, record.bytes);
      record.written({ pack: pack.number, offset });
      record.resolve();
      offset += record.bytes;
    }
  }

  /** What is there of the batch is garbage, and nothing is written behind it. */
  async #abandon(batch: readonly Waiting[], error: unknown): Promise<void> {
    const bytes = batch.reduce((sum, record) => sum + record.bytes, 0);
    if (this.#open) {
      const { pack, handle } = this.#open;
      this.#open = undefined;
      pack.sizeBytes += bytes;
      this.#sizeBytes += bytes;
      await handle.close().catch(() => {});
    } else {
      this.#budget.give(bytes);
    }
    for (const { reject } of batch) reject(error);
  }
}

export function noRoom(): Error {
  return Object.assign(new Error('no room in the page directory'), { code: 'ENOROOM' });
}

/** Buffers, one after the other. */
export async function writeParts(
  handle: FileHandle,
  parts: readonly Uint8Array[],
  position: number,
): Promise<void> {
  const bytes = parts.reduce((sum, part) => sum + part.byteLength, 0);
  const { bytesWritten } = await handle.writev([...parts], position);
  if (bytesWritten === bytes) return;
  // A disk that takes some of it and no more says why when it is asked again.
  const rest = Buffer.concat(parts).subarray(bytesWritten);
  for (let at = 0; at < rest.byteLength; ) {
    const written = await handle.write(rest, at, rest.byteLength - at, position + bytesWritten + at);
    at += written.bytesWritten;
  }
}
