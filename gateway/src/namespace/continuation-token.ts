/**
 * Continuation tokens of listings: the last text listed, so that they survive restarts and any gateway takes
 * them. Opaque to clients; the check tells damage and invention apart from ours, and protects nothing
 * secret.
 */
import { crc32 } from 'node:zlib';

const version = 'v1';

export function encodeContinuationToken(last: string): string {
  const text = Buffer.from(last, 'utf8');
  const check = Buffer.alloc(4);
  check.writeUInt32BE(crc32(text, crc32(version)));
  return version + Buffer.concat([check, text]).toString('base64url');
}

/** Undefined where the token is none of ours. */
export function decodeContinuationToken(token: string): string | undefined {
  if (!token.startsWith(version)) return undefined;
  const bytes = Buffer.from(token.slice(version.length), 'base64url');
  if (bytes.length <= 4 || version + bytes.toString('base64url') !== token) return undefined;
  const text = bytes.subarray(4);
  return bytes.readUInt32BE(0) === crc32(text, crc32(version)) ? text.toString('utf8') : undefined;
}
