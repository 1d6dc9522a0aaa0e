/** Made-up objects for the info store's benchmark, each by its number: a key of 60 bytes, real headers. */
import { createHash } from 'node:crypto';
import type { InfoRecord } from '@forebay/cache-node/info-store/record';

const identity = 's3:http://10.0.0.7:7070/lake';
export const slot = '/lake';
const owners = ['analytics', 'ingest', 'ml-training', 'billing', 'search'];
const types = ['application/octet-stream', 'application/vnd.apache.parquet', 'text/csv', 'image/jpeg'];

/** Well mixed 32 bits of a number. */
function mixed(seed: number): number {
  let bits = Math.imul(seed ^ (seed >>> 16), 0x45d9f3b);
  bits = Math.imul(bits ^ (bits >>> 16), 0x45d9f3b);
  return (bits ^ (bits >>> 16)) >>> 0;
}

function hexOf(number: number, digits: number): string {
  return mixed(number).toString(16).padStart(8, '0').repeat(4).slice(0, digits);
}

/** As the store is asked for it: the UFS bucket's name in front of 60 bytes of key. */
export function placementKeyOf(number: number): string {
  const day = String(1 + (number % 28)).padStart(2, '0');
  const name = `${String(number).padStart(11, '0')}-${hexOf(number, 8)}`;
  return `${identity}\0warehouse/events/dt=2026-03-${day}/part-${name}.parquet`;
}

export function recordOf(number: number, tenure: string): InfoRecord {
  const lastModifiedMs = 1_770_000_000_000 + (mixed(number) % 10_000_000) * 1000;
  const info = {
    sizeBytes: 1000 + (mixed(number + 7) % 100_000_000),
    etag: `"${hexOf(number, 8)}${hexOf(number + 1, 8)}${hexOf(number + 2, 8)}${hexOf(number + 3, 8)}"`,
    lastModifiedMs,
    versionId: undefined,
    headers: [
      ['content-type', types[number % types.length]!],
      ['x-amz-meta-owner', owners[number % owners.length]!],
      ['x-amz-meta-mtime', `${lastModifiedMs / 1000}.${number % 1000}`],
      ['x-amz-meta-md5chksum', `${hexOf(number + 4, 22)}==`],
      ['x-amz-checksum-crc64nvme', `${hexOf(number + 5, 11)}=`],
      ['x-amz-checksum-type', 'FULL_OBJECT'],
      ['x-amz-server-side-encryption', 'AES256'],
    ],
    checksumsKnown: true,
  } as const;
  const sent = { sentAtMs: 1_000_000 + number, sentAtWallMs: Date.now(), tenure, stamp: 0 };
  return { content: { kind: 'object', info }, ...sent };
}

/** What the other stores are given for a key. */
export function keyOf(placementKey: string): Uint8Array {
  return createHash('sha256').update(placementKey).digest().subarray(0, 16);
}
