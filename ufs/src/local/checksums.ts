/**
 * Checksums of multipart objects (S3-WIRE 69): composite ones, made of the parts', and whole ones, made of
 * bytes.
 */
import { createHash, type Hash } from 'node:crypto';
import { crc32 as crc32Of } from 'node:zlib';
import { type HeaderList, headerValue } from '@forebay/core/object';
import { crc32c as crc32cOf } from '@node-rs/crc32';

interface Digest {
  update(data: Uint8Array): void;
  /** Big-endian. */
  value(): Buffer;
}

const digests: Readonly<Record<string, () => Digest>> = {
  CRC32: () => crcDigest((data, before) => crc32Of(data, before)),
  CRC32C: () => crcDigest((data, before) => crc32cOf(asBuffer(data), before)),
  SHA1: () => hashDigest(createHash('sha1')),
  SHA256: () => hashDigest(createHash('sha256')),
};

/** Undefined for an algorithm that is not computed here. */
export function digestOf(algorithm: string): Digest | undefined {
  return digests[algorithm.toUpperCase()]?.();
}

/**
 * `base64(hash(the parts' raw checksums))-N`; undefined where the algorithm has no composite form or a part
 * lacks its checksum.
 */
export function compositeChecksum(algorithm: string, parts: readonly HeaderList[]): string | undefined {
  const digest = digestOf(algorithm);
  if (!digest) return undefined;
  for (const checksums of parts) {
    const value = headerValue(checksums, `x-amz-checksum-${algorithm.toLowerCase()}`);
    if (value === undefined) return undefined;
    digest.update(Buffer.from(value, 'base64'));
  }
  return `${digest.value().toString('base64')}-${parts.length}`;
}

function crcDigest(next: (data: Uint8Array, before: number) => number): Digest {
  let crc = 0;
  return {
    update: (data) => {
      crc = next(data, crc);
    },
    value: () => {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(crc >>> 0);
      return bytes;
    },
  };
}

function hashDigest(hash: Hash): Digest {
  return { update: (data) => void hash.update(data), value: () => hash.digest() };
}

function asBuffer(data: Uint8Array): Buffer {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}
