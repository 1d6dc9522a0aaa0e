/**
 * Reads pages from a directory, verified before a byte leaves: a packed page as a whole, of a page file the
 * 64 KiB blocks that are asked for.
 */
import { syscalls } from '@forebay/core/syscalls';
import { crc32 } from '@node-rs/crc32';
import type { BufferPool } from '../buffers/buffer-pool.ts';
import { type Descriptors, OpenFile } from './descriptors.ts';
import { checkedBytes, type DirectoryLayout } from './directory-layout.ts';
import type { JournalRow } from './journal-format.ts';
import { blockOfRecord, isLendable, markOfPack } from './lending.ts';
import {
  areBlocksSound,
  checksumsBytesOf,
  isStampOf,
  readRecordStamp,
  readTrailer,
  stampBytes,
} from './page-stamp.ts';
import type { PageRow } from './page-table.ts';
import type { PageSlice } from './paged-object.ts';

/** Of a page file in one read: each costs two wake-ups of threads, which cost more than copying the bytes. */
const blocksPerReadMax = 16;
/** And where much is lent already, so that what many slow readers hold is little. */
const frugalBlocksPerReadMax = 4;
/** Bytes that are lent before reads become frugal. */
const freelyLentBytesMax = 16 * 1024 * 1024;

export interface ByteSpan {
  readonly start: number;
  readonly endExclusive: number;
}

export class DirectoryReading {
  readonly #layout: DirectoryLayout;
  readonly #descriptors: Descriptors;
  readonly #buffers: BufferPool;
  #checked: OpenFile | undefined;

  constructor(options: { layout: DirectoryLayout; descriptors: Descriptors; buffers: BufferPool }) {
    this.#layout = options.layout;
    this.#descriptors = options.descriptors;
    this.#buffers = options.buffers;
  }

  /**
   * Undefined: what lies there is not that page, or not all of it. @throws what the system says.
   * @param number of the page's row in the table
   */
  read(row: JournalRow, number: PageRow, span: ByteSpan): Promise<PageSlice | undefined> {
    const isPacked = row.pack >= 0;
    return this.#descriptors.with(this.#pathOf(row), (file) => {
      this.#descriptors.mark(file, isPacked ? markOfPack(row.pack) : number);
      return isPacked ? this.#record(file, row, span) : this.#file(file, row, span);
    });
  }

  /**
   * Reads a whole page, for nobody but to verify it, and leaves memory as it was. False: it is not that page,
   * or not all of it. The file stays open for the next page, which may be of the same pack, until `endChecks`.
   * @throws what the system says.
   */
  async check(row: JournalRow): Promise<boolean> {
    const path = this.#pathOf(row);
    if (this.#checked?.path !== path) {
      this.endChecks();
      this.#checked = new OpenFile(path);
    }
    const file = this.#checked;
    const start = row.pack >= 0 ? row.offset : 0;
    const lengthBytes = row.pack >= 0 ? stampBytes + row.lengthBytes : row.lengthBytes;
    try {
      await file.opened;
      const resident = syscalls()?.residentBytes(file.descriptor, start, lengthBytes);
      // It comes back into memory before it is verified.
      if (resident !== lengthBytes) this.#descriptors.distrust(path);
      const isSound = await this.#isSound(file, row);
      if (resident === 0) syscalls()?.leaveMemory(file.descriptor, start, lengthBytes);
      return isSound;
    } catch (error) {
      this.endChecks();
      throw error;
    }
  }

  endChecks(): void {
    this.#checked?.close();
    this.#checked = undefined;
  }

  async #isSound(file: OpenFile, row: JournalRow): Promise<boolean> {
    for (let start = 0; start < row.lengthBytes; ) {
      const span = { start, endExclusive: row.lengthBytes };
      const slice = await (row.pack >= 0 ? this.#record(file, row, span) : this.#file(file, row, span));
      if (!slice) return false;
      start += slice.bytes.byteLength;
      slice.release();
    }
    return true;
  }

  #pathOf(row: JournalRow): string {
    return row.pack >= 0
      ? this.#layout.pack(row.pack)
      : this.#layout.pageFile(row.offset, row, row.lengthBytes);
  }

  async #record(file: OpenFile, row: JournalRow, span: ByteSpan): Promise<PageSlice | undefined> {
    const lent = this.#buffers.take(stampBytes + row.lengthBytes);
    try {
      const { changedMs } = file;
      const bytes = lent.subarray(0, stampBytes + row.lengthBytes);
      if ((await file.readInto(bytes, row.offset)) === bytes.byteLength) {
        const stamp = readRecordStamp(bytes);
        const page = bytes.subarray(stampBytes);
        if (stamp && isStampOf(stamp, row) && crc32(page) === stamp.checksum) {
          if (isLendable(row.lengthBytes)) {
            const block = blockOfRecord(row.offset);
            file.verified.add(block, block + 1, changedMs);
            file.seals.set(row.offset, row.seal);
          }
          return this.#lend(lent, page.subarray(span.start, span.endExclusive));
        }
      }
    } catch (error) {
      this.#buffers.give(lent);
      throw error;
    }
    this.#buffers.give(lent);
    return undefined;
  }

  async #file(file: OpenFile, row: JournalRow, span: ByteSpan): Promise<PageSlice | undefined> {
    const checksums = await this.#checksums(file, row);
    if (!checksums) return undefined;
    const first = Math.floor(span.start / checkedBytes);
    const start = first * checkedBytes;
    const asked = Math.ceil(span.endExclusive / checkedBytes);
    const last = Math.min(asked, first + this.#blocksPerReadMax());
    const length = Math.min(last * checkedBytes, row.lengthBytes) - start;
    const lent = this.#buffers.take(length);
    try {
      const { changedMs } = file;
      const bytes = lent.subarray(0, length);
      if ((await file.readInto(bytes, start)) === length && areBlocksSound(bytes, checksums, first)) {
        file.verified.add(first, last, changedMs);
        const endExclusive = Math.min(span.endExclusive - start, length);
        return this.#lend(lent, bytes.subarray(span.start - start, endExclusive));
      }
    } catch (error) {
      this.#buffers.give(lent);
      throw error;
    }
    this.#buffers.give(lent);
    return undefined;
  }

  #blocksPerReadMax(): number {
    return this.#buffers.lentBytes < freelyLentBytesMax ? blocksPerReadMax : frugalBlocksPerReadMax;
  }

  /** Verified once per open file. */
  async #checksums(file: OpenFile, row: JournalRow): Promise<Buffer | undefined> {
    if (file.kept) return file.kept.seal === row.seal ? file.kept.checksums : undefined;
    const trailer = Buffer.alloc(checksumsBytesOf(row.lengthBytes) + stampBytes);
    const found = await file.readInto(trailer, row.lengthBytes);
    const stamp = found === trailer.byteLength ? readTrailer(trailer, row.lengthBytes) : undefined;
    if (!stamp || !isStampOf(stamp, row)) return undefined;
    file.kept = { seal: row.seal, checksums: trailer };
    return trailer;
  }

  #lend(lent: Buffer, bytes: Uint8Array): PageSlice {
    return { bytes, release: () => this.#buffers.give(lent) };
  }
}
