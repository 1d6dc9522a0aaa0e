/**
 * What a record holds: all that is known of one object, a part for each slot (mount and version). Numbers and
 * the lengths of all texts come first, then all texts as one in latin1, which costs one call to write and one
 * to read. Header names that are known take one byte. Where a text has other characters, or a number is an
 * odd one, the same goes as JSON.
 */
import type { HeaderList, ObjectInfo } from '@forebay/core/object';

/** Which run of the process installed it, which tenure within that run, and by which epoch; 0: none. */
export interface Origin {
  readonly session: number;
  readonly tenure: number;
  readonly stamp: number;
}

export interface StoredInfo extends Origin {
  readonly slot: string;
  readonly sentAtMs: number;
  readonly sentAtWallMs: number;
  readonly info: ObjectInfo;
}

const formatCompact = 1;
const formatJson = 2;
const slotsMax = 255;
const flags = { etag: 1, versionId: 2, checksumsKnown: 4, stamp: 8 } as const;

/** Only ever append: the place is what stands on disk. Place 0 says that the name follows as text. */
const headerNames = [
  '',
  'content-type',
  'content-encoding',
  'content-language',
  'content-disposition',
  'cache-control',
  'expires',
  'x-amz-version-id',
  'x-amz-server-side-encryption',
  'x-amz-server-side-encryption-aws-kms-key-id',
  'x-amz-server-side-encryption-bucket-key-enabled',
  'x-amz-storage-class',
  'x-amz-checksum-crc32',
  'x-amz-checksum-crc32c',
  'x-amz-checksum-crc64nvme',
  'x-amz-checksum-sha1',
  'x-amz-checksum-sha256',
  'x-amz-checksum-type',
  'x-amz-mp-parts-count',
  'x-amz-tagging-count',
  'x-amz-replication-status',
  'x-amz-object-lock-mode',
  'x-amz-object-lock-retain-until-date',
  'x-amz-object-lock-legal-hold',
  'x-amz-website-redirect-location',
  'x-amz-restore',
  'x-amz-expiration',
  'x-amz-missing-meta',
] as const;
const placeOfName = new Map<string, number>(headerNames.map((name, place) => [name, place]));

/** The place that the next number goes to or comes from. */
interface Cursor {
  readonly bytes: Buffer;
  at: number;
}

/** @returns the payload's length, from `start`; undefined where it does not fit. */
export function encodePayload(
  bytes: Buffer,
  start: number,
  parts: readonly StoredInfo[],
): number | undefined {
  const kept = parts.slice(-slotsMax);
  const sizeMax = kept.reduce((sum, part) => sum + sizeBoundOf(part), 2);
  if (start + sizeMax > bytes.length) return undefined;
  if (!kept.every(isCompact)) return encodeJson(bytes, start, kept);
  const cursor: Cursor = { bytes, at: start };
  putByte(cursor, formatCompact);
  putByte(cursor, kept.length);
  let text = '';
  for (const part of kept) text += putPart(cursor, part);
  if (/[^\0-\xff]/.test(text)) return encodeJson(bytes, start, kept);
  cursor.at += bytes.write(text, cursor.at, 'latin1');
  return cursor.at - start;
}

/** @throws Error where it is none, which the checksum in front of it makes unlikely. */
export function decodePayload(bytes: Buffer, start: number, end: number): StoredInfo[] {
  if (bytes[start] === formatJson) return JSON.parse(bytes.toString('utf8', start + 1, end), revive);
  if (bytes[start] !== formatCompact) throw new Error('info record of an unknown format');
  const cursor: Cursor = { bytes, at: start + 1 };
  const heads = Array.from({ length: takeByte(cursor) }, () => takeHead(cursor));
  const text = bytes.toString('latin1', cursor.at, end);
  let at = 0;
  const take = (length: number): string => {
    at += length;
    return text.slice(at - length, at);
  };
  return heads.map((head) => partOf(head, take));
}

/** In the compact form, numbers at their longest. */
function sizeBoundOf({ slot, info }: StoredInfo): number {
  let bytes = 100 + slot.length + (info.etag?.length ?? 0) + (info.versionId?.length ?? 0);
  for (const [name, value] of info.headers) bytes += 9 + name.length + value.length;
  return bytes;
}

function isCompact({ info, sentAtMs, sentAtWallMs }: StoredInfo): boolean {
  const wholes = [info.sizeBytes, Math.floor(sentAtMs), Math.floor(sentAtWallMs)];
  return wholes.every((value) => Number.isSafeInteger(value) && value >= 0);
}

function encodeJson(bytes: Buffer, start: number, parts: readonly StoredInfo[]): number | undefined {
  const text = JSON.stringify(parts, (_, value) => (value === undefined ? null : value));
  bytes[start] = formatJson;
  const length = Buffer.byteLength(text);
  if (start + 1 + length > bytes.length) return undefined;
  return 1 + bytes.write(text, start + 1, 'utf8');
}

/** ETags and version ids that are not there; no other value is null. */
function revive(_: string, value: unknown): unknown {
  return value === null ? undefined : value;
}

/** Writes the part's numbers. @returns its texts. */
function putPart(cursor: Cursor, part: StoredInfo): string {
  const { info, slot } = part;
  const { etag, versionId, headers } = info;
  putByte(
    cursor,
    (etag === undefined ? 0 : flags.etag) |
      (versionId === undefined ? 0 : flags.versionId) |
      (info.checksumsKnown ? flags.checksumsKnown : 0) |
      (part.stamp === 0 ? 0 : flags.stamp),
  );
  putNumber(cursor, part.session);
  putNumber(cursor, part.tenure);
  if (part.stamp !== 0) putNumber(cursor, part.stamp);
  // Rounded down, so that it never looks younger than it is.
  putNumber(cursor, Math.floor(part.sentAtMs));
  putNumber(cursor, Math.floor(part.sentAtWallMs));
  putNumber(cursor, info.sizeBytes);
  cursor.at = cursor.bytes.writeDoubleLE(info.lastModifiedMs, cursor.at);
  putNumber(cursor, slot.length);
  let text = slot;
  for (const part of [etag, versionId]) {
    if (part === undefined) continue;
    putNumber(cursor, part.length);
    text += part;
  }
  putNumber(cursor, headers.length);
  for (const [name, value] of headers) {
    const place = placeOfName.get(name) ?? 0;
    putByte(cursor, place);
    if (place === 0) {
      putNumber(cursor, name.length);
      text += name;
    }
    putNumber(cursor, value.length);
    text += value;
  }
  return text;
}

interface Head extends Origin {
  readonly checksumsKnown: boolean;
  readonly sentAtMs: number;
  readonly sentAtWallMs: number;
  readonly sizeBytes: number;
  readonly lastModifiedMs: number;
  readonly slotLength: number;
  readonly etagLength: number | undefined;
  readonly versionIdLength: number | undefined;
  /** Pairs: the name's length, or its place below zero, and the value's length. */
  readonly headers: readonly number[];
}

function takeHead(cursor: Cursor): Head {
  const flagBits = takeByte(cursor);
  const numberIf = (flag: number) => ((flagBits & flag) === 0 ? undefined : takeNumber(cursor));
  return {
    checksumsKnown: (flagBits & flags.checksumsKnown) !== 0,
    session: takeNumber(cursor),
    tenure: takeNumber(cursor),
    stamp: numberIf(flags.stamp) ?? 0,
    sentAtMs: takeNumber(cursor),
    sentAtWallMs: takeNumber(cursor),
    sizeBytes: takeNumber(cursor),
    lastModifiedMs: takeDouble(cursor),
    slotLength: takeNumber(cursor),
    etagLength: numberIf(flags.etag),
    versionIdLength: numberIf(flags.versionId),
    headers: takeHeaderLengths(cursor),
  };
}

function takeHeaderLengths(cursor: Cursor): number[] {
  const lengths: number[] = [];
  for (let left = takeNumber(cursor); left > 0; left -= 1) {
    const place = takeByte(cursor);
    lengths.push(place === 0 ? takeNumber(cursor) : -place);
    lengths.push(takeNumber(cursor));
  }
  return lengths;
}

function partOf(head: Head, take: (length: number) => string): StoredInfo {
  const { session, tenure, stamp, sentAtMs, sentAtWallMs, sizeBytes, lastModifiedMs, checksumsKnown } = head;
  const slot = take(head.slotLength);
  const etag = head.etagLength === undefined ? undefined : take(head.etagLength);
  const versionId = head.versionIdLength === undefined ? undefined : take(head.versionIdLength);
  const headers = headersOf(head.headers, take);
  const info = { sizeBytes, etag, lastModifiedMs, versionId, headers, checksumsKnown };
  return { slot, session, tenure, stamp, sentAtMs, sentAtWallMs, info };
}

function headersOf(lengths: readonly number[], take: (length: number) => string): HeaderList {
  const headers: [string, string][] = [];
  for (let at = 0; at < lengths.length; at += 2) {
    const nameLength = lengths[at]!;
    const name = nameLength < 0 ? (headerNames[-nameLength] ?? '') : take(nameLength);
    headers.push([name, take(lengths[at + 1]!)]);
  }
  return headers;
}

function putByte(cursor: Cursor, value: number): void {
  cursor.bytes[cursor.at] = value;
  cursor.at += 1;
}

function takeByte(cursor: Cursor): number {
  cursor.at += 1;
  return cursor.bytes[cursor.at - 1] ?? 0;
}

/** Seven bits a byte, the lowest first; up to 53 bits. */
function putNumber(cursor: Cursor, value: number): void {
  let rest = value;
  while (rest >= 128) {
    cursor.bytes[cursor.at] = (rest % 128) | 128;
    cursor.at += 1;
    rest = rest > 0x7fff_ffff ? Math.floor(rest / 128) : rest >>> 7;
  }
  cursor.bytes[cursor.at] = rest;
  cursor.at += 1;
}

function takeNumber(cursor: Cursor): number {
  let value = 0;
  let factor = 1;
  for (;;) {
    const byte = takeByte(cursor);
    value += (byte & 127) * factor;
    if (byte < 128) return value;
    factor *= 128;
  }
}

function takeDouble(cursor: Cursor): number {
  cursor.at += 8;
  return cursor.bytes.readDoubleLE(cursor.at - 8);
}
