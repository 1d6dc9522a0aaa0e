/**
 * Pages of files that another process owns, read in place. A page is taken up once: its file is opened, its
 * stamp and every byte of it verified; then it is lent to answers as it lies there. The owner never changes a
 * file, it only unlinks it, and whoever has it open still reads the same bytes. So a page that is gone is
 * not wrong, but its space on disk is free only when it is closed here: files without a name are closed soon.
 */
import { close, fstatSync, open, read } from 'node:fs';
import { promisify } from 'node:util';
import type { PageId } from '@forebay/core/page';
import type { FileSlice } from '@forebay/core/pieces';
import { syscalls } from '@forebay/core/syscalls';
import { crc32 } from '@node-rs/crc32';
import { LRUCache } from 'lru-cache';
import { checkedBytes } from '../page-store/directory-layout.ts';
import {
  areBlocksSound,
  checksumsBytesOf,
  isStampOf,
  readRecordStamp,
  readTrailer,
  stampBytes,
} from '../page-store/page-stamp.ts';
import type { PlacedPage } from '../page-store/paged-object.ts';
import { VerifiedBlocks } from '../page-store/verified-blocks.ts';

const openFile = promisify(open);
const closeFile = promisify(close);
const readFile = promisify(read);

/** Bytes of one read: a whole number of blocks that have a checksum. */
const readBytes = 256 * 1024;
const sweepMs = 2000;

/** A page file that is open and verified. */
export class HotFile {
  readonly lengthBytes: number;
  readonly expiresAtMs: number | undefined;
  readonly #descriptor: number;
  readonly #checksums: Buffer;
  readonly #verified = new VerifiedBlocks();
  #reads = 0;
  #isDropped = false;
  #isClosing = false;

  constructor(descriptor: number, checksums: Buffer, of: PlacedPage) {
    this.#descriptor = descriptor;
    this.#checksums = checksums;
    this.lengthBytes = of.lengthBytes;
    this.expiresAtMs = of.expiresAtMs;
  }

  get isClosed(): boolean {
    return this.#isDropped;
  }

  /** Closed when no read is under way. */
  drop(): void {
    this.#isDropped = true;
    this.#closeUnused();
  }

  /**
   * A part of it, where all of that was verified, is unchanged since, and in memory now. Undefined: it has to
   * be read, which verifies it anew.
   */
  slice(start: number, endExclusive: number): FileSlice | undefined {
    if (this.#isDropped) return undefined;
    const lengthBytes = endExclusive - start;
    const first = Math.floor(start / checkedBytes);
    try {
      const { ctimeMs } = fstatSync(this.#descriptor);
      if (!this.#verified.has(first, Math.ceil(endExclusive / checkedBytes), ctimeMs)) return undefined;
    } catch {
      return undefined;
    }
    const resident = syscalls()?.residentBytes(this.#descriptor, start, lengthBytes);
    if (resident === lengthBytes) return { file: this.#descriptor, offset: start, lengthBytes };
    this.#verified.clear();
    return undefined;
  }

  /**
   * Verified bytes from `start` on, as many as `into` takes or fewer. @throws Error where they are not what
   * they were, or cannot be read
   */
  async read(start: number, endExclusive: number, into: Buffer): Promise<Uint8Array> {
    const first = Math.floor(start / checkedBytes);
    const from = first * checkedBytes;
    const end = Math.min(from + readBytes, Math.ceil(endExclusive / checkedBytes) * checkedBytes);
    const bytes = into.subarray(0, Math.min(end, this.lengthBytes) - from);
    if (this.#isDropped) throw new Error('the file is closed');
    const { ctimeMs } = fstatSync(this.#descriptor);
    this.#reads += 1;
    try {
      await readWhole(this.#descriptor, bytes, from);
    } finally {
      this.#reads -= 1;
      this.#closeUnused();
    }
    if (!areBlocksSound(bytes, this.#checksums, first)) {
      throw new Error('a page that was good fails its checksum');
    }
    const blocksEnd = first + Math.ceil(bytes.byteLength / checkedBytes);
    this.#verified.add(first, blocksEnd, ctimeMs);
    return bytes.subarray(start - from, Math.min(endExclusive - from, bytes.byteLength));
  }

  /** Its owner took the page away. */
  get isUnlinked(): boolean {
    return fstatSync(this.#descriptor).nlink === 0;
  }

  #closeUnused(): void {
    if (!this.#isDropped || this.#reads > 0 || this.#isClosing) return;
    this.#isClosing = true;
    closeFile(this.#descriptor).catch(() => {});
  }
}

/** What a `read` of a `HotFile` wants to be given. */
export const hotReadBytes = readBytes;

export class HotFiles {
  readonly #files: LRUCache<string, HotFile>;
  readonly #sweep: NodeJS.Timeout;
  readonly #buffer = Buffer.allocUnsafeSlow(readBytes);
  /** One at a time: they share a buffer, and nobody waits for them. */
  #taking: Promise<unknown> = Promise.resolve();

  constructor(options: { readonly openMax: number }) {
    this.#files = new LRUCache({ max: options.openMax, dispose: (file) => file.drop() });
    this.#sweep = setInterval(() => this.#closeUnlinked(), sweepMs).unref();
  }

  get(name: string): HotFile | undefined {
    return this.#files.get(name);
  }

  /** Opens and verifies a page's own file. False where it is not that page, whole. Never throws. */
  take(name: string, page: PageId, place: PlacedPage): Promise<boolean> {
    const taken = this.#taking.then(async () => {
      if (this.#files.has(name)) return true;
      const file = await openVerified(page, place, this.#buffer).catch(() => undefined);
      if (file) this.#files.set(name, file);
      return file !== undefined;
    });
    this.#taking = taken;
    return taken;
  }

  drop(name: string): void {
    this.#files.delete(name);
  }

  close(): void {
    clearInterval(this.#sweep);
    this.#files.clear();
  }

  #closeUnlinked(): void {
    for (const [name, file] of [...this.#files.entries()]) if (file.isUnlinked) this.#files.delete(name);
  }
}

async function openVerified(page: PageId, place: PlacedPage, buffer: Buffer): Promise<HotFile | undefined> {
  const descriptor = await openFile(place.path, 'r');
  let file: HotFile | undefined;
  try {
    const trailer = Buffer.alloc(checksumsBytesOf(place.lengthBytes) + stampBytes);
    await readWhole(descriptor, trailer, place.lengthBytes);
    const stamp = readTrailer(trailer, place.lengthBytes);
    if (!stamp || !isStampOf(stamp, { ...page, ...place })) return undefined;
    // What nobody asked for would come into the page cache unverified.
    syscalls()?.readNothingMore(descriptor);
    const opened = new HotFile(descriptor, trailer, place);
    for (let start = 0; start < place.lengthBytes; start += readBytes) {
      await opened.read(start, Math.min(start + readBytes, place.lengthBytes), buffer);
    }
    file = opened;
    return file;
  } finally {
    if (!file) await closeFile(descriptor);
  }
}

/** The bytes of a page in a pack; undefined where that is not what lies there. Never throws. */
export async function readPacked(page: PageId, place: PlacedPage): Promise<Uint8Array | undefined> {
  try {
    const descriptor = await openFile(place.path, 'r');
    try {
      const record = Buffer.allocUnsafeSlow(stampBytes + place.lengthBytes);
      await readWhole(descriptor, record, place.packedAt);
      const stamp = readRecordStamp(record);
      const bytes = record.subarray(stampBytes);
      return stamp && isStampOf(stamp, { ...page, ...place }) && crc32(bytes) === stamp.checksum
        ? bytes
        : undefined;
    } finally {
      await closeFile(descriptor);
    }
  } catch {
    return undefined;
  }
}

/** @throws Error where there are fewer bytes */
async function readWhole(descriptor: number, into: Buffer, position: number): Promise<void> {
  for (let filled = 0; filled < into.byteLength; ) {
    const left = into.byteLength - filled;
    const { bytesRead } = await readFile(descriptor, into, filled, left, position + filled);
    if (bytesRead === 0) throw new Error('the file is shorter than it should be');
    filled += bytesRead;
  }
}
