/**
 * Checksums of multipart objects (S3-WIRE 69): composite ones and whole ones, both made of the parts', and
 * whole ones made of bytes.
 */
import { createHash, type Hash } from 'node:crypto';
import { crc32 as crc32Of } from 'node:zlib';
import { headerValue } from '@forebay/core/object';
import { crc32c as crc32cOf } from '@node-rs/crc32';
import { Crc64Nvme } from '../crc64nvme.ts';
import { XxHash } from '../xxhash.ts';
import type { PartExtent } from './backend.ts';
import { combineCrcs } from './crc-combine.ts';

export interface Digest {
  update(data: Uint8Array): void;
  /** Big-endian. */
  value(): Buffer;
}

const digests: Readonly<Record<string, () => Digest>> = {
  CRC32: () => crcDigest((data, before) => crc32Of(data, before)),
  CRC32C: () => crcDigest((data, before) => crc32cOf(asBuffer(data), before)),
  CRC64NVME: () => new Crc64Nvme(),
  SHA1: () => hashDigest(createHash('sha1')),
  SHA256: () => hashDigest(createHash('sha256')),
  SHA512: () => hashDigest(createHash('sha512')),
  MD5: () => hashDigest(createHash('md5')),
  XXHASH64: () => new XxHash('xxhash64'),
  XXHASH3: () => new XxHash('xxhash3'),
  XXHASH128: () => new XxHash('xxhash128'),
};

/** Undefined for an algorithm that is not computed here. */
export function digestOf(algorithm: string): Digest | undefined {
  return digests[algorithm.toUpperCase()]?.();
}

/**
 * `base64(hash(the parts' raw checksums))-N`; undefined where the algorithm has no composite form or a part
 * lacks its checksum.
 */
export function compositeChecksum(algorithm: string, parts: readonly PartExtent[]): string | undefined {
  const digest = digestOf(algorithm);
  const values = valuesOf(algorithm, parts);
  if (!digest || !values) return undefined;
  for (const value of values) digest.update(value);
  return `${digest.value().toString('base64')}-${parts.length}`;
}

/**
 * The checksum of the parts' bytes one after another, without reading them; undefined where the algorithm is
 * no CRC or a part lacks its checksum.
 */
export function combinedChecksum(algorithm: string, parts: readonly PartExtent[]): string | undefined {
  const pieces = valuesOf(algorithm, parts)?.map((value, index) => {
    return { value, sizeBytes: parts[index]!.sizeBytes };
  });
  return pieces && combineCrcs(algorithm, pieces)?.toString('base64');
}

function valuesOf(algorithm: string, parts: readonly PartExtent[]): Buffer[] | undefined {
  const values = parts.map(({ checksums }) => headerValue(checksums, checksumHeaderOf(algorithm)));
  const known = values.filter((value) => value !== undefined);
  return known.length < values.length ? undefined : known.map((value) => Buffer.from(value, 'base64'));
}

/** `x-amz-checksum-crc32` of `CRC32`. */
export function checksumHeaderOf(algorithm: string): string {
  return `x-amz-checksum-${algorithm.toLowerCase()}`;
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
