/** Every digest that a request announces of its body: computed while it streams, compared at its end. */
import { sha256Stream } from '@forebay/core/sigv4';
import { S3Error } from '../errors.ts';
import type { AnnouncedDigests } from './announced-digests.ts';
import { type ChecksumAlgorithm, createChecksum, isChecksumValue } from './checksums.ts';

export class DigestCheck {
  readonly #announced: AnnouncedDigests;
  readonly #sha256Hex: string | undefined;
  readonly #sha256;
  readonly #md5;
  readonly #checksum;

  /** @param sha256Hex lower-case, where the request's signature covers the body */
  constructor(announced: AnnouncedDigests, sha256Hex: string | undefined) {
    const algorithm = announced.checksum?.algorithm ?? announced.trailer?.algorithm;
    this.#announced = announced;
    this.#sha256Hex = sha256Hex;
    this.#sha256 = sha256Hex === undefined ? undefined : sha256Stream();
    this.#md5 = announced.md5 === undefined ? undefined : createChecksum('md5');
    this.#checksum = algorithm && createChecksum(algorithm);
  }

  update(data: Uint8Array): void {
    this.#sha256?.update(data);
    this.#md5?.update(data);
    this.#checksum?.update(data);
  }

  /**
   * In the order of S3-WIRE 62; once.
   * @param trailerValue of the announced trailer
   * @throws S3Error XAmzContentSHA256Mismatch, BadDigest, InvalidRequest
   */
  verify(trailerValue: string | undefined): void {
    this.#verifySha256();
    this.#verifyMd5();
    const { checksum, trailer } = this.#announced;
    if (checksum) this.#verifyChecksum(checksum.algorithm, checksum.base64);
    if (!trailer) return;
    if (trailerValue === undefined) throw new S3Error('MalformedTrailerError');
    if (!isChecksumValue(trailer.algorithm, trailerValue)) {
      throw new S3Error('InvalidRequest', {
        message: `Value for ${trailer.name} trailing header is invalid.`,
      });
    }
    this.#verifyChecksum(trailer.algorithm, trailerValue);
  }

  #verifySha256(): void {
    const computed = this.#sha256?.digestHex();
    if (computed === undefined || computed === this.#sha256Hex) return;
    throw new S3Error('XAmzContentSHA256Mismatch', {
      fields: {
        ClientComputedContentSHA256: this.#sha256Hex ?? '',
        S3ComputedContentSHA256: computed,
      },
    });
  }

  #verifyMd5(): void {
    const computed = this.#md5?.digestBase64();
    if (computed === undefined || computed === this.#announced.md5) return;
    throw new S3Error('BadDigest', {
      fields: { ExpectedDigest: this.#announced.md5 ?? '', CalculatedDigest: computed },
    });
  }

  #verifyChecksum(algorithm: ChecksumAlgorithm, base64: string): void {
    const computed = this.#checksum?.digestBase64();
    if (computed === undefined || computed === base64) return;
    throw new S3Error('BadDigest', {
      message: `The ${algorithm.toUpperCase()} you specified did not match the calculated checksum.`,
    });
  }
}
