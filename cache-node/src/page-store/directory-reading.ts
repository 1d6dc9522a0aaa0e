/**
 * Reads pages from a directory, verified before a byte leaves: a packed page as a whole, of a page file the
 * 64 KiB blocks that are asked for.
 */
import { crc32 } from '@node-rs/crc32';
import type { BufferPool } from '../buffers/buffer-pool.ts';
import type { Descriptors, ReadableFile } from './descriptors.ts';
import { checkedBytes, type DirectoryLayout } from './directory-layout.ts';
import type { JournalRow } from './journal-format.ts';
import { checksumsBytesOf, readRecordStamp, readTrailer, type Stamp, stampBytes } from './page-stamp.ts';
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

  constructor(options: { layout: DirectoryLayout; descriptors: Descriptors; buffers: BufferPool }) {
    this.#layout = options.layout;
    this.#descriptors = options.descriptors;
    this.#buffers = options.buffers;
  }

  /** Undefined: what lies there is not that page, or not all of it. @throws what the system says. */
  read(row: JournalRow, span: ByteSpan): Promise<PageSlice | undefined> {
    if (row.pack >= 0) {
      return this.#descriptors.with(this.#layout.pack(row.pack), (file) => this.#record(file, row, span));
    }
    const path = this.#layout.pageFile(row.offset, row, row.lengthBytes);
    return this.#descriptors.with(path, (file) => this.#file(file, row, span));
  }

  async #record(file: ReadableFile, row: JournalRow, span: ByteSpan): Promise<PageSlice | undefined> {
    const lent = this.#buffers.take(stampBytes + row.lengthBytes);
    try {
      const bytes = lent.subarray(0, stampBytes + row.lengthBytes);
      if ((await file.readInto(bytes, row.offset)) === bytes.byteLength) {
        const stamp = readRecordStamp(bytes);
        const page = bytes.subarray(stampBytes);
        if (stamp && isOf(stamp, row) && crc32(page) === stamp.checksum) {
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

  async #file(file: ReadableFile, row: JournalRow, span: ByteSpan): Promise<PageSlice | undefined> {
    const checksums = await this.#checksums(file, row);
    if (!checksums) return undefined;
    const first = Math.floor(span.start / checkedBytes);
    const start = first * checkedBytes;
    const asked = Math.ceil(span.endExclusive / checkedBytes);
    const last = Math.min(asked, first + this.#blocksPerReadMax());
    const length = Math.min(last * checkedBytes, row.lengthBytes) - start;
    const lent = this.#buffers.take(length);
    try {
      const bytes = lent.subarray(0, length);
      if ((await file.readInto(bytes, start)) === length && isSound(bytes, checksums, first)) {
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
  async #checksums(file: ReadableFile, row: JournalRow): Promise<Buffer | undefined> {
    if (file.kept) return file.kept.seal === row.seal ? file.kept.checksums : undefined;
    const trailer = Buffer.alloc(checksumsBytesOf(row.lengthBytes) + stampBytes);
    const found = await file.readInto(trailer, row.lengthBytes);
    const stamp = found === trailer.byteLength ? readTrailer(trailer, row.lengthBytes) : undefined;
    if (!stamp || !isOf(stamp, row)) return undefined;
    file.keep({ seal: row.seal, checksums: trailer });
    return trailer;
  }

  #lend(lent: Buffer, bytes: Uint8Array): PageSlice {
    return { bytes, release: () => this.#buffers.give(lent) };
  }
}

function isOf(stamp: Stamp, row: JournalRow): boolean {
  return (
    stamp.seal === row.seal &&
    stamp.set === row.set &&
    stamp.index === row.index &&
    stamp.lengthBytes === row.lengthBytes
  );
}

function isSound(bytes: Buffer, checksums: Buffer, firstBlock: number): boolean {
  for (let start = 0, block = firstBlock; start < bytes.byteLength; start += checkedBytes, block += 1) {
    if (crc32(bytes.subarray(start, start + checkedBytes)) !== checksums.readUInt32LE(block * 4))
      return false;
  }
  return true;
}
