import { type Mount, MountTable } from '@forebay/core/mount';
import { expect, it } from 'vitest';
import { testMount } from '../../testing/test-mount.ts';
import type { OperationDeps } from '../operation.ts';
import { queryOf } from '../raw-target.ts';
import type { S3Request } from '../types.ts';
import { listBuckets } from './list-buckets.ts';

it('lists every bucket, also where the UFS of one cannot be opened, which then has no region', async () => {
  const mounts = new MountTable([testMount({ bucket: 'lake' }), testMount({ bucket: 'gone' })]);
  const ufsOf = async ({ bucket }: Mount) => {
    if (bucket === 'gone') throw new Error('cannot be opened');
    return { region: 'eu-central-1' };
  };
  const deps = { registry: { view: () => ({ mounts }) }, ufsOf } as unknown as OperationDeps;
  const { body } = await listBuckets(deps)({ query: queryOf([['max-buckets', '10']]) } as S3Request);
  const buckets = String(body).match(/<Bucket>.*?<\/Bucket>/g);
  expect(buckets).toHaveLength(2);
  expect(buckets?.[0]).toMatch(/<Name>gone<.*Z<\/CreationDate><\/Bucket>$/);
  expect(buckets?.[1]).toContain('<BucketRegion>eu-central-1<');
});
