/** Checksums of bodies that stream: the algorithms that S3 knows (S3-WIRE 63), verified here or not. */
import { createHash } from 'node:crypto';
import { crc32, crc32c } from '@node-rs/crc32';
import hashWasm from 'hash-wasm';

export interface StreamingChecksum {
  update(data: Uint8Array): void;
  /** Base64 of the big-endian value. Ends the checksum. */
  digestBase64(): string;
}

interface Algorithm {
  readonly sizeBytes: number;
  /** Undefined where the value is passed on without a look at the body. */
  readonly create: (() => StreamingChecksum) | undefined;
}

const algorithms = {
  crc32: { sizeBytes: 4, create: () => new Crc(crc32) },
  crc32c: { sizeBytes: 4, create: () => new Crc(crc32c) },
  crc64nvme: { sizeBytes: 8, create: () => new Crc64Nvme() },
  sha1: { sizeBytes: 20, create: () => new CryptoHash('sha1') },
  sha256: { sizeBytes: 32, create: () => new CryptoHash('sha256') },
  sha512: { sizeBytes: 64, create: () => new CryptoHash('sha512') },
  md5: { sizeBytes: 16, create: () => new CryptoHash('md5') },
  xxhash64: { sizeBytes: 8, create: undefined },
  xxhash3: { sizeBytes: 8, create: undefined },
  xxhash128: { sizeBytes: 16, create: undefined },
} as const satisfies Record<string, Algorithm>;

export type ChecksumAlgorithm = keyof typeof algorithms;

/** @param name lower-case, as in `x-amz-checksum-<name>` */
export function isChecksumAlgorithm(name: string): name is ChecksumAlgorithm {
  return Object.hasOwn(algorithms, name);
}

/** Undefined for an algorithm that is known by name alone. */
export function createChecksum(algorithm: ChecksumAlgorithm): StreamingChecksum | undefined {
  return algorithms[algorithm].create?.();
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

/** One instance for all bodies: it costs memory and time to make, the state of a body is 12 bytes. */
const crc64 = await hashWasm.createCRC64('9a6c9329ac4bc9b5');
const crc64Start = crc64.init().save();

class Crc64Nvme implements StreamingChecksum {
  #state = crc64Start;

  update(data: Uint8Array): void {
    this.#state = crc64.load(this.#state).update(data).save();
  }

  digestBase64(): string {
    return Buffer.from(crc64.load(this.#state).digest('binary')).toString('base64');
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
