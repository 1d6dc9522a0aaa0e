/** `x-amz-content-sha256`: syntax, and the payload mode it names (S3-WIRE 32, 44, 47-53). */
import { emptySha256 } from '@forebay/core/sigv4';
import { S3Error } from '../errors.ts';
import type { ChunkSigning, PayloadMode } from '../payload/payload-mode.ts';

export const contentSha256 = 'x-amz-content-sha256';
export const unsignedPayload = 'UNSIGNED-PAYLOAD';

const chunkedModes: Readonly<Record<string, { readonly signed: boolean; readonly trailer: boolean }>> = {
  'STREAMING-UNSIGNED-PAYLOAD-TRAILER': { signed: false, trailer: true },
  'STREAMING-AWS4-HMAC-SHA256-PAYLOAD': { signed: true, trailer: false },
  'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER': { signed: true, trailer: true },
};
const ecdsaModes = [
  'STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD',
  'STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER',
];
const literals = [unsignedPayload, ...Object.keys(chunkedModes), ...ecdsaModes];

/** @throws S3Error InvalidRequest where it is absent, InvalidArgument where it is malformed */
export function requireContentSha256(value: string | undefined): string {
  if (value !== undefined) return checkContentSha256(value);
  throw new S3Error('InvalidRequest', {
    message: `Missing required header for this request: ${contentSha256}`,
  });
}

/** @throws S3Error InvalidArgument */
export function checkContentSha256(value: string): string {
  if (value === emptySha256 || literals.includes(value) || /^[0-9a-fA-F]{64}$/.test(value)) return value;
  throw new S3Error('InvalidArgument', {
    message: `${contentSha256} must be ${literals.join(', ')} or a valid sha256 value.`,
    fields: { ArgumentName: contentSha256, ArgumentValue: value },
  });
}

/** Signature Version 4A is not served, and these are its payload modes. @throws S3Error NotImplemented */
export function refuseEcdsa(value: string): void {
  if (ecdsaModes.includes(value)) throw new S3Error('NotImplemented', { fields: { Header: contentSha256 } });
}

/** Of a request with an Authorization header: the value alone decides, whatever Content-Encoding says. */
export function signedPayloadMode(value: string, signing: ChunkSigning): PayloadMode {
  const chunked = value.startsWith('STREAMING-') ? chunkedModes[value] : undefined;
  if (!chunked) return plainMode(value);
  return { kind: 'streaming', trailer: chunked.trailer, signed: chunked.signed ? signing : undefined };
}

/** Of a request that nobody signed: what cannot be verified is refused. @throws S3Error AccessDenied */
export function anonymousPayloadMode(value: string | undefined): PayloadMode {
  if (value === undefined) return plainMode(undefined);
  checkContentSha256(value);
  refuseEcdsa(value);
  const chunked = chunkedModes[value];
  if (!chunked) return plainMode(value);
  if (chunked.signed) throw new S3Error('AccessDenied');
  return { kind: 'streaming', trailer: true, signed: undefined };
}

/** Links know no streaming modes: there they are hashes that no body has. */
export function plainMode(value: string | undefined): PayloadMode {
  if (value === undefined || value === unsignedPayload) return { kind: 'unsigned' };
  return { kind: 'sha256', hex: value.toLowerCase() };
}
