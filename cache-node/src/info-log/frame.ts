/**
 * How a record stands in a segment file, numbers little-endian, each record aligned to 16 bytes:
 *
 *     0  u32  CRC32 of bytes 4 to the payload's end
 *     4  u32  kind in the upper 8 bits, length of the payload in the lower 24
 *     8  u32  the same, inverted: tells a length that a flipped bit made from a record cut short
 *    12  u32  wall time of the append, s
 *    16  16   the key: the first 128 bits of the SHA-256 of the placement key
 *    32  ...  payload, then zeros up to the alignment
 */
import { crc32 } from '@node-rs/crc32';
import { recordAlignBytes } from './location.ts';

export const recordKind = { put: 1, drop: 2, seal: 3 } as const;
export type RecordKind = (typeof recordKind)[keyof typeof recordKind];

export const headerBytes = 32;
export const keyBytes = 16;
/** Larger ones are not kept. */
export const recordBytesMax = 64 * 1024;

const keyAt = 16;

/** Whole bytes on disk of a record with so much payload. */
export function framedBytes(payloadBytes: number): number {
  return Math.ceil((headerBytes + payloadBytes) / recordAlignBytes) * recordAlignBytes;
}

/** Writes the header before the payload that stands at `headerBytes` already. @returns bytes on disk. */
export function sealFrame(
  record: Buffer,
  of: { kind: RecordKind; key: Uint8Array; wallSeconds: number; payloadBytes: number },
): number {
  const length = ((of.kind << 24) | of.payloadBytes) >>> 0;
  record.writeUInt32LE(length, 4);
  record.writeUInt32LE(~length >>> 0, 8);
  record.writeUInt32LE(of.wallSeconds, 12);
  record.set(of.key, keyAt);
  const end = headerBytes + of.payloadBytes;
  record.writeUInt32LE(crc32(record.subarray(4, end)), 0);
  const wholeBytes = framedBytes(of.payloadBytes);
  record.fill(0, end, wholeBytes);
  return wholeBytes;
}

export interface Frame {
  readonly kind: RecordKind;
  readonly wallSeconds: number;
  readonly payloadBytes: number;
  readonly wholeBytes: number;
}

/**
 * The record's sizes, by its header alone. `short`: the header, or the record it speaks of, does not end
 * before `end`; `bad`: no record.
 */
export function frameAt(bytes: Buffer, at: number, end: number): Frame | 'short' | 'bad' {
  if (end - at < headerBytes) return 'short';
  const length = bytes.readUInt32LE(at + 4);
  if (bytes.readUInt32LE(at + 8) !== ~length >>> 0) return 'bad';
  const kind = length >>> 24;
  const payloadBytes = length & 0xff_ffff;
  const wholeBytes = framedBytes(payloadBytes);
  if (kind < recordKind.put || kind > recordKind.seal || wholeBytes > recordBytesMax) return 'bad';
  if (at + wholeBytes > end) return 'short';
  return {
    kind: kind as RecordKind,
    wallSeconds: bytes.readUInt32LE(at + 12),
    payloadBytes,
    wholeBytes,
  };
}

export function isSound(bytes: Buffer, at: number, frame: Frame): boolean {
  const end = at + headerBytes + frame.payloadBytes;
  return crc32(bytes.subarray(at + 4, end)) === bytes.readUInt32LE(at);
}

export function hasKey(bytes: Buffer, at: number, key: Uint8Array): boolean {
  for (let index = 0; index < keyBytes; index += 1) {
    if (bytes[at + keyAt + index] !== key[index]) return false;
  }
  return true;
}

/** The first and the second 32 bits of a record's key. */
export function keyWord(bytes: Buffer, at: number, word: 0 | 1): number {
  return bytes.readUInt32LE(at + keyAt + word * 4);
}

export interface Scanned {
  /** Up to here all is sound. */
  readonly end: number;
  /** `short`: the rest is the beginning of a record, or nothing. */
  readonly stoppedBy: 'short' | 'bad';
}

/** Calls for each sound record in order, until the bytes end or are none. */
export function scanFrames(bytes: Buffer, end: number, visit: (at: number, frame: Frame) => void): Scanned {
  let at = 0;
  for (;;) {
    const frame = frameAt(bytes, at, end);
    if (typeof frame === 'string') return { end: at, stoppedBy: frame };
    if (!isSound(bytes, at, frame)) return { end: at, stoppedBy: 'bad' };
    visit(at, frame);
    at += frame.wholeBytes;
  }
}
