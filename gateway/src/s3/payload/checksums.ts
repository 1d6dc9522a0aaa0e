/** Checksums of bodies that stream: the algorithms that S3 knows (S3-WIRE 63). */
import { createHash } from 'node:crypto';
import { Crc64Nvme } from '@forebay/ufs/crc64nvme';
import { XxHash } from '@forebay/ufs/xxhash';
import { crc32, crc32c } from '@node-rs/crc32';

export interface StreamingChecksum {
  update(data: Uint8Array): void;
  /** Base64 of the big-endian value. Ends the checksum. */
  digestBase64(): string;
}

interface Algorithm {
  readonly sizeBytes: number;
  readonly create: () => StreamingChecksum;
}

const algorithms = {
  crc32: { sizeBytes: 4, create: () => new Crc(crc32) },
  crc32c: { sizeBytes: 4, create: () => new Crc(crc32c) },
  crc64nvme: { sizeBytes: 8, create: () => new Crc64() },
  sha1: { sizeBytes: 20, create: () => new CryptoHash('sha1') },
  sha256: { sizeBytes: 32, create: () => new CryptoHash('sha256') },
  sha512: { sizeBytes: 64, create: () => new CryptoHash('sha512') },
  md5: { sizeBytes: 16, create: () => new CryptoHash('md5') },
  xxhash64: { sizeBytes: 8, create: () => new Xx('xxhash64') },
  xxhash3: { sizeBytes: 8, create: () => new Xx('xxhash3') },
  xxhash128: { sizeBytes: 16, create: () => new Xx('xxhash128') },
} as const satisfies Record<string, Algorithm>;

export type ChecksumAlgorithm = keyof typeof algorithms;

/** @param name lower-case, as in `x-amz-checksum-<name>` */
export function isChecksumAlgorithm(name: string): name is ChecksumAlgorithm {
  return Object.hasOwn(algorithms, name);
}

export function createChecksum(algorithm: ChecksumAlgorithm): StreamingChecksum {
  return algorithms[algorithm].create();
}

/** Whether the text is the base64 of a value of that algorithm, in its one canonical spelling. */
export function isChecksumValue(algorithm: ChecksumAlgorithm, base64: string): boolean {
  return isBase64Of(algorithms[algorithm].sizeBytes, base64);
}

export function isBase64Of(sizeBytes: number, base64: string): boolean {
  const bytes = Buffer.from(base64, 'base64');
  return bytes.length === sizeBytes && bytes.toString('base64') === base64;
}

class Crc implements StreamingChecksum {
  readonly #function: (data: Uint8Array, before: number) => number;
  #value = 0;

  constructor(crc: (data: Uint8Array, before: number) => number) {
    this.#function = crc;
  }

  update(data: Uint8Array): void {
    this.#value = this.#function(data, this.#value);
  }

  digestBase64(): string {
    const bytes = Buffer.allocUnsafe(4);
    bytes.writeUInt32BE(this.#value);
    return bytes.toString('base64');
  }
}

class Crc64 extends Crc64Nvme implements StreamingChecksum {
  digestBase64(): string {
    return this.value().toString('base64');
  }
}

class Xx extends XxHash implements StreamingChecksum {
  digestBase64(): string {
    return this.value().toString('base64');
  }
}

class CryptoHash implements StreamingChecksum {
  readonly #hash;

  constructor(name: string) {
    this.#hash = createHash(name);
  }

  update(data: Uint8Array): void {
    this.#hash.update(data);
  }

  digestBase64(): string {
    return this.#hash.digest('base64');
  }
}
