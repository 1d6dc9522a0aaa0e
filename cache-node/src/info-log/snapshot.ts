/**
 * The index on disk, in pieces of some shards each, so that a start reads 10 bytes an entry and not the whole
 * log. A piece says up to which position of the log it is good; what came after is replayed on it. Pieces are
 * written in turn, each whole beside its old one and then renamed. A piece that is missing or damaged means
 * more to replay, never a wrong entry: entries lead to records, and records hold their key.
 */
import { join } from 'node:path';
import { crc32 } from '@node-rs/crc32';
import { type KeyIndex, lengthOf, shardCount } from './key-index.ts';
import type { LogFiles } from './log-files.ts';

export const pieceCount = 256;
export const shardsPerPiece = shardCount / pieceCount;
const magic = 0x46_42_49_58;
const version = 1;
/** Magic, version, log id, piece; position; number of the newest segment; and a capacity for each shard. */
const headBytes = 32 + shardsPerPiece * 4;
/** A table larger than this is none: it would be 500 times a full shard. */
const capacityMax = 8 * 1024 * 1024;

export interface PieceOrigin {
  readonly logId: number;
  /** Records from here on are not in it. */
  readonly position: number;
  /** Says which segment a slot meant. */
  readonly newestSegmentId: number;
}

/** The piece as it is now; all up to its position must be in the system's hands before it is written. */
export function dumpPiece(index: KeyIndex, piece: number, of: PieceOrigin): Buffer {
  const shards = Array.from({ length: shardsPerPiece }, (_, at) => index.shard(piece * shardsPerPiece + at));
  const tableBytes = shards.reduce((sum, { table }) => sum + table.byteLength, 0);
  const bytes = Buffer.allocUnsafe(headBytes + tableBytes + 4);
  bytes.writeUInt32LE(magic, 0);
  bytes.writeUInt32LE(version, 4);
  bytes.writeUInt32LE(of.logId, 8);
  bytes.writeUInt32LE(piece, 12);
  bytes.writeDoubleLE(of.position, 16);
  bytes.writeDoubleLE(of.newestSegmentId, 24);
  let at = headBytes;
  for (const [place, { capacity, table }] of shards.entries()) {
    bytes.writeUInt32LE(capacity, 32 + place * 4);
    bytes.set(new Uint8Array(table.buffer, table.byteOffset, table.byteLength), at);
    at += table.byteLength;
  }
  bytes.writeUInt32LE(crc32(bytes.subarray(0, at)), at);
  return bytes;
}

interface PieceSource {
  readonly bytes: Buffer;
  readonly logId: number;
  /** Where the log ends: no piece can be good for more. */
  readonly endPosition: number;
  /** Of the number of the piece's newest segment: says which locations are still good. */
  readonly keepIn: (newestSegmentId: number) => (location: number) => boolean;
}

/**
 * Takes a piece into the index.
 * @returns the position it is good for; undefined, with nothing taken, where it is none of this log.
 */
export function loadPiece(index: KeyIndex, piece: number, from: PieceSource): number | undefined {
  const { bytes } = from;
  const end = bytes.length - 4;
  if (end < headBytes || bytes.readUInt32LE(0) !== magic || bytes.readUInt32LE(4) !== version)
    return undefined;
  if (bytes.readUInt32LE(8) !== from.logId || bytes.readUInt32LE(12) !== piece) return undefined;
  if (crc32(bytes.subarray(0, end)) !== bytes.readUInt32LE(end)) return undefined;
  const position = bytes.readDoubleLE(16);
  if (position > from.endPosition) return undefined;
  const capacities = Array.from({ length: shardsPerPiece }, (_, at) => bytes.readUInt32LE(32 + at * 4));
  const lengths = capacities.map((capacity) => (capacity === 0 ? 0 : lengthOf(capacity)));
  const entryBytes = lengths.reduce((sum, length) => sum + length * 4, 0);
  if (capacities.some((capacity) => capacity > capacityMax) || headBytes + entryBytes !== end)
    return undefined;
  const keep = from.keepIn(bytes.readDoubleLE(24));
  let at = headBytes;
  for (const [place, length] of lengths.entries()) {
    const table = new Uint32Array(length);
    bytes.copy(new Uint8Array(table.buffer), 0, at, at + length * 4);
    index.load(piece * shardsPerPiece + place, capacities[place]!, table, keep);
    at += length * 4;
  }
  return position;
}

/** Which piece holds a key, by the first 32 bits of it. */
export function pieceOf(word0: number): number {
  return word0 >>> 24;
}

export function piecePath(directory: string, piece: number): string {
  return join(directory, `index-${String(piece).padStart(3, '0')}`);
}

export function pieceOfName(name: string): number | undefined {
  const digits = /^index-(\d{3})$/.exec(name)?.[1];
  return digits !== undefined && Number(digits) < pieceCount ? Number(digits) : undefined;
}

/** @returns its bytes; undefined where it is not there, or cannot be read. */
export function readPiece(files: LogFiles, directory: string, piece: number): Buffer | undefined {
  try {
    return files.readFileSync(piecePath(directory, piece));
  } catch {
    return undefined;
  }
}
