/** The chain of signatures over a streaming body's chunks and its trailer (S3-WIRE 49, 50, 57). */
import { timingSafeEqual } from 'node:crypto';
import { emptySha256, hmacSha256Hex, sha256Hex } from '@forebay/core/sigv4';
import { S3Error } from '../errors.ts';
import type { ChunkSigning } from './payload-mode.ts';

export class ChunkSignatures {
  readonly #signing: ChunkSigning;
  #previous: string;

  constructor(signing: ChunkSigning) {
    this.#signing = signing;
    this.#previous = signing.seedSignature;
  }

  /** @throws S3Error SignatureDoesNotMatch */
  verifyChunk(dataSha256Hex: string, signature: string): void {
    this.#verify('AWS4-HMAC-SHA256-PAYLOAD', `${emptySha256}\n${dataSha256Hex}`, signature);
  }

  /**
   * @param canonicalTrailers each `name:value\n`, name in lower case, value trimmed; latin1
   * @throws S3Error SignatureDoesNotMatch
   */
  verifyTrailer(canonicalTrailers: string, signature: string): void {
    this.#verify('AWS4-HMAC-SHA256-TRAILER', sha256Hex(Buffer.from(canonicalTrailers, 'latin1')), signature);
  }

  #verify(algorithm: string, hashes: string, signature: string): void {
    const { amzDate, scope, signingKey, accessKey } = this.#signing;
    const text = `${algorithm}\n${amzDate}\n${scope}\n${this.#previous}\n${hashes}`;
    const expected = Buffer.from(hmacSha256Hex(signingKey, text));
    const provided = Buffer.from(signature);
    if (expected.length !== provided.length || !timingSafeEqual(expected, provided)) {
      throw new S3Error('SignatureDoesNotMatch', {
        fields: {
          AWSAccessKeyId: accessKey,
          StringToSign: text,
          SignatureProvided: signature,
          StringToSignBytes: Buffer.from(text)
            .toString('hex')
            .replace(/..(?=.)/g, '$& '),
        },
      });
    }
    this.#previous = signature;
  }
}
