import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  GetBucketLocationCommand,
  GetObjectCommand,
  HeadBucketCommand,
  ListBucketsCommand,
  ListMultipartUploadsCommand,
  ListObjectsCommand,
  ListObjectsV2Command,
  ListPartsCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import { MiB } from '@forebay/core/bytes';
import { ForebayError } from '@forebay/core/errors';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestGateway, type TestGateway, testAccessKey, testSecretKey } from './testing/test-gateway.ts';
import { testMount } from './testing/test-mount.ts';

let gateway: TestGateway;
let s3: S3Client;
const Bucket = 'lake';
const lake = testMount({ bucket: Bucket });
const nested = testMount({ bucket: Bucket, keyPrefix: 'b/nested/' });
const everyone = testMount({ bucket: 'open', anonymous: 'read' });
const closedInside = testMount({ bucket: 'open', keyPrefix: 'closed/' });

beforeAll(async () => {
  gateway = await startTestGateway([lake, nested, everyone, closedInside]);
  s3 = new S3Client({
    endpoint: gateway.endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId: testAccessKey, secretAccessKey: testSecretKey },
    maxAttempts: 1,
  });
  for (const Key of ['a', 'b/1', 'b/nested/2', 'b/nested/c/3', 'c+d e', 'z'])
    await s3.send(new PutObjectCommand({ Bucket, Key, Body: Key }));
});

afterAll(async () => {
  s3.destroy();
  await gateway.close();
});

async function failure(request: Promise<unknown>) {
  const error = await request.then(
    () => undefined,
    (thrown: unknown) => thrown as { name: string; $metadata: { httpStatusCode?: number } },
  );
  return [error?.name, error?.$metadata.httpStatusCode];
}

describe('listings', () => {
  it('show nested mounts in key order, page by page', async () => {
    const keys: (string | undefined)[] = [];
    let ContinuationToken: string | undefined;
    do {
      const page = await s3.send(new ListObjectsV2Command({ Bucket, MaxKeys: 2, ContinuationToken }));
      expect(page.KeyCount).toBe(page.Contents?.length);
      keys.push(...(page.Contents ?? []).map(({ Key }) => Key));
      ContinuationToken = page.NextContinuationToken;
      expect(page.IsTruncated).toBe(ContinuationToken !== undefined);
    } while (ContinuationToken);
    expect(keys).toEqual(['a', 'b/1', 'b/nested/2', 'b/nested/c/3', 'c+d e', 'z']);
  });

  it('group by delimiter across mounts, and encode names where asked', async () => {
    const page = await s3.send(new ListObjectsV2Command({ Bucket, Delimiter: '/', EncodingType: 'url' }));
    expect(page.Contents?.map(({ Key }) => Key)).toEqual(['a', 'c%2Bd+e', 'z']);
    expect(page.CommonPrefixes).toEqual([{ Prefix: 'b/' }]);
    const inside = await s3.send(new ListObjectsV2Command({ Bucket, Delimiter: '/', Prefix: 'b/' }));
    expect(inside.Contents?.map(({ Key }) => Key)).toEqual(['b/1']);
    expect(inside.CommonPrefixes).toEqual([{ Prefix: 'b/nested/' }]);
  });

  it('of version 1 name the next marker only with a delimiter', async () => {
    const plain = await s3.send(new ListObjectsCommand({ Bucket, MaxKeys: 1 }));
    expect(plain).toMatchObject({
      IsTruncated: true,
      Marker: '',
      Contents: [{ Key: 'a', Owner: { ID: 'forebay' } }],
    });
    expect(plain.NextMarker).toBeUndefined();
    const grouped = await s3.send(new ListObjectsCommand({ Bucket, MaxKeys: 2, Delimiter: '/' }));
    expect(grouped.NextMarker).toBe('b/');
    const next = await s3.send(new ListObjectsCommand({ Bucket, Delimiter: '/', Marker: 'b/' }));
    expect(next.Contents?.map(({ Key }) => Key)).toEqual(['c+d e', 'z']);
  });

  it('refuse forged tokens and bad limits, and answer nothing for max-keys 0', async () => {
    const list = (input: object) => s3.send(new ListObjectsV2Command({ Bucket, ...input }));
    expect(await failure(list({ ContinuationToken: 'forged' }))).toEqual(['InvalidArgument', 400]);
    expect(await failure(list({ MaxKeys: -1 }))).toEqual(['InvalidArgument', 400]);
    expect(await failure(list({ EncodingType: 'base64' }))).toEqual(['InvalidArgument', 400]);
    expect(await list({ MaxKeys: 0 })).toMatchObject({ KeyCount: 0, IsTruncated: false });
    expect(await list({ MaxKeys: 5000 })).toMatchObject({ MaxKeys: 1000, KeyCount: 6 });
  });
});

describe('buckets', () => {
  it('are the mounts', async () => {
    const { Buckets } = await s3.send(new ListBucketsCommand({}));
    expect(Buckets?.map(({ Name }) => Name)).toEqual([Bucket, 'open']);
    expect(Buckets?.[0]?.CreationDate?.getTime()).toBe(lake.createdAtMs);
    const page = await s3.send(new ListBucketsCommand({ MaxBuckets: 1 }));
    expect(page.Buckets).toMatchObject([{ Name: Bucket, BucketRegion: 'us-east-1' }]);
    const { ContinuationToken } = page;
    const rest = await s3.send(new ListBucketsCommand({ MaxBuckets: 1, ContinuationToken }));
    expect(rest.Buckets?.map(({ Name }) => Name)).toEqual(['open']);
    expect(rest.ContinuationToken).toBeUndefined();
  });

  it('say where they are', async () => {
    expect(await s3.send(new HeadBucketCommand({ Bucket }))).toMatchObject({ BucketRegion: 'us-east-1' });
    expect((await s3.send(new GetBucketLocationCommand({ Bucket }))).LocationConstraint).toBeUndefined();
    expect((await failure(s3.send(new HeadBucketCommand({ Bucket: 'nowhere' }))))[1]).toBe(404);
  });

  it('are neither made nor removed by clients', async () => {
    const create = (name: string) => failure(s3.send(new CreateBucketCommand({ Bucket: name })));
    expect(await create(Bucket)).toEqual(['BucketAlreadyOwnedByYou', 409]);
    expect(await create('another')).toEqual(['AccessDenied', 403]);
    expect(await failure(s3.send(new DeleteBucketCommand({ Bucket })))).toEqual(['AccessDenied', 403]);
    expect(await failure(s3.send(new DeleteBucketCommand({ Bucket: 'another' })))).toEqual([
      'NoSuchBucket',
      404,
    ]);
  });
});

describe('multipart uploads', () => {
  const start = async (Key: string) =>
    (await s3.send(new CreateMultipartUploadCommand({ Bucket, Key, Metadata: { a: '1' } }))).UploadId;
  const part = async (Key: string, UploadId: string | undefined, PartNumber: number, Body: Uint8Array) => {
    const input = { Bucket, Key, UploadId, PartNumber, Body };
    return { PartNumber, ETag: (await s3.send(new UploadPartCommand(input))).ETag };
  };

  it('become visible at their completion, and fence only then', async () => {
    const Key = 'b/nested/parts';
    gateway.home.fences.length = 0;
    const UploadId = await start(Key);
    const first = await part(Key, UploadId, 1, Buffer.alloc(5 * MiB, 'a'));
    const copy = { Bucket, Key, UploadId, PartNumber: 2, CopySource: `${Bucket}/b/1` };
    const copied = await s3.send(new UploadPartCopyCommand({ ...copy, CopySourceRange: 'bytes=1-2' }));
    expect(await failure(s3.send(new GetObjectCommand({ Bucket, Key })))).toEqual(['NoSuchKey', 404]);
    const listed = await s3.send(new ListPartsCommand({ Bucket, Key, UploadId }));
    expect(listed.Parts?.map(({ PartNumber, Size }) => [PartNumber, Size])).toEqual([
      [1, 5 * MiB],
      [2, 2],
    ]);
    const uploads = await s3.send(new ListMultipartUploadsCommand({ Bucket }));
    expect(uploads.Uploads).toMatchObject([{ Key, UploadId }]);
    expect(gateway.home.fences).toEqual([]);

    const Parts = [first, { PartNumber: 2, ETag: copied.CopyPartResult?.ETag }];
    const done = await s3.send(
      new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts } }),
    );
    expect(done).toMatchObject({ Bucket, Key, ETag: expect.stringMatching(/-2"$/) });
    expect(gateway.home.fences.map(({ event }) => event)).toEqual(['begin', 'end']);
    const read = await s3.send(new GetObjectCommand({ Bucket, Key }));
    expect(read).toMatchObject({ ContentLength: 5 * MiB + 2, ETag: done.ETag, Metadata: { a: '1' } });
    expect(await s3.send(new GetObjectCommand({ Bucket, Key, PartNumber: 2 }))).toMatchObject({
      ContentLength: 2,
      PartsCount: 2,
      ContentRange: `bytes ${5 * MiB}-${5 * MiB + 1}/${5 * MiB + 2}`,
    });
  });

  it('are aborted, and then unknown', async () => {
    const Key = 'aborted';
    const UploadId = await start(Key);
    await s3.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId }));
    expect(await failure(part(Key, UploadId, 1, Buffer.from('x')))).toEqual(['NoSuchUpload', 404]);
  });

  it('refuse bad part numbers and ranges of the source', async () => {
    const Key = 'refused';
    const UploadId = await start(Key);
    expect(await failure(part(Key, UploadId, 0, Buffer.from('x')))).toEqual(['InvalidArgument', 400]);
    const copy = { Bucket, Key, UploadId, PartNumber: 1, CopySource: `${Bucket}/b/nested/2` };
    for (const CopySourceRange of ['bytes=0-', 'bytes=2-1', 'bytes=0-100']) {
      const request = s3.send(new UploadPartCopyCommand({ ...copy, CopySourceRange }));
      expect(await failure(request), CopySourceRange).toEqual(['InvalidArgument', 400]);
    }
    await s3.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId }));
  });
});

describe('anonymous callers', () => {
  const status = async (path: string, init?: RequestInit) =>
    (await fetch(`${gateway.endpoint}${path}`, init)).status;

  it('read and list where every mount says so, and nothing else', async () => {
    await s3.send(new PutObjectCommand({ Bucket: 'open', Key: 'k', Body: 'free' }));
    expect(await (await fetch(`${gateway.endpoint}/open/k`)).text()).toBe('free');
    expect(await status('/open/k', { method: 'HEAD' })).toBe(200);
    expect(await status('/open?prefix=k')).toBe(200);
    for (const path of [
      '/open',
      '/open?list-type=2',
      '/open/closed/k',
      '/open?prefix=closed/',
      '/lake/a',
      '/',
      '/open?uploads',
      '/open?versions&prefix=k',
      '/open?versioning',
      '/open/k?versionId=null',
      '/open/k?acl',
      '/open/k?tagging',
      '/open/k?attributes',
    ])
      expect(await status(path), path).toBe(403);
    for (const method of ['PUT', 'DELETE']) expect(await status('/open/k', { method })).toBe(403);
    // Whoever pays is known.
    expect(await status('/open/k', { headers: { 'x-amz-request-payer': 'requester' } })).toBe(403);
    expect(await status('/open/k?response-content-type=text/html')).toBe(400);
  });
});

describe('a UFS that gives no answer', () => {
  const put = () => failure(s3.send(new PutObjectCommand({ Bucket, Key: 'lost', Body: 'x' })));
  const last = () => gateway.home.fences.at(-1);

  it('is 503 where nothing was sent, and 500 with the fence left unsettled where it was', async () => {
    const ufs = gateway.ufsOf(lake);
    ufs.failNext(1, { methods: ['put'] });
    expect(await put()).toEqual(['ServiceUnavailable', 503]);
    expect(last()).toMatchObject({ event: 'end', outcome: 'known' });
    ufs.failNext(1, { methods: ['put'], error: () => new ForebayError('state-unknown', 'reset') });
    expect(await put()).toEqual(['InternalError', 500]);
    expect(last()).toMatchObject({ event: 'end', outcome: 'unknown' });
  });

  it('gives no success for a write whose fence was not lifted', async () => {
    gateway.home.failEnd = new Error('the home is gone');
    expect(await put()).toEqual(['InternalError', 500]);
    gateway.home.failEnd = undefined;
    gateway.home.failBegin = new ForebayError('overloaded', 'too many fences');
    expect(await put()).toEqual(['SlowDown', 503]);
    gateway.home.failBegin = undefined;
  });
});
