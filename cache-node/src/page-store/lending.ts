/**
 * Lends parts of open files in place of bytes: in one tick, and only what was verified, is unchanged since
 * and lies in the page cache. Whatever else must be read, which verifies it and brings it there.
 */
import { readSync } from 'node:fs';
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
    const found = this.#find(row, span);
    if (!found) return undefined;
    const { file, offset } = found;
    const lengthBytes = span.endExclusive - span.start;
    if (lengthBytes <= readBytesMax) return this.#read(file, offset, lengthBytes);
    const { descriptors } = this.#files;
    descriptors.lend(file);
    return {
      slice: { file: file.descriptor, offset, lengthBytes },
      release: () => descriptors.release(file),
    };
  }

  /** Whether `lend` would. Never throws. */
  couldLend(row: PageRow, span: ByteSpan): boolean {
    return this.#find(row, span) !== undefined;
  }

  /** The file that has it, and where, if all of it may be lent. */
  #find(row: PageRow, { start, endExclusive }: ByteSpan): { file: OpenFile; offset: number } | undefined {
    const { table, descriptors } = this.#files;
    const pack = table.packOf(row);
    const file = descriptors.marked(pack < 0 ? row : markOfPack(pack));
    if (!file) return undefined;
    let offset = start;
    let firstBlock = Math.floor(start / checkedBytes);
    let blocksEnd = Math.ceil(endExclusive / checkedBytes);
    if (pack >= 0) {
      const record = table.offsetOf(row);
      if (!isLendable(table.lengthOf(row)) || file.seals.get(record) !== table.checksumOf(row))
        return undefined;
      offset += record + stampBytes;
      firstBlock = blockOfRecord(record);
      blocksEnd = firstBlock + 1;
    } else if (file.kept?.seal !== table.checksumOf(row)) return undefined;
    const isSound = isSoundNow(file, { firstBlock, blocksEnd, offset, lengthBytes: endExclusive - start });
    return isSound ? { file, offset } : undefined;
  }

  #read({ descriptor }: OpenFile, offset: number, lengthBytes: number): PageSlice | undefined {
    const lent = this.#buffers.take(lengthBytes);
    if (readWhole(descriptor, lent.subarray(0, lengthBytes), offset)) {
      return { bytes: lent.subarray(0, lengthBytes), release: () => this.#buffers.give(lent) };
    }
    this.#buffers.give(lent);
    return undefined;
  }
}

interface Part {
  readonly firstBlock: number;
  readonly blocksEnd: number;
  readonly offset: number;
  readonly lengthBytes: number;
}

/** Verified, unchanged since, and in the page cache. */
function isSoundNow(file: OpenFile, { firstBlock, blocksEnd, offset, lengthBytes }: Part): boolean {
  try {
    if (!file.verified.has(firstBlock, blocksEnd, file.changedMs)) return false;
  } catch {
    return false;
  }
  if (syscalls()?.residentBytes(file.descriptor, offset, lengthBytes) === lengthBytes) return true;
  file.verified.clear();
  return false;
}

function readWhole(descriptor: number, into: Buffer, offset: number): boolean {
  try {
    return readSync(descriptor, into, 0, into.byteLength, offset) === into.byteLength;
  } catch {
    return false;
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
