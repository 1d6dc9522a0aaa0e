import { randomBytes } from 'node:crypto';
import {
  CopyObjectCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { MiB } from '@forebay/core/bytes';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestGateway, type TestGateway, testAccessKey, testSecretKey } from './testing/test-gateway.ts';
import { testMount } from './testing/test-mount.ts';

let gateway: TestGateway;
let s3: S3Client;
const Bucket = 'lake';

beforeAll(async () => {
  gateway = await startTestGateway([
    testMount({ bucket: Bucket }),
    testMount({ bucket: Bucket, keyPrefix: 'nested/', ufsPrefix: 'data/' }),
    testMount({ bucket: 'archive', readOnly: true }),
    testMount({ bucket: 'mirror', ufsName: Bucket, ufsPrefix: 'copies/' }),
  ]);
  s3 = new S3Client({
    endpoint: gateway.endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId: testAccessKey, secretAccessKey: testSecretKey },
    maxAttempts: 1,
  });
});

afterAll(async () => {
  s3.destroy();
  await gateway.close();
});

const put = (Key: string, Body: string | Uint8Array) => s3.send(new PutObjectCommand({ Bucket, Key, Body }));
const textOf = async (Key: string) =>
  (await s3.send(new GetObjectCommand({ Bucket, Key }))).Body?.transformToString();

/** What the SDK threw: S3's code and status. */
async function failure(request: Promise<unknown>) {
  const error = await request.then(
    () => undefined,
    (thrown: unknown) => thrown as { name: string; message: string; $metadata: { httpStatusCode?: number } },
  );
  return { code: error?.name, status: error?.$metadata.httpStatusCode, message: error?.message };
}

describe('objects through the AWS SDK', () => {
  it('come back as they were put, headers and metadata too', async () => {
    const body = randomBytes(3 * MiB);
    const stored = {
      ContentType: 'model/gltf',
      CacheControl: 'max-age=5',
      ContentDisposition: 'attachment; filename="a b"',
      Metadata: { color: 'blue' },
    };
    const written = await s3.send(new PutObjectCommand({ Bucket, Key: 'big', Body: body, ...stored }));
    const read = await s3.send(new GetObjectCommand({ Bucket, Key: 'big' }));
    expect(Buffer.from((await read.Body?.transformToByteArray()) ?? []).equals(body)).toBe(true);
    expect(read).toMatchObject({
      ...stored,
      ETag: written.ETag,
      ContentLength: body.length,
      AcceptRanges: 'bytes',
    });
    const head = await s3.send(new HeadObjectCommand({ Bucket, Key: 'big' }));
    expect(head).toMatchObject({ ...stored, ETag: written.ETag, ContentLength: body.length });
  });

  it('are read in ranges', async () => {
    await put('digits', '0123456789');
    const range = async (Range: string) => {
      const read = await s3.send(new GetObjectCommand({ Bucket, Key: 'digits', Range }));
      return [await read.Body?.transformToString(), read.ContentRange, read.$metadata.httpStatusCode];
    };
    expect(await range('bytes=2-4')).toEqual(['234', 'bytes 2-4/10', 206]);
    expect(await range('bytes=-3')).toEqual(['789', 'bytes 7-9/10', 206]);
    expect(await range('bytes=8-100')).toEqual(['89', 'bytes 8-9/10', 206]);
    expect(await range('bytes=0-1,3-4')).toEqual(['0123456789', undefined, 200]);
    expect(await failure(range('bytes=10-'))).toMatchObject({ code: 'InvalidRange', status: 416 });
  });

  it('answer conditions as S3 does', async () => {
    const { ETag } = await put('conditional', 'x');
    const get = (input: object) => s3.send(new GetObjectCommand({ Bucket, Key: 'conditional', ...input }));
    expect((await failure(get({ IfNoneMatch: ETag }))).status).toBe(304);
    expect(await failure(get({ IfMatch: '"other"' }))).toMatchObject({
      code: 'PreconditionFailed',
      status: 412,
    });
    expect(await (await get({ IfMatch: ETag })).Body?.transformToString()).toBe('x');
    const again = s3.send(new PutObjectCommand({ Bucket, Key: 'conditional', Body: 'y', IfNoneMatch: '*' }));
    expect(await failure(again)).toMatchObject({ code: 'PreconditionFailed', status: 412 });
  });

  it.each([
    'a//b',
    '/leading',
    'dir/',
    '.',
    '..',
    'a/./b',
    'a/../b',
    '../up',
    'a b',
    'a+b',
    'a%b',
    '%2F',
    '%25',
    'a\\b',
    'q?x=1&y#z',
    'quote\'"<>',
    'é',
    'e\u0301',
    '日本/語',
    '🙂',
    'a\tb',
    'k'.repeat(1024),
    '*',
    'http://x/y',
    'nested/../x',
  ])('work under the key %j', async (key) => {
    await put(key, key);
    expect(await textOf(key)).toBe(key);
    const listed = await s3.send(new ListObjectsV2Command({ Bucket, Prefix: key, EncodingType: 'url' }));
    expect(listed.Contents?.map((object) => decodeURIComponent(object.Key!.replaceAll('+', ' ')))).toContain(
      key,
    );
    await s3.send(new DeleteObjectCommand({ Bucket, Key: key }));
    expect(await failure(textOf(key))).toMatchObject({ code: 'NoSuchKey', status: 404 });
  });

  it("of a nested mount are stored at that mount's UFS", async () => {
    await put('nested/deep', 'inside');
    expect(await textOf('nested/deep')).toBe('inside');
    const outer = gateway.ufsOf(testMount({ bucket: Bucket }));
    expect((await outer.list({ prefix: 'nested/deep', maxKeys: 1 })).entries).toEqual([]);
    const inner = gateway.ufsOf(testMount({ bucket: Bucket, keyPrefix: 'nested/' }));
    expect((await inner.head('data/deep')).sizeBytes).toBe(6);
  });

  it("are named by the client's bucket and key in errors", async () => {
    expect(await failure(textOf('nested/missing'))).toMatchObject({ code: 'NoSuchKey', status: 404 });
    const response = await fetch(`${gateway.endpoint}/${Bucket}/nested/missing`);
    expect(response.status).toBe(403);
    expect(await response.text()).not.toContain('data/');
    const missing = s3.send(new GetObjectCommand({ Bucket: 'nowhere', Key: 'k' }));
    expect(await failure(missing)).toMatchObject({ code: 'NoSuchBucket', status: 404 });
  });

  it('are copied within a store and between two', async () => {
    await s3.send(
      new PutObjectCommand({
        Bucket,
        Key: 'from a+b/é',
        Body: 'copied',
        Metadata: { a: '1' },
        ContentType: 'text/x',
      }),
    );
    const CopySource = `${Bucket}/${encodeURIComponent('from a+b/é')}`;
    for (const Key of ['to', 'nested/to']) {
      const copied = await s3.send(new CopyObjectCommand({ Bucket, Key, CopySource }));
      expect(copied.CopyObjectResult?.LastModified).toBeInstanceOf(Date);
      const read = await s3.send(new GetObjectCommand({ Bucket, Key }));
      expect(await read.Body?.transformToString()).toBe('copied');
      expect(read).toMatchObject({
        ContentType: 'text/x',
        Metadata: { a: '1' },
        ETag: copied.CopyObjectResult?.ETag,
      });
    }
    const replaced = { MetadataDirective: 'REPLACE', Metadata: { b: '2' } } as const;
    await s3.send(new CopyObjectCommand({ Bucket, Key: 'nested/to', CopySource, ...replaced }));
    const head = await s3.send(new HeadObjectCommand({ Bucket, Key: 'nested/to' }));
    expect(head.Metadata).toEqual({ b: '2' });
    const unmet = { CopySource, CopySourceIfMatch: '"other"' };
    for (const Key of ['to', 'nested/to']) {
      expect((await failure(s3.send(new CopyObjectCommand({ Bucket, Key, ...unmet })))).status).toBe(412);
    }
    const absent = { Key: 'to', CopySource: `${Bucket}/absent` };
    expect(await failure(s3.send(new CopyObjectCommand({ Bucket, ...absent })))).toMatchObject({
      code: 'NoSuchKey',
    });
  });

  it('are deleted many at a time, every key fenced', async () => {
    for (const key of ['d/1', 'd/ 2 ', 'nested/d3']) await put(key, key);
    gateway.home.fences.length = 0;
    const Objects = ['d/1', 'd/ 2 ', 'nested/d3', 'd/missing'].map((Key) => ({ Key }));
    const result = await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
    expect(result.Deleted?.map(({ Key }) => Key).sort()).toEqual(Objects.map(({ Key }) => Key).sort());
    expect(result.Errors).toBeUndefined();
    expect(gateway.home.fences.map(({ event, keys }) => [event, [...keys].sort()])).toEqual([
      ['begin', ['d/ 2 ', 'd/1', 'd/missing', 'data/d3']],
      ['end', ['d/ 2 ', 'd/1', 'd/missing', 'data/d3']],
    ]);
    expect(await failure(textOf('d/1'))).toMatchObject({ code: 'NoSuchKey' });
  });

  it('are not written through a read-only mount', async () => {
    const write = s3.send(new PutObjectCommand({ Bucket: 'archive', Key: 'k', Body: 'x' }));
    expect(await failure(write)).toEqual({
      code: 'AccessDenied',
      status: 403,
      message: 'The mount /archive is read-only.',
    });
    const removal = new DeleteObjectsCommand({ Bucket: 'archive', Delete: { Objects: [{ Key: 'k' }] } });
    expect((await s3.send(removal)).Errors).toMatchObject([{ Key: 'k', Code: 'AccessDenied' }]);
  });

  it('carry at most 2 KB of metadata', async () => {
    const write = s3.send(
      new PutObjectCommand({ Bucket, Key: 'meta', Body: 'x', Metadata: { a: 'v'.repeat(2048) } }),
    );
    expect(await failure(write)).toMatchObject({ code: 'MetadataTooLarge', status: 400 });
  });
});
