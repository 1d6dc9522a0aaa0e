/** Digests as headers hold them. */
import { createHash } from 'node:crypto';

/** Base64, for Content-MD5. */
export function md5Of(text: string | Uint8Array): string {
  return createHash('md5').update(text).digest('base64');
}

/** Hex, as in entity tags. */
export function md5HexOf(text: string | Uint8Array): string {
  return createHash('md5').update(text).digest('hex');
}
