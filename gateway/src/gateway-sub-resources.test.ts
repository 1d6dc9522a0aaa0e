import { createHash } from 'node:crypto';
import {
  DeleteObjectTaggingCommand,
  GetBucketPolicyCommand,
  GetBucketVersioningCommand,
  GetObjectAttributesCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  PutBucketTaggingCommand,
  PutBucketVersioningCommand,
  PutObjectAclCommand,
  PutObjectCommand,
  PutObjectTaggingCommand,
  RestoreObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { sha256Hex } from '@forebay/core/sigv4';
import type { UfsForward } from '@forebay/ufs/ufs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { chunkedBody } from './testing/chunked-body.ts';
import { RawClient, signedHead } from './testing/raw-client.ts';
import { startTestGateway, type TestGateway, testAccessKey, testSecretKey } from './testing/test-gateway.ts';
import { testMount } from './testing/test-mount.ts';

const Bucket = 'lake';
const mount = testMount({ bucket: Bucket, ufsName: 'their-bucket' });
let gateway: TestGateway;
let s3: S3Client;

beforeEach(async () => {
  gateway = await startTestGateway([
    mount,
    testMount({ bucket: 'part', ufsName: 'their-bucket', ufsPrefix: 'data/' }),
    testMount({ bucket: 'shared' }),
    testMount({ bucket: 'shared', keyPrefix: 'nested/' }),
    testMount({ bucket: 'archive', readOnly: true }),
    testMount({ bucket: 'loose', keyPrefix: 'only/' }),
  ]);
  s3 = new S3Client({
    endpoint: gateway.endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId: testAccessKey, secretAccessKey: testSecretKey },
    maxAttempts: 1,
  });
  await s3.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'text' }));
});

afterEach(async () => {
  s3.destroy();
  await gateway.close();
});

const tagged = (...tags: readonly string[]) => ({
  Bucket,
  Key: 'k',
  Tagging: { TagSet: tags.map((Key) => ({ Key, Value: 'v' })) },
});

async function failure(request: Promise<unknown>) {
  const error = await request.then(
    () => undefined,
    (thrown: unknown) => thrown as { name: string; message: string; $metadata: { httpStatusCode?: number } },
  );
  return { code: error?.name, status: error?.$metadata.httpStatusCode, message: error?.message };
}

describe('tags of an object', () => {
  it('are set, counted by HEAD, told and deleted, each change behind a fence', async () => {
    gateway.home.fences.length = 0;
    await s3.send(new PutObjectTaggingCommand(tagged('a', 'b')));
    expect((await s3.send(new HeadObjectCommand({ Bucket, Key: 'k' }))).TagCount).toBe(2);
    const { TagSet } = await s3.send(new GetObjectTaggingCommand({ Bucket, Key: 'k' }));
    expect(TagSet).toEqual([
      { Key: 'a', Value: 'v' },
      { Key: 'b', Value: 'v' },
    ]);
    await s3.send(new DeleteObjectTaggingCommand({ Bucket, Key: 'k' }));
    expect((await s3.send(new HeadObjectCommand({ Bucket, Key: 'k' }))).TagCount).toBeUndefined();
    expect(gateway.home.fences.map(({ event, keys }) => [event, ...keys])).toEqual([
      ['begin', 'k'],
      ['end', 'k'],
      ['begin', 'k'],
      ['end', 'k'],
    ]);
  });

  it('are refused as the UFS refuses them, in the client’s own names', async () => {
    const many = Array.from({ length: 11 }, (_, index) => `tag${index}`);
    expect(await failure(s3.send(new PutObjectTaggingCommand(tagged(...many))))).toMatchObject({
      status: 400,
    });
    const missing = { ...tagged('a'), Key: 'nothing' };
    expect(await failure(s3.send(new PutObjectTaggingCommand(missing)))).toMatchObject({
      code: 'NoSuchKey',
      status: 404,
    });
  });

  it('never reach the UFS where the document is not what its sender announced', async () => {
    const before = gateway.ufsOf(mount).countOf('forward');
    const raw = await RawClient.open(gateway.port);
    const body = '<Tagging><TagSet/></Tagging>';
    const length = { 'content-length': String(body.length) };
    for (const [payload, headers, code] of [
      [sha256Hex('other'), length, 'XAmzContentSHA256Mismatch'],
      [sha256Hex(body), { ...length, 'content-md5': 'AAAAAAAAAAAAAAAAAAAAAA==' }, 'BadDigest'],
      [sha256Hex(body), { ...length, 'x-amz-checksum-crc32': 'AAAAAA==' }, 'BadDigest'],
    ] as const) {
      raw.send(signedHead({ method: 'PUT', target: '/lake/k?tagging', headers, payload }) + body);
      expect((await raw.answer()).body).toContain(`<Code>${code}</Code>`);
    }
    raw.close();
    expect(gateway.ufsOf(mount).countOf('forward')).toBe(before);
    expect(gateway.home.fences.filter(({ event }) => event === 'begin')).toHaveLength(1);
  });

  it('go on with the checksum that came after them, once it holds', async () => {
    const forwarded = vi.spyOn(gateway.ufsOf(mount), 'forward');
    const raw = await RawClient.open(gateway.port);
    const document = Buffer.from('<Tagging><TagSet/></Tagging>');
    const put = async (checksum: string) => {
      const body = chunkedBody({
        chunks: [document],
        signing: undefined,
        trailer: true,
        trailers: [['x-amz-checksum-sha256', checksum]],
      });
      const headers = {
        'content-length': String(body.length),
        'x-amz-decoded-content-length': String(document.length),
        'x-amz-trailer': 'x-amz-checksum-sha256',
      };
      const payload = 'STREAMING-UNSIGNED-PAYLOAD-TRAILER';
      raw.send(signedHead({ method: 'PUT', target: '/lake/k?tagging', headers, payload }));
      raw.send(body);
      return raw.answer();
    };
    const wrong = await put(Buffer.alloc(32).toString('base64'));
    expect(wrong.body).toContain('<Code>BadDigest</Code>');
    expect(forwarded).not.toHaveBeenCalled();
    const sha256 = createHash('sha256').update(document).digest('base64');
    expect((await put(sha256)).status).toBe(200);
    raw.close();
    const [request] = forwarded.mock.calls[0]!;
    expect(request.headers).toContainEqual(['x-amz-checksum-sha256', sha256]);
    expect(Buffer.from(request.body!).equals(document)).toBe(true);
  });

  it('stay as they are on a read-only mount', async () => {
    const put = new PutObjectTaggingCommand({ ...tagged('a'), Bucket: 'archive' });
    expect(await failure(s3.send(put))).toMatchObject({ code: 'AccessDenied', status: 403 });
  });
});

describe('attributes of an object', () => {
  it('are told as asked', async () => {
    const asked = { Bucket, Key: 'k', ObjectAttributes: ['ETag', 'ObjectSize', 'StorageClass'] } as const;
    const answer = await s3.send(
      new GetObjectAttributesCommand({ ...asked, ObjectAttributes: [...asked.ObjectAttributes] }),
    );
    expect(answer).toMatchObject({ ObjectSize: 4, StorageClass: 'STANDARD' });
    expect(answer.ETag).toMatch(/^[0-9a-f]{32}$/);
    expect(answer.LastModified).toBeInstanceOf(Date);
  });

  it('have to be asked for by their names', async () => {
    const raw = await RawClient.open(gateway.port);
    const ask = async (headers: Record<string, string>) => {
      raw.send(signedHead({ method: 'GET', target: '/lake/k?attributes', headers }));
      return (await raw.answer()).body;
    };
    expect(await ask({})).toContain('<Code>InvalidRequest</Code>');
    expect(await ask({ 'x-amz-object-attributes': 'ETag,Color' })).toContain('<Code>InvalidArgument</Code>');
    raw.close();
  });
});

describe('the configuration of a bucket', () => {
  it('is the UFS’s where the mount is a whole bucket', async () => {
    expect(await s3.send(new GetBucketVersioningCommand({ Bucket }))).not.toHaveProperty('Status');
    expect(await failure(s3.send(new GetBucketPolicyCommand({ Bucket })))).toMatchObject({
      code: 'NoSuchBucketPolicy',
      status: 404,
    });
  });

  it.each([
    ['part', 'shows a part of a bucket'],
    ['loose', 'No mount stands for this bucket'],
  ])('is refused with the reason on %s', async (name, reason) => {
    const refused = await failure(s3.send(new GetBucketVersioningCommand({ Bucket: name })));
    expect(refused).toMatchObject({ code: 'AccessDenied', status: 403 });
    expect(refused.message).toContain(reason);
  });

  it('is not changed where a mount below holds keys that it would not cover, but for tags', async () => {
    const put = new PutBucketVersioningCommand({
      Bucket: 'shared',
      VersioningConfiguration: { Status: 'Enabled' },
    });
    const refused = await failure(s3.send(put));
    expect(refused).toMatchObject({ code: 'AccessDenied' });
    expect(refused.message).toContain('/shared/nested');
    expect(await s3.send(new GetBucketVersioningCommand({ Bucket: 'shared' }))).toBeDefined();
    const tags = new PutBucketTaggingCommand({ Bucket: 'shared', Tagging: { TagSet: [] } });
    // As far as the UFS, which here is a directory and says so.
    expect(await failure(s3.send(tags))).toMatchObject({ status: 501 });
  });

  it('is changed behind a fence on all keys where it may change what becomes of them', async () => {
    gateway.home.fences.length = 0;
    const Status = 'Enabled' as const;
    await failure(s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status } })));
    expect(gateway.home.fences).toMatchObject([
      { event: 'begin', keys: ['/lake'] },
      { event: 'end', keys: ['/lake'], outcome: 'known' },
    ]);
    gateway.home.fences.length = 0;
    await failure(s3.send(new PutBucketTaggingCommand({ Bucket, Tagging: { TagSet: [] } })));
    expect(gateway.home.fences.flatMap(({ keys }) => keys)).toEqual([]);
  });

  it('stays as it is on a read-only mount', async () => {
    const put = new PutBucketTaggingCommand({ Bucket: 'archive', Tagging: { TagSet: [] } });
    expect(await failure(s3.send(put))).toMatchObject({ code: 'AccessDenied' });
  });
});

it('answers NotImplemented for what the UFS has no notion of', async () => {
  const put = new PutObjectAclCommand({ Bucket, Key: 'k', ACL: 'private' });
  expect(await failure(s3.send(put))).toMatchObject({ code: 'NotImplemented', status: 501 });
});

it('streams an answer whose length the UFS does not tell', async () => {
  const ufs = gateway.ufsOf(mount);
  ufs.forward = async () => ({
    status: 200,
    headers: [['content-type', 'application/x-bittorrent']],
    body: (async function* () {
      yield Buffer.from('d8:');
      yield Buffer.from('announce');
    })(),
  });
  const raw = await RawClient.open(gateway.port);
  raw.send(signedHead({ method: 'GET', target: '/lake/k?torrent', headers: { connection: 'close' } }));
  const text = await raw.closed();
  expect(text).toContain('application/x-bittorrent');
  expect(text).toContain('3\r\nd8:\r\n8\r\nannounce\r\n0\r\n');
});

describe('an operation that only the UFS can do', () => {
  /** What reaches the UFS, which answers as told. */
  function recorded(answer: { readonly status: number; readonly text?: string }): UfsForward[] {
    const requests: UfsForward[] = [];
    gateway.ufsOf(mount).forward = async (request) => {
      requests.push(request);
      return {
        status: answer.status,
        headers: [['x-amz-restore-output-path', 'there']],
        body: (async function* () {
          if (answer.text !== undefined) yield Buffer.from(answer.text);
        })(),
      };
    };
    return requests;
  }

  it('is passed on whole: a restore of a version, behind a fence', async () => {
    const requests = recorded({ status: 202 });
    gateway.home.fences.length = 0;
    const answer = await s3.send(
      new RestoreObjectCommand({ Bucket, Key: 'k', VersionId: 'v1', RestoreRequest: { Days: 3 } }),
    );
    expect(answer.$metadata.httpStatusCode).toBe(202);
    expect(answer.RestoreOutputPath).toBe('there');
    expect(requests).toMatchObject([
      {
        method: 'POST',
        effect: 'write',
        key: 'k',
        query: [
          ['restore', ''],
          ['versionId', 'v1'],
        ],
      },
    ]);
    expect(Buffer.from(requests[0]!.body!).toString()).toContain('<Days>3</Days>');
    const names = requests[0]!.headers.map(([name]) => name);
    expect(names.some((name) => name === 'content-md5' || name.startsWith('x-amz-checksum-'))).toBe(true);
    expect(gateway.home.fences.map(({ event }) => event)).toEqual(['begin', 'end']);
  });

  it('is refused where a restore would write what it finds elsewhere, past mounts and policies', async () => {
    const requests = recorded({ status: 202 });
    const S3 = { BucketName: 'other', Prefix: 'stolen/' };
    for (const RestoreRequest of [{ Type: 'SELECT' }, { Days: 1, OutputLocation: { S3 } }] as const) {
      const restore = s3.send(new RestoreObjectCommand({ Bucket, Key: 'k', RestoreRequest }));
      await expect(restore).rejects.toMatchObject({ name: 'NotImplemented' });
    }
    expect(requests).toEqual([]);
  });

  it('is passed on whole: a query of an object’s content, its events as they come, without a fence', async () => {
    const requests = recorded({ status: 200, text: 'events' });
    gateway.home.fences.length = 0;
    const raw = await RawClient.open(gateway.port);
    const body = '<SelectObjectContentRequest/>';
    const headers = { 'content-length': String(body.length), connection: 'close' };
    const target = '/lake/k?select&select-type=2';
    raw.send(signedHead({ method: 'POST', target, headers, payload: sha256Hex(body) }) + body);
    expect(await raw.closed()).toContain('6\r\nevents\r\n0\r\n');
    expect(requests).toMatchObject([
      {
        method: 'POST',
        effect: 'read',
        query: [
          ['select', ''],
          ['select-type', '2'],
        ],
      },
    ]);
    expect(gateway.home.fences).toEqual([]);
  });

  it('goes on with the client’s own words for S3, and without its signature', async () => {
    const requests = recorded({ status: 200 });
    const raw = await RawClient.open(gateway.port);
    const body = '<Retention/>';
    const headers = {
      'content-length': String(body.length),
      'x-amz-bypass-governance-retention': 'true',
      'x-amz-expected-bucket-owner': '1',
      'x-amz-meta-future': 'kept',
      'x-forwarded-for': '10.0.0.1',
    };
    raw.send(
      signedHead({ method: 'PUT', target: '/lake/k?retention', headers, payload: sha256Hex(body) }) + body,
    );
    expect((await raw.answer()).status).toBe(200);
    raw.close();
    expect(Object.fromEntries(requests[0]!.headers)).toMatchObject({
      'x-amz-bypass-governance-retention': 'true',
      'x-amz-expected-bucket-owner': '1',
      'x-amz-meta-future': 'kept',
    });
    const names = requests[0]!.headers.map(([name]) => name);
    expect(names).not.toContain('authorization');
    expect(names).not.toContain('x-forwarded-for');
  });
});
