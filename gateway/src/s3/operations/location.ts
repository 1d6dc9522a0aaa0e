/** `Location` of an object that was just written. */
import type { S3Request } from '../types.ts';

/** As the client reached us. The path as S3 writes it: percent-encoded, slashes kept. */
export function locationOf({ client, host, virtualHost, bucket, key }: S3Request): string {
  const path = (virtualHost ? `${key}` : `${bucket}/${key}`).split('/').map(encodeURIComponent).join('/');
  return `${client.isSecure() ? 'https' : 'http'}://${host}/${path}`;
}
