/**
 * Lends parts of open files in place of bytes: in one tick, and only what was verified, is unchanged since
 * and lies in the page cache. Whatever else must be read, which verifies it and brings it there.
 */
import { readSync } from 'node:fs';
import type { FileSlice } from '@forebay/core/pieces';
import { syscalls } from '@forebay/core/syscalls';
import type { BufferPool } from '../buffers/buffer-pool.ts';
import type { OpenFile } from './descriptors.ts';
import type { DirectoryFiles } from './directory-files.ts';
import { checkedBytes } from './directory-layout.ts';
import type { ByteSpan } from './directory-reading.ts';
import { stampBytes } from './page-stamp.ts';
import type { PageRow } from './page-table.ts';
import type { LentFile, PageSlice } from './paged-object.ts';

/** Fewer bytes are read at once: that costs less than what sending them from the file takes more. */
const readBytesMax = 32 * 1024;

export class Lending {
  readonly #files: DirectoryFiles;
  readonly #buffers: BufferPool;

  constructor(files: DirectoryFiles, buffers: BufferPool) {
    this.#files = files;
    this.#buffers = buffers;
  }

  /** Undefined where it would have to wait. Never throws. */
  lend(row: PageRow, span: ByteSpan): LentFile | PageSlice | undefined {
    const { table, descriptors } = this.#files;
    const pack = table.packOf(row);
    const file = descriptors.marked(pack < 0 ? row : markOfPack(pack));
    if (!file) return undefined;
    let start = span.start;
    const lengthBytes = span.endExclusive - span.start;
    let firstBlock = Math.floor(start / checkedBytes);
    let blocksEnd = Math.ceil(span.endExclusive / checkedBytes);
    if (pack >= 0) {
      const offset = table.offsetOf(row);
      start += offset + stampBytes;
      firstBlock = blockOfRecord(offset);
      blocksEnd = firstBlock + 1;
      if (!isLendable(table.lengthOf(row)) || file.seals.get(offset) !== table.checksumOf(row))
        return undefined;
    } else if (file.kept?.seal !== table.checksumOf(row)) return undefined;
    try {
      if (!file.verified.has(firstBlock, blocksEnd, file.changedMs)) return undefined;
      const { descriptor } = file;
      if (syscalls()?.residentBytes(descriptor, start, lengthBytes) !== lengthBytes) {
        file.verified.clear();
        return undefined;
      }
      if (lengthBytes <= readBytesMax) return this.#read(file, start, lengthBytes);
      descriptors.lend(file);
      const slice: FileSlice = { file: descriptor, offset: start, lengthBytes };
      return { slice, release: () => descriptors.release(file) };
    } catch {
      return undefined;
    }
  }

  #read({ descriptor }: OpenFile, start: number, lengthBytes: number): PageSlice | undefined {
    const lent = this.#buffers.take(lengthBytes);
    let count = 0;
    try {
      count = readSync(descriptor, lent, 0, lengthBytes, start);
    } finally {
      if (count < lengthBytes) this.#buffers.give(lent);
    }
    if (count < lengthBytes) return undefined;
    return { bytes: lent.subarray(0, lengthBytes), release: () => this.#buffers.give(lent) };
  }
}

/** Rows have numbers from 0 on. */
export function markOfPack(pack: number): number {
  return -1 - pack;
}

/** Of smaller records several may begin in one block. */
export function isLendable(recordBytes: number): boolean {
  return recordBytes >= checkedBytes;
}

/** A lendable record has the block in which it begins to itself. */
export function blockOfRecord(offset: number): number {
  return Math.floor(offset / checkedBytes);
}
