/** Signs requests of one store (Signature Version 4), and the chunks of bodies that are signed as they go. */
import { type Clock, systemClock } from '@forebay/core/clock';
import type { HeaderList } from '@forebay/core/object';
import {
  amzDateOf,
  canonicalHeaderValue,
  canonicalQuery,
  canonicalRequest,
  emptySha256,
  hmacSha256Hex,
  SigningKeys,
  stringToSign,
} from '@forebay/core/sigv4';
import { pathOf, type S3Address } from './address.ts';
import type { KeySource, S3Keys } from './credentials.ts';
import { requestHeadersOf } from './headers.ts';

export type Query = readonly (readonly [name: string, value: string])[];

export interface Target {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  readonly address: S3Address;
  /** Undefined: the bucket itself, or the service where the address has no bucket. */
  readonly key?: string | undefined;
  readonly query?: Query | undefined;
  readonly headers?: HeaderList | undefined;
}

export interface SignedTarget {
  /** Path and query, encoded. */
  readonly path: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Signature of the next chunk, in order, by the SHA-256 of its data (S3-WIRE 49). */
  readonly signChunk: (sha256: string) => string;
}

export interface SignerOptions {
  readonly region: string;
  readonly keys: KeySource;
  readonly clock?: Clock | undefined;
}

export class Signer {
  readonly #region: string;
  readonly #keys: KeySource;
  readonly #clock: Clock;
  readonly #signingKeys = new SigningKeys(8);

  constructor({ region, keys, clock }: SignerOptions) {
    this.#region = region;
    this.#keys = keys;
    this.#clock = clock ?? systemClock;
  }

  /** Undefined where requests go unsigned. */
  keys(): ReturnType<KeySource> {
    return this.#keys();
  }

  /**
   * @param payloadHash hex SHA-256 of the body or one of the literals of S3-WIRE section 5
   * @param framing headers of the driver's own that describe the body
   */
  sign(
    target: Target,
    {
      keys,
      payloadHash,
      framing = [],
    }: { keys: S3Keys | undefined; payloadHash: string; framing?: HeaderList },
  ): SignedTarget {
    const path = pathOf(target.address, target.key);
    const query = canonicalQuery(target.query ?? []);
    const headers = requestHeadersOf(target.headers ?? []);
    headers.push(['host', target.address.host], ['accept-encoding', 'identity']);
    for (const [name, value] of framing) headers.push([name, value]);
    const wirePath = query === '' ? path : `${path}?${query}`;
    // Unsigned too, the mode says how the body is framed.
    if (keys || payloadHash.startsWith('STREAMING-')) headers.push(['x-amz-content-sha256', payloadHash]);
    if (!keys) return { path: wirePath, headers, signChunk: unsigned };
    const amzDate = amzDateOf(this.#clock.wallMs());
    headers.push(['x-amz-date', amzDate]);
    if (keys.sessionToken) headers.push(['x-amz-security-token', keys.sessionToken]);
    const signed = headers
      .filter(([name]) => isSigned(name))
      .map(([name, value]) => [name, canonicalHeaderValue(value)] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1));
    const scope = `${amzDate.slice(0, 8)}/${this.#region}/s3/aws4_request`;
    const canonical = canonicalRequest({ method: target.method, path, query, payloadHash, headers: signed });
    const key = this.#signingKeys.get(keys.secretAccessKey, amzDate.slice(0, 8), this.#region);
    let signature = hmacSha256Hex(key, stringToSign(amzDate, scope, canonical));
    const names = signed.map(([name]) => name).join(';');
    const credential = `Credential=${keys.accessKeyId}/${scope}`;
    headers.push([
      'authorization',
      `AWS4-HMAC-SHA256 ${credential},SignedHeaders=${names},Signature=${signature}`,
    ]);
    const signChunk = (sha256: string) => {
      const lines = ['AWS4-HMAC-SHA256-PAYLOAD', amzDate, scope, signature, emptySha256, sha256];
      signature = hmacSha256Hex(key, lines.join('\n'));
      return signature;
    };
    return { path: wirePath, headers, signChunk };
  }
}

function isSigned(name: string): boolean {
  return name.startsWith('x-amz-') || name === 'host' || name === 'content-type' || name === 'content-md5';
}

function unsigned(): string {
  throw new Error('an unsigned request has no signed chunks');
}
