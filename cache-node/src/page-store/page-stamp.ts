/**
 * The stamp that every stored page carries: whose bytes these are and how they are verified. All numbers are
 * unsigned, 32 bits, little-endian; CRCs are CRC32 (IEEE).
 *
 *     bytes   0-3    0x52504246 ("FBPR", a record of a pack) or 0x46504246 ("FBPF", a page file)
 *     bytes   4-19   the page's set
 *     bytes  20-23   its index
 *     bytes  24-27   its length in bytes
 *     bytes  28-31   when it was filled, in seconds since 1970
 *     bytes  32-35   length of the description in bytes
 *     bytes  36-39   CRC of the description
 *     bytes  40-43   pack: CRC of the page; file: 0
 *     bytes  44-47   the seal: CRC of bytes 0-43; in a file, of its checksums and then bytes 0-43
 *
 * A record of a pack is: stamp, page, description. A page file is: page, the CRC of each 64 KiB of it (4
 * bytes each), stamp, description. The seal stands in the page's row, so that a row and what it points to
 * cannot be of two pages. The description says what object the page belongs to: a JSON array of path,
 * version, path of the mount, size of the object and page size in bytes.
 */
import type { PageId } from '@forebay/core/page';
import { crc32 } from '@node-rs/crc32';
import { checkedBytes } from './directory-layout.ts';
import type { PagedObject } from './paged-object.ts';

export const stampBytes = 48;
/** More than any key and ETag make: such a page is not stored. */
export const descriptionBytesMax = 8 * 1024;
const recordMagic = 0x52504246;
const fileMagic = 0x46504246;

export interface Stamp extends PageId {
  readonly lengthBytes: number;
  readonly filledAtSeconds: number;
  readonly descriptionBytes: number;
  readonly descriptionChecksum: number;
  /** Of the page; 0 in a file. */
  readonly checksum: number;
  readonly seal: number;
}

/** What is known of an object from its pages alone. */
export type Description = Omit<PagedObject, 'policy'>;

const encoded = new WeakMap<Description, Buffer>();

export function encodeDescription(of: Description): Buffer {
  const known = encoded.get(of);
  if (known) return known;
  const values = [of.path, of.version, of.mountPath, of.sizeBytes, of.pageSizeBytes];
  const made = Buffer.from(JSON.stringify(values));
  encoded.set(of, made);
  return made;
}

export function decodeDescription(bytes: Uint8Array): Description | undefined {
  try {
    const values: unknown = JSON.parse(Buffer.from(bytes).toString());
    if (!Array.isArray(values)) return undefined;
    const [path, version, mountPath, sizeBytes, pageSizeBytes] = values as unknown[];
    if (typeof path !== 'string' || typeof version !== 'string' || typeof mountPath !== 'string')
      return undefined;
    if (typeof sizeBytes !== 'number' || typeof pageSizeBytes !== 'number') return undefined;
    return { path, version, mountPath, sizeBytes, pageSizeBytes };
  } catch {
    return undefined;
  }
}

interface Stamped {
  readonly page: PageId;
  readonly bytes: Uint8Array;
  readonly description: Uint8Array;
  readonly filledAtSeconds: number;
}

/** The stamp of a record in a pack. */
export function stampOfRecord(of: Stamped): { stamp: Buffer; seal: number } {
  const stamp = Buffer.allocUnsafe(stampBytes);
  fill(stamp, of, { magic: recordMagic, checksum: crc32(of.bytes) });
  const seal = crc32(stamp.subarray(0, 44));
  stamp.writeUInt32LE(seal, 44);
  return { stamp, seal };
}

/** What follows the page in its file, but for the description. */
export function trailerOfFile(of: Stamped): { trailer: Buffer; seal: number } {
  const { bytes } = of;
  const checksums = checksumsBytesOf(bytes.byteLength);
  const trailer = Buffer.allocUnsafe(checksums + stampBytes);
  for (let start = 0, at = 0; start < bytes.byteLength; start += checkedBytes, at += 4) {
    trailer.writeUInt32LE(crc32(bytes.subarray(start, start + checkedBytes)), at);
  }
  fill(trailer.subarray(checksums), of, { magic: fileMagic, checksum: 0 });
  const seal = crc32(trailer.subarray(0, checksums + 44));
  trailer.writeUInt32LE(seal, checksums + 44);
  return { trailer, seal };
}

function fill(stamp: Buffer, of: Stamped, { magic, checksum }: { magic: number; checksum: number }): void {
  stamp.writeUInt32LE(magic, 0);
  stamp.write(of.page.set, 4, 16, 'hex');
  stamp.writeUInt32LE(of.page.index, 20);
  stamp.writeUInt32LE(of.bytes.byteLength, 24);
  stamp.writeUInt32LE(of.filledAtSeconds, 28);
  stamp.writeUInt32LE(of.description.byteLength, 32);
  stamp.writeUInt32LE(crc32(of.description), 36);
  stamp.writeUInt32LE(checksum, 40);
}

/** Bytes of the checksums of a page file. */
export function checksumsBytesOf(lengthBytes: number): number {
  return Math.ceil(lengthBytes / checkedBytes) * 4;
}

/** The stamp at the start of a record; undefined where there is none, or a damaged one. */
export function readRecordStamp(bytes: Buffer): Stamp | undefined {
  if (bytes.byteLength < stampBytes || bytes.readUInt32LE(0) !== recordMagic) return undefined;
  if (crc32(bytes.subarray(0, 44)) !== bytes.readUInt32LE(44)) return undefined;
  return read(bytes);
}

/** The stamp of a page file, from what follows a page of this length; undefined where it is damaged. */
export function readTrailer(trailer: Buffer, lengthBytes: number): Stamp | undefined {
  const at = checksumsBytesOf(lengthBytes);
  if (trailer.byteLength < at + stampBytes || trailer.readUInt32LE(at) !== fileMagic) return undefined;
  if (crc32(trailer.subarray(0, at + 44)) !== trailer.readUInt32LE(at + 44)) return undefined;
  const stamp = read(trailer.subarray(at));
  return stamp.lengthBytes === lengthBytes ? stamp : undefined;
}

function read(bytes: Buffer): Stamp {
  return {
    set: bytes.toString('hex', 4, 20),
    index: bytes.readUInt32LE(20),
    lengthBytes: bytes.readUInt32LE(24),
    filledAtSeconds: bytes.readUInt32LE(28),
    descriptionBytes: bytes.readUInt32LE(32),
    descriptionChecksum: bytes.readUInt32LE(36),
    checksum: bytes.readUInt32LE(40),
    seal: bytes.readUInt32LE(44),
  };
}

/** Whether a stamp is that of this page, as it was stored. */
export function isStampOf(
  stamp: Stamp,
  { seal, set, index, lengthBytes }: Pick<Stamp, 'seal' | 'set' | 'index' | 'lengthBytes'>,
): boolean {
  return (
    stamp.seal === seal && stamp.set === set && stamp.index === index && stamp.lengthBytes === lengthBytes
  );
}

/** Whether blocks of a page file have their checksums. @param bytes from the first block's start on */
export function areBlocksSound(bytes: Uint8Array, checksums: Buffer, firstBlock: number): boolean {
  for (let start = 0, block = firstBlock; start < bytes.byteLength; start += checkedBytes, block += 1) {
    if (crc32(bytes.subarray(start, start + checkedBytes)) !== checksums.readUInt32LE(block * 4))
      return false;
  }
  return true;
}
