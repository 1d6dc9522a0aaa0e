import { silentLog } from '@forebay/core/log';
import { parseMount } from '@forebay/core/mount-uri';
import { expect, it, onTestFinished } from 'vitest';
import type { UfsService } from '../ufs-service.ts';
import { openS3Service } from './open.ts';
import { errorOf, type RawRequest, type RawServer, reply, startRawServer } from './testing/raw-server.ts';

async function openService(
  handle: (request: RawRequest) => unknown,
  options = '',
): Promise<{ service: UfsService; server: RawServer }> {
  const server = await startRawServer(handle);
  const uri = `s3://{bucket}?endpoint=${server.endpoint}&credentials=env:LAKE${options}`;
  const { ufs } = parseMount(`/{bucket}=${uri}`, { pageSizeBytes: 65_536, createdAtMs: 0 });
  if (ufs.scheme !== 's3') throw new Error('no S3 location');
  const env = { LAKE_ACCESS_KEY_ID: 'AKID', LAKE_SECRET_ACCESS_KEY: 'hidden-secret' };
  const service = openS3Service(ufs, { env, log: silentLog });
  onTestFinished(async () => {
    await service.close();
    await server.close();
  });
  return { service, server };
}

it('reads and writes any number of buckets over the same connections', async () => {
  const { service, server } = await openService(async ({ method, body, write }) => {
    if (method === 'PUT') await body();
    write(reply(200, '', ['ETag: "e"', 'Last-Modified: Fri, 24 May 2013 00:00:00 GMT']));
  });
  async function* nothing() {}
  for (let index = 0; index < 200; index += 1) {
    const ufs = service.bucket(`bucket-${index}`);
    await ufs.head('key');
    await ufs.put('key', { sizeBytes: 0, body: nothing(), headers: [] });
    await service.headBucket(`bucket-${index}`);
  }
  expect(server.requests.map(({ target }) => target).slice(-3)).toEqual([
    '/bucket-199/key',
    '/bucket-199/key',
    '/bucket-199',
  ]);
  // One at a time: a few for reads, a few for bodies that stream, and none for a bucket of its own.
  expect(server.connectionCount).toBeLessThan(10);
});

it('passes on the region that the store tells, in answers and in refusals', async () => {
  const { service } = await openService(({ index, write }) =>
    write(reply(index === 0 ? 200 : 301, '', ['x-amz-bucket-region: eu-west-3'])),
  );
  expect(await service.headBucket('lake')).toEqual({ region: 'eu-west-3' });
  expect(await errorOf(service.headBucket('lake'))).toMatchObject({
    answer: { status: 301, headers: [['x-amz-bucket-region', 'eu-west-3']] },
  });
});

it('tells the location as the store words it', async () => {
  const texts = ['<LocationConstraint xmlns="x"/>', '<LocationConstraint xmlns="x">EU</LocationConstraint>'];
  const { service, server } = await openService(({ index, write }) => write(reply(200, texts[index])));
  expect([await service.bucketLocation('lake'), await service.bucketLocation('lake')]).toEqual(['', 'EU']);
  expect(server.requests[0]?.target).toBe('/lake?location=');
});

it('lists page by page at the root, and reads lists of stores that know no pages', async () => {
  const date = '<CreationDate>2026-01-02T03:04:05.000Z</CreationDate>';
  const bucket = (name: string) => `<Bucket><Name>${name}</Name>${date}</Bucket>`;
  const page = (names: string[], token = '') =>
    `<ListAllMyBucketsResult><Buckets>${names.map(bucket).join('')}</Buckets>${token}</ListAllMyBucketsResult>`;
  const pages = [page(['a'], '<ContinuationToken>next/1</ContinuationToken>'), page(['b', 'c'])];
  const { service, server } = await openService(({ index, write }) => write(reply(200, pages[index])));
  const first = await service.listBuckets({ prefix: 'x' });
  expect(first).toEqual({
    buckets: [{ name: 'a', createdAtMs: Date.UTC(2026, 0, 2, 3, 4, 5), region: undefined }],
    nextToken: 'next/1',
  });
  const second = await service.listBuckets({ prefix: 'x', token: 'next/1' });
  expect(second.buckets.map(({ name }) => name)).toEqual(['b', 'c']);
  expect(second.nextToken).toBeUndefined();
  expect(server.requests.map(({ target }) => target)).toEqual([
    '/?max-buckets=10000&prefix=x',
    '/?continuation-token=next%2F1&max-buckets=10000&prefix=x',
  ]);
});

it('never calls the making or the end of a bucket failed when it may have happened', async () => {
  const { service } = await openService(({ socket }) => socket.destroy());
  const plain = { headers: [], body: undefined };
  expect((await errorOf(service.createBucket('lake', plain)))?.kind).toBe('state-unknown');
  expect((await errorOf(service.deleteBucket('lake', plain)))?.kind).toBe('state-unknown');
});
