/**
 * The files of a page directory's journal, byte by byte. Numbers are unsigned, little-endian, 32 bits unless
 * said otherwise. A file is a sequence of blocks:
 *
 *     bytes  0-3    0x4c4a4246 ("FBJL")
 *     bytes  4-7    kind of the block: 1 rows, 2 scopes, 3 sets, 4 end, 6 pages
 *     bytes  8-11   length of what follows the header
 *     bytes 12-15   CRC32 (IEEE) of what follows the header, begun with the kind
 *
 * Scopes: a JSON array of names; rows name a scope by its place in the last such array before them. Pages:
 * records of the page table (page-dump.ts). End: no bytes; a snapshot is whole only with it. Rows: 52 bytes
 * each:
 *
 *     byte   0      1 added or moved, 2 removed, 3 policy changed, 4 mark
 *     byte   1      bits 0-1 priority (0 low, 1 normal, 2 high), bit 2 pinned
 *     bytes  2-3    scope
 *     bytes  4-7    index of the page
 *     bytes  8-23   set of the page
 *     bytes 24-27   number of the pack; 0xffffffff: a file of its own
 *     bytes 28-31   where its record begins in the pack; of a file: its folder
 *     bytes 32-35   length of the page in bytes
 *     bytes 36-39   its seal (page-stamp.ts)
 *     bytes 40-43   bytes it takes on disk
 *     bytes 44-47   when it was filled, in seconds since 1970
 *     bytes 48-51   seconds after that that it is dropped; 0: never
 *
 * A mark says how far pages are known: bytes 24-31 are the pack being written and its length, bytes 32-35 the
 * folder that gets new files. What lies beyond was written after the last row that reached the disk.
 */
import { open } from 'node:fs/promises';
import type { Priority } from '@forebay/core/cache-policy';
import type { PageId } from '@forebay/core/page';
import { crc32 } from '@node-rs/crc32';
import { idWords, type SetWords } from './set-rows.ts';

export const rowBytes = 52;
export const rowWords = rowBytes / 4;
export const blockHeaderBytes = 16;
const magic = 0x4c4a4246;
const noPack = 0xffffffff;
const blockBytesMax = 64 * 1024 * 1024;
const readBytes = 4 * 1024 * 1024;

export const blockKinds = { rows: 1, scopes: 2, sets: 3, end: 4, pages: 6 } as const;
export const rowKinds = { added: 1, removed: 2, policy: 3, mark: 4 } as const;
const priorities: readonly Priority[] = ['low', 'normal', 'high'];

/** Where the bytes of a page are. */
export interface PagePlace {
  /** -1: a file of its own. */
  readonly pack: number;
  /** Of the record in its pack; of a file: its folder. */
  readonly offset: number;
  readonly lengthBytes: number;
  readonly seal: number;
  /** On disk. */
  readonly storedBytes: number;
}

export interface PageTerms {
  /** A number of `ScopeNames`. */
  readonly scope: number;
  readonly priority: Priority;
  readonly pinned: boolean;
  readonly filledAtSeconds: number;
  readonly ttlSeconds?: number | undefined;
}

export type JournalRow = PageId & PagePlace & PageTerms;

export interface Mark {
  readonly pack: number;
  readonly packBytes: number;
  readonly folder: number;
}

export function writeRow(to: Buffer, at: number, kind: number, row: JournalRow): void {
  to[at] = kind;
  to[at + 1] = priorities.indexOf(row.priority) | (row.pinned ? 4 : 0);
  to.writeUInt16LE(row.scope, at + 2);
  to.writeUInt32LE(row.index, at + 4);
  to.write(row.set, at + 8, 16, 'hex');
  to.writeUInt32LE(row.pack < 0 ? noPack : row.pack, at + 24);
  to.writeUInt32LE(row.offset, at + 28);
  to.writeUInt32LE(row.lengthBytes, at + 32);
  to.writeUInt32LE(row.seal, at + 36);
  to.writeUInt32LE(row.storedBytes, at + 40);
  to.writeUInt32LE(row.filledAtSeconds, at + 44);
  to.writeUInt32LE(row.ttlSeconds ?? 0, at + 48);
}

/** A row of a file, in fields that the next one uses again: no object and no text for each of millions. */
export class FoundRow {
  kind = 0;
  readonly id: SetWords = new Int32Array(idWords);
  index = 0;
  /** But for its directory, which the file does not know. */
  readonly place = { directory: 0, pack: 0, offset: 0, lengthBytes: 0, checksum: 0, storedBytes: 0 };
  readonly terms: { -readonly [Term in keyof PageTerms]: PageTerms[Term] } = {
    ...{ scope: 0, priority: 'normal', pinned: false, filledAtSeconds: 0, ttlSeconds: undefined },
  };

  /** @param words of the file; the row's begin at `at` */
  read(words: Int32Array, at: number): void {
    const head = words[at]!;
    const { id, place, terms } = this;
    this.kind = head & 0xff;
    this.index = words[at + 1]! >>> 0;
    for (let word = 0; word < idWords; word += 1) id[word] = swapped(words[at + 2 + word]!);
    place.pack = words[at + 6]!;
    place.offset = words[at + 7]! >>> 0;
    place.lengthBytes = words[at + 8]! >>> 0;
    place.checksum = words[at + 9]! >>> 0;
    place.storedBytes = words[at + 10]! >>> 0;
    terms.priority = priorities[(head >>> 8) & 3] ?? 'normal';
    terms.pinned = (head & (4 << 8)) !== 0;
    terms.scope = head >>> 16;
    terms.filledAtSeconds = words[at + 11]! >>> 0;
    terms.ttlSeconds = words[at + 12]! >>> 0 || undefined;
  }
}

/** Ids lie in files as they are written, and in words as they are read (set-rows.ts). */
function swapped(word: number): number {
  return (word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24);
}

/** Of little-endian words, as all of a file are. */
export function wordsOf(body: Buffer): Int32Array {
  const length = Math.floor(body.byteLength / 4);
  // A view of words must begin at a whole one.
  if (body.byteOffset % 4 === 0) return new Int32Array(body.buffer, body.byteOffset, length);
  return new Int32Array(body.buffer.slice(body.byteOffset, body.byteOffset + length * 4));
}

export function writeMark(to: Buffer, at: number, mark: Mark): void {
  to.fill(0, at, at + rowBytes);
  to[at] = rowKinds.mark;
  to.writeUInt32LE(mark.pack, at + 24);
  to.writeUInt32LE(mark.packBytes, at + 28);
  to.writeUInt32LE(mark.folder, at + 32);
}

export function readMark(from: Buffer, at: number): Mark {
  return {
    pack: from.readUInt32LE(at + 24),
    packBytes: from.readUInt32LE(at + 28),
    folder: from.readUInt32LE(at + 32),
  };
}

export function blockOf(kind: number, body: Uint8Array): Buffer {
  const header = Buffer.allocUnsafe(blockHeaderBytes);
  header.writeUInt32LE(magic, 0);
  header.writeUInt32LE(kind, 4);
  header.writeUInt32LE(body.byteLength, 8);
  header.writeUInt32LE(crc32(body, kind), 12);
  return Buffer.concat([header, body]);
}

export interface Block {
  readonly kind: number;
  readonly body: Buffer;
}

/**
 * The sound blocks at the start of a file, a few MiB at a time; false where something else follows them.
 * @throws what the system says where the file cannot be read.
 */
export async function readBlocks(
  path: string,
  take: (block: Block) => Promise<void> | void,
): Promise<boolean> {
  const file = await open(path, 'r');
  try {
    let rest: Buffer = Buffer.alloc(0);
    for (;;) {
      const piece = Buffer.allocUnsafe(readBytes);
      const { bytesRead } = await file.read(piece, 0, readBytes);
      const bytes = rest.byteLength === 0 ? piece : Buffer.concat([rest, piece.subarray(0, bytesRead)]);
      const taken = await takeBlocks(rest.byteLength === 0 ? piece.subarray(0, bytesRead) : bytes, take);
      if (taken < 0) return false;
      const length = rest.byteLength + bytesRead;
      rest = bytes.subarray(taken, length);
      if (bytesRead === 0) return rest.byteLength === 0;
    }
  } finally {
    await file.close();
  }
}

/** How many bytes were whole blocks; -1 where a block is damaged. */
async function takeBlocks(bytes: Buffer, take: (block: Block) => Promise<void> | void): Promise<number> {
  let at = 0;
  while (at + blockHeaderBytes <= bytes.byteLength) {
    const length = bytes.readUInt32LE(at + 8);
    if (bytes.readUInt32LE(at) !== magic || length > blockBytesMax) return -1;
    const end = at + blockHeaderBytes + length;
    if (end > bytes.byteLength) break;
    const body = bytes.subarray(at + blockHeaderBytes, end);
    const kind = bytes.readUInt32LE(at + 4);
    if (crc32(body, kind) !== bytes.readUInt32LE(at + 12)) return -1;
    await take({ kind, body });
    at = end;
  }
  return at;
}
