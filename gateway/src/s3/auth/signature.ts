/**
 * Signatures compared, and what a client is told when they differ: the only help its author has (S3-WIRE
 * 29-31).
 */
import { timingSafeEqual } from 'node:crypto';
import {
  canonicalHeaderValue,
  canonicalQuery,
  canonicalRequest,
  hmacSha256Hex,
  stringToSign,
} from '@forebay/core/sigv4';
import { S3Error } from '../errors.ts';
import type { AuthRequest } from './types.ts';

export interface Signed {
  readonly accessKey: string;
  readonly signingKey: Uint8Array;
  readonly amzDate: string;
  readonly scope: string;
  /** As the client listed them: `host;x-amz-date`. */
  readonly signedHeaders: string;
  readonly payloadHash: string;
  readonly signature: string;
}

/** @throws S3Error SignatureDoesNotMatch, and AccessDenied where something that must be signed is not */
export function verifySignature(request: AuthRequest, signed: Signed): void {
  const names = signed.signedHeaders.toLowerCase().split(';').sort();
  const canonical = canonicalRequest({
    method: request.method,
    path: request.target.canonicalPath,
    query: canonicalQuery(signedQuery(request)),
    headers: names.map((name) => [name, canonicalHeaderValue(headerOf(request, name))]),
    payloadHash: signed.payloadHash,
  });
  const text = stringToSign(signed.amzDate, signed.scope, canonical);
  if (!equalSignatures(hmacSha256Hex(signed.signingKey, text), signed.signature)) {
    throw mismatch({ ...signed, stringToSign: text, canonical });
  }
  refuseUnsigned(request, new Set(names));
}

/** Whoever holds a signed request must not be able to add to it. */
function refuseUnsigned(request: AuthRequest, signedNames: ReadonlySet<string>): void {
  const unsigned = request.headers
    .withPrefix('x-amz-')
    .map(([name]) => name)
    .filter((name) => !signedNames.has(name) && name !== 'x-amz-content-sha256');
  if (!signedNames.has('host')) unsigned.unshift('host');
  if (unsigned.length === 0) return;
  throw new S3Error('AccessDenied', {
    message: 'There were headers present in the request which were not signed',
    fields: { HeadersNotSigned: unsigned.join(', ') },
  });
}

/** A signed header that is absent counts as empty (S3-WIRE 28). */
function headerOf(request: AuthRequest, name: string): string {
  return name === 'host' ? request.host : (request.headers.get(name) ?? '');
}

function signedQuery({ target }: AuthRequest): readonly (readonly [string, string])[] {
  return target.query.entries.filter(([name]) => name.toLowerCase() !== 'x-amz-signature');
}

/** Takes as long for a near miss as for a far one. */
export function equalSignatures(expected: string, provided: string): boolean {
  const [mine, theirs] = [Buffer.from(expected), Buffer.from(provided)];
  return mine.length === theirs.length && timingSafeEqual(mine, theirs);
}

export function mismatch(told: {
  readonly accessKey: string;
  readonly signature: string;
  readonly stringToSign: string;
  readonly canonical?: string;
}): S3Error {
  const text = withoutSecrets(told.stringToSign);
  const canonical = told.canonical === undefined ? undefined : withoutSecrets(told.canonical);
  return new S3Error('SignatureDoesNotMatch', {
    fields: {
      AWSAccessKeyId: told.accessKey,
      StringToSign: text,
      SignatureProvided: told.signature,
      StringToSignBytes: hexBytes(text),
      ...(canonical !== undefined && {
        CanonicalRequest: canonical,
        CanonicalRequestBytes: hexBytes(canonical),
      }),
    },
  });
}

/** A customer's encryption key never leaves in an error. */
function withoutSecrets(text: string): string {
  return text.replace(/^(x-amz-[a-z-]*server-side-encryption-customer-key):.*$/gm, '$1:***');
}

function hexBytes(text: string): string {
  return Buffer.from(text, 'latin1')
    .toString('hex')
    .replace(/(..)(?!$)/g, '$1 ');
}
