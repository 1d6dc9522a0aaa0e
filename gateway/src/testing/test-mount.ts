/** Mounts for tests: on memory UFSes, each with a bucket of its own. */

import { MiB } from '@forebay/core/bytes';
import type { Mount } from '@forebay/core/mount';

export function testMount(options: {
  readonly bucket: string;
  readonly keyPrefix?: string;
  readonly ufsPrefix?: string;
  readonly readOnly?: boolean;
  readonly anonymous?: Mount['anonymous'];
  /** Mounts with one and the same name reach one UFS. */
  readonly ufsName?: string;
}): Mount {
  const { bucket, keyPrefix = '', ufsPrefix = '' } = options;
  const path = `/${bucket}${keyPrefix === '' ? '' : `/${keyPrefix.slice(0, -1)}`}`;
  const ufsBucket = options.ufsName ?? path.slice(1).replaceAll('/', '-');
  return {
    path,
    bucket,
    keyPrefix,
    uri: `s3://${ufsBucket}/${ufsPrefix}`,
    ufs: {
      scheme: 's3',
      bucket: ufsBucket,
      prefix: ufsPrefix,
      endpoint: 'http://127.0.0.1:1',
      region: 'us-east-1',
      pathStyle: true,
      credentials: { kind: 'anonymous' },
    },
    freshness: 'ttl',
    ttlMs: 60_000,
    readOnly: options.readOnly ?? false,
    pageSizeBytes: MiB,
    maxObjectSizeBytes: Number.MAX_SAFE_INTEGER,
    priority: 'normal',
    minUses: 1,
    amplificationMax: Number.POSITIVE_INFINITY,
    anonymous: options.anonymous ?? 'none',
    createdAtMs: Date.UTC(2026, 0, 2, 3, 4, 5),
  };
}
