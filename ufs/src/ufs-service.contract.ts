/** The suite that every UfsService driver passes. The store may hold other buckets. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { putObject, refusal, textAt } from './contract/support.ts';
import type { UfsBucket, UfsService } from './ufs-service.ts';

export interface OpenedService {
  readonly service: UfsService;
  close(): Promise<void>;
}

/** @param location what the store calls the place of a bucket made without a word about it */
export function ufsServiceContract(name: string, open: () => Promise<OpenedService>, location = ''): void {
  const run = `contract-${randomBytes(4).toString('hex')}`;
  const plain = { headers: [], body: undefined };
  let opened: OpenedService;
  let service: UfsService;
  let count = 0;
  const freshName = () => {
    count += 1;
    return `${run}-${count}`;
  };

  async function listed(prefix: string): Promise<UfsBucket[]> {
    const buckets: UfsBucket[] = [];
    let token: string | undefined;
    do {
      const page = await service.listBuckets({ prefix, token });
      buckets.push(...page.buckets);
      token = page.nextToken;
    } while (token !== undefined);
    return buckets.filter((bucket) => bucket.name.startsWith(prefix));
  }

  describe(`ufs service contract: ${name}`, () => {
    beforeAll(async () => {
      opened = await open();
      service = opened.service;
    });
    afterAll(() => opened?.close());

    it('makes a bucket, which is there at once, and empty', async () => {
      const bucket = freshName();
      expect((await refusal(service.headBucket(bucket))).status).toBe(404);
      await service.createBucket(bucket, plain);
      await service.headBucket(bucket);
      expect(await service.bucketLocation(bucket)).toBe(location);
      expect(await service.bucket(bucket).list({ prefix: '', maxKeys: 10 })).toEqual({
        entries: [],
        commonPrefixes: [],
        truncated: false,
      });
      // S3 has both answers to its owner, by region.
      const again = service.createBucket(bucket, plain).then(() => ({ code: 'made' }));
      expect((await again.catch(() => refusal(service.createBucket(bucket, plain)))).code).toMatch(
        /^(made|BucketAlready.*)$/,
      );
    });

    it('keeps buckets apart, under one identity each', async () => {
      const [one, two] = [freshName(), freshName()];
      for (const bucket of [one, two]) {
        await service.createBucket(bucket, plain);
        await putObject(service.bucket(bucket), 'key', `of ${bucket}`);
      }
      expect(await textAt(service.bucket(one), 'key')).toBe(`of ${one}`);
      expect(await textAt(service.bucket(two), 'key')).toBe(`of ${two}`);
      expect(service.bucket(one).identity).not.toBe(service.bucket(two).identity);
      expect(service.bucket(one).identity).toBe(service.bucket(one).identity);
    });

    it('lists what is there, with the date of its making', async () => {
      const prefix = `${freshName()}-`;
      const names = Array.from({ length: 5 }, (_, index) => `${prefix}${index}`);
      const since = Math.floor(Date.now() / 1000) * 1000 - 1000;
      for (const bucket of names) await service.createBucket(bucket, plain);
      const buckets = await listed(prefix);
      expect(buckets.map((bucket) => bucket.name).sort()).toEqual(names);
      for (const { createdAtMs } of buckets) expect(createdAtMs).toBeGreaterThanOrEqual(since);
    });

    it('deletes a bucket that is empty, and no other', async () => {
      const bucket = freshName();
      await service.createBucket(bucket, plain);
      await putObject(service.bucket(bucket), 'key', 'content');
      expect(await refusal(service.deleteBucket(bucket, { headers: [] }))).toMatchObject({
        status: 409,
        code: 'BucketNotEmpty',
      });
      await service.bucket(bucket).delete('key', { headers: [] });
      await service.deleteBucket(bucket, { headers: [] });
      const gone = { status: 404, code: 'NoSuchBucket' };
      expect(await refusal(service.deleteBucket(bucket, { headers: [] }))).toMatchObject(gone);
      expect(await refusal(service.bucket(bucket).get('key'))).toMatchObject(gone);
      expect(await refusal(putObject(service.bucket(bucket), 'key', 'x'))).toMatchObject(gone);
      expect(await listed(bucket)).toEqual([]);
    });
  });
}
