/**
 * Signatures compared, and what a client is told when they differ: the only help its author has (S3-WIRE
 * 29-31).
 */
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
  readonly signedNames: SignedNames;
  readonly payloadHash: string;
  readonly signature: string;
}

/** The headers that a signature covers, in lower case and in order. */
export interface SignedNames {
  readonly list: readonly string[];
  readonly set: ReadonlySet<string>;
}

/** @param signedHeaders as the client listed them: `host;x-amz-date` */
export function signedNamesOf(signedHeaders: string): SignedNames {
  const list = signedHeaders.toLowerCase().split(';').sort();
  return { list, set: new Set(list) };
}

/** @throws S3Error SignatureDoesNotMatch, and AccessDenied where something that must be signed is not */
export function verifySignature(request: AuthRequest, signed: Signed): void {
  const { list, set } = signed.signedNames;
  const canonical = canonicalRequest({
    method: request.method,
    path: request.target.canonicalPath,
    query: canonicalQuery(signedQuery(request)),
    headers: list.map((name) => [name, canonicalHeaderValue(headerOf(request, name))]),
    payloadHash: signed.payloadHash,
  });
  const text = stringToSign(signed.amzDate, signed.scope, canonical);
  if (!equalSignatures(hmacSha256Hex(signed.signingKey, text), signed.signature)) {
    throw mismatch({ ...signed, stringToSign: text, canonical });
  }
  refuseUnsigned(request, set);
}

/** Whoever holds a signed request must not be able to add to it. */
function refuseUnsigned(request: AuthRequest, signedNames: ReadonlySet<string>): void {
  const missing = request.headers.missingFrom(signedNames, 'x-amz-');
  if (missing.length === 0 && signedNames.has('host')) return;
  const unsigned = missing.filter((name) => name !== 'x-amz-content-sha256');
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
  const { entries } = target.query;
  return entries.length === 0
    ? entries
    : entries.filter(([name]) => name.toLowerCase() !== 'x-amz-signature');
}

/** Takes as long for a near miss as for a far one: every character of both is looked at. */
export function equalSignatures(expected: string, provided: string): boolean {
  if (expected.length !== provided.length) return false;
  let difference = 0;
  for (let at = 0; at < expected.length; at += 1) {
    difference |= expected.charCodeAt(at) ^ provided.charCodeAt(at);
  }
  return difference === 0;
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
