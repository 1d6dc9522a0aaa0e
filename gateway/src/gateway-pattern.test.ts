import {
  CreateBucketCommand,
  DeleteBucketCommand,
  GetBucketLocationCommand,
  GetObjectCommand,
  HeadBucketCommand,
  ListBucketsCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { ForebayError, UfsAnswerError } from '@forebay/core/errors';
import { MountTable } from '@forebay/core/mount';
import { parseMount } from '@forebay/core/mount-uri';
import type { UfsService } from '@forebay/ufs/ufs-service';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { startTestGateway, type TestGateway, testAccessKey, testSecretKey } from './testing/test-gateway.ts';
import { testMount } from './testing/test-mount.ts';

const pattern = parseMount('/{bucket}=s3://{bucket}?endpoint=http://127.0.0.1:1', {
  pageSizeBytes: 1024 * 1024,
  createdAtMs: 0,
});
const plain = { headers: [], body: undefined };
let gateway: TestGateway;
let service: UfsService;
let s3: S3Client;

async function start(mounts: Parameters<typeof startTestGateway>[0]): Promise<void> {
  gateway = await startTestGateway(mounts);
  service = gateway.service;
  s3 = new S3Client({
    endpoint: gateway.endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId: testAccessKey, secretAccessKey: testSecretKey },
    maxAttempts: 1,
  });
}

beforeEach(() => start([pattern, testMount({ bucket: 'literal' })]));
afterEach(async () => {
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

it('remembers the CORS rules of each bucket, whichever is asked for between', async () => {
  const buckets = ['one', 'two'];
  for (const Bucket of buckets) await s3.send(new CreateBucketCommand({ Bucket }));
  for (const bucket of [...buckets, ...buckets]) {
    const headers = { origin: 'https://a.example', 'access-control-request-method': 'GET' };
    expect((await fetch(`${gateway.endpoint}/${bucket}/k`, { method: 'OPTIONS', headers })).status).toBe(403);
  }
  for (const bucket of buckets) {
    const { mount } = new MountTable([pattern]).resolve(bucket, 'k')!;
    expect(gateway.ufsOf(mount).countOf('forward'), bucket).toBe(1);
  }
});

describe('CreateBucket', () => {
  it('hands headers and document to the store, and tells where the bucket is', async () => {
    const created = vi.spyOn(service, 'createBucket');
    const CreateBucketConfiguration = { LocationConstraint: 'eu-central-1' } as const;
    const answer = await s3.send(
      new CreateBucketCommand({
        Bucket: 'fresh',
        ACL: 'private',
        GrantRead: 'id=1',
        ObjectLockEnabledForBucket: true,
        ObjectOwnership: 'BucketOwnerEnforced',
        CreateBucketConfiguration,
      }),
    );
    expect(answer.Location).toBe('/fresh');
    const [name, { headers, body }] = created.mock.calls[0]!;
    expect(name).toBe('fresh');
    expect(Object.fromEntries(headers)).toEqual({
      'x-amz-acl': 'private',
      'x-amz-bucket-object-lock-enabled': 'true',
      'x-amz-grant-read': 'id=1',
      'x-amz-object-ownership': 'BucketOwnerEnforced',
    });
    expect(Buffer.from(body!).toString()).toContain('<LocationConstraint>eu-central-1</LocationConstraint>');
  });

  it('voids what was known only where a bucket was made, or may have been', async () => {
    const fences = () =>
      gateway.home.fences.splice(0).map(({ event, keys, outcome }) => [event, ...keys, outcome]);
    await s3.send(new CreateBucketCommand({ Bucket: 'fresh' }));
    expect(fences()).toEqual([['end', '/fresh', 'known']]);
    expect(await failure(s3.send(new CreateBucketCommand({ Bucket: 'fresh' })))).toEqual([
      'BucketAlreadyOwnedByYou',
      409,
    ]);
    expect(fences()).toEqual([]);
    vi.spyOn(service, 'createBucket').mockRejectedValue(new ForebayError('state-unknown', 'no answer'));
    expect(await failure(s3.send(new CreateBucketCommand({ Bucket: 'other' })))).toEqual([
      'InternalError',
      500,
    ]);
    expect(fences()).toEqual([['end', '/other', 'unknown']]);
  });

  it('is refused where a literal mount has the name, the pattern is read-only, or there is none', async () => {
    expect(await failure(s3.send(new CreateBucketCommand({ Bucket: 'literal' })))).toEqual([
      'BucketAlreadyOwnedByYou',
      409,
    ]);
    const refused = ['AccessDenied', 403];
    for (const mounts of [[{ ...pattern, readOnly: true }], [testMount({ bucket: 'literal' })]]) {
      await gateway.close();
      await start(mounts);
      expect(await failure(s3.send(new CreateBucketCommand({ Bucket: 'fresh' })))).toEqual(refused);
      expect((await service.listBuckets({ prefix: '' })).buckets).toEqual([]);
    }
  });
});

describe('DeleteBucket', () => {
  it('fences every key of the bucket from before the store hears of it until it answered', async () => {
    await service.createBucket('fresh', plain);
    const order: string[] = [];
    const deleteBucket = service.deleteBucket.bind(service);
    vi.spyOn(service, 'deleteBucket').mockImplementation(async (...args) => {
      order.push(gateway.home.fences.map(({ event }) => event).join());
      return deleteBucket(...args);
    });
    const answer = await s3.send(new DeleteBucketCommand({ Bucket: 'fresh', ExpectedBucketOwner: '123' }));
    expect(answer.$metadata.httpStatusCode).toBe(204);
    expect(order).toEqual(['begin']);
    expect(gateway.home.fences.map(({ event, keys, outcome }) => [event, ...keys, outcome])).toEqual([
      ['begin', '/fresh', undefined],
      ['end', '/fresh', 'known'],
    ]);
    expect(vi.mocked(service.deleteBucket).mock.calls).toEqual([
      ['fresh', { headers: [['x-amz-expected-bucket-owner', '123']] }],
    ]);
    expect(await failure(s3.send(new DeleteBucketCommand({ Bucket: 'fresh' })))).toEqual([
      'NoSuchBucket',
      404,
    ]);
  });

  it('answers no success that the home did not confirm, and sends nothing that it did not let begin', async () => {
    await service.createBucket('fresh', plain);
    gateway.home.failBegin = new ForebayError('overloaded', 'full');
    expect(await failure(s3.send(new DeleteBucketCommand({ Bucket: 'fresh' })))).toEqual(['SlowDown', 503]);
    await service.headBucket('fresh');
    gateway.home.failBegin = undefined;
    gateway.home.failEnd = new Error('away');
    expect(await failure(s3.send(new DeleteBucketCommand({ Bucket: 'fresh' })))).toEqual([
      'InternalError',
      500,
    ]);
  });

  it('is refused for literal mounts, nested ones included, and on a read-only pattern', async () => {
    const nested = testMount({ bucket: 'fresh', keyPrefix: 'in/' });
    for (const mounts of [[pattern, nested], [{ ...pattern, readOnly: true }]]) {
      await gateway.close();
      await start(mounts);
      await service.createBucket('fresh', plain);
      expect(await failure(s3.send(new DeleteBucketCommand({ Bucket: 'fresh' })))).toEqual([
        'AccessDenied',
        403,
      ]);
      await service.headBucket('fresh');
    }
  });
});

describe('a bucket of the pattern', () => {
  it('is there when the store says so, for every request below it', async () => {
    const gone = ['NoSuchBucket', 404];
    const Bucket = 'missing';
    expect(await failure(s3.send(new HeadBucketCommand({ Bucket })))).toEqual(['NotFound', 404]);
    expect(await failure(s3.send(new GetBucketLocationCommand({ Bucket })))).toEqual(gone);
    expect(await failure(s3.send(new ListObjectsV2Command({ Bucket })))).toEqual(gone);
    expect(await failure(s3.send(new ListMultipartUploadsCommand({ Bucket })))).toEqual(gone);
    expect(await failure(s3.send(new GetObjectCommand({ Bucket, Key: 'k' })))).toEqual(gone);
    expect(await failure(s3.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'x' })))).toEqual(gone);
  });

  it('that only nested mounts make has an empty part of the pattern', async () => {
    await gateway.close();
    await start([pattern, testMount({ bucket: 'half', keyPrefix: 'in/' })]);
    const Bucket = 'half';
    await s3.send(new PutObjectCommand({ Bucket, Key: 'in/key', Body: 'x' }));
    for (const query of [{}, { Delimiter: '/' }, { Prefix: 'i' }]) {
      expect((await s3.send(new ListObjectsV2Command({ Bucket, ...query }))).KeyCount).toBe(1);
    }
    expect((await s3.send(new ListMultipartUploadsCommand({ Bucket }))).Uploads ?? []).toEqual([]);
    expect((await s3.send(new HeadBucketCommand({ Bucket }))).BucketRegion).toBe('us-east-1');
    expect((await s3.send(new GetBucketLocationCommand({ Bucket }))).LocationConstraint).toBeUndefined();
    expect(await failure(s3.send(new PutObjectCommand({ Bucket, Key: 'out', Body: 'x' })))).toEqual([
      'NoSuchBucket',
      404,
    ]);
  });

  it('refused by its store still tells its region', async () => {
    const answer = { status: 403, code: 'AccessDenied', message: 'no' };
    vi.spyOn(service, 'headBucket').mockRejectedValueOnce(new UfsAnswerError(answer));
    const signed = await s3.send(new HeadBucketCommand({ Bucket: 'theirs' })).catch((error) => error);
    expect(signed.$metadata.httpStatusCode).toBe(403);
    expect(signed.$response.headers['x-amz-bucket-region']).toBe('us-east-1');
  });

  it('is asked whose it is where the client says whose it must be', async () => {
    await service.createBucket('mine', plain);
    const asked = vi.spyOn(service, 'headBucket');
    const owner = { Bucket: 'mine', ExpectedBucketOwner: '123' };
    await s3.send(new HeadBucketCommand(owner));
    await s3.send(new ListObjectsV2Command(owner));
    await s3.send(new ListMultipartUploadsCommand(owner));
    const headers = [['x-amz-expected-bucket-owner', '123']];
    expect(asked.mock.calls.map(([, request]) => request?.headers)).toEqual([headers, headers, headers]);
    await s3.send(new ListObjectsV2Command({ Bucket: 'mine' }));
    expect(asked.mock.calls).toHaveLength(3);
  });
});

describe('ListBuckets', () => {
  it('merges the store with the literal mounts, which win, by name and without odd names', async () => {
    for (const name of ['zebra', 'literal', 'Odd_Name', 'abc']) await service.createBucket(name, plain);
    const { Buckets } = await s3.send(new ListBucketsCommand({}));
    expect(Buckets?.map(({ Name }) => Name)).toEqual(['abc', 'literal', 'zebra']);
    const literal = Buckets?.find(({ Name }) => Name === 'literal');
    expect(literal?.CreationDate).toEqual(new Date('2026-01-02T03:04:05Z'));
    expect(Buckets?.[0]?.CreationDate?.getTime()).toBeGreaterThan(Date.UTC(2026, 1));
  });

  it('goes page by page with tokens that say where, and filters by prefix and region', async () => {
    for (let index = 0; index < 10; index += 1) await service.createBucket(`a-${index}`, plain);
    const names: (string | undefined)[] = [];
    let ContinuationToken: string | undefined;
    do {
      const page = await s3.send(new ListBucketsCommand({ MaxBuckets: 3, ContinuationToken }));
      names.push(...(page.Buckets ?? []).map(({ Name }) => Name));
      ContinuationToken = page.ContinuationToken;
    } while (ContinuationToken);
    expect(names).toEqual([...Array.from({ length: 10 }, (_, index) => `a-${index}`), 'literal']);
    const some = await s3.send(new ListBucketsCommand({ Prefix: 'l', BucketRegion: 'us-east-1' }));
    expect(some).toMatchObject({ Prefix: 'l', Buckets: [{ Name: 'literal', BucketRegion: 'us-east-1' }] });
    expect((await s3.send(new ListBucketsCommand({ BucketRegion: 'eu-west-1' }))).Buckets ?? []).toEqual([]);
  });

  it('is the only thing at the root', async () => {
    const [head, post] = await Promise.all(
      ['HEAD', 'POST'].map((method) => fetch(`${gateway.endpoint}/`, { method })),
    );
    expect([head?.status, post?.status, head?.headers.get('allow')]).toEqual([405, 405, 'GET']);
    expect(await post?.text()).toMatch(/<Method>POST<\/Method><ResourceType>SERVICE<\/ResourceType>/);
  });
});
