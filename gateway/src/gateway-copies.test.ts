import { createHash } from 'node:crypto';
import {
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import { UfsAnswerError } from '@forebay/core/errors';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTestGateway, type TestGateway, testAccessKey, testSecretKey } from './testing/test-gateway.ts';
import { testMount } from './testing/test-mount.ts';

let gateway: TestGateway;
let s3: S3Client;
const lake = testMount({ bucket: 'lake' });
const pond = testMount({ bucket: 'pond' });
/** The same store, seen from a folder. */
const window = testMount({ bucket: 'window', ufsName: 'lake', ufsPrefix: 'dir/' });

beforeAll(async () => {
  gateway = await startTestGateway([lake, pond, window]);
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

/** Counts the bodies of a mount's UFS that are neither read to their end nor returned. */
function watchBodies(ufs: ReturnType<TestGateway['ufsOf']>): () => number {
  const open = new Set<object>();
  const get = ufs.get.bind(ufs);
  ufs.get = async (key, options) => {
    const answer = await get(key, options);
    const pieces = answer.body[Symbol.asyncIterator]();
    open.add(pieces);
    const closed = async () => {
      open.delete(pieces);
      await pieces.return?.();
      return { done: true, value: undefined } as const;
    };
    const next = async () => {
      const piece = await pieces.next();
      return piece.done ? closed() : piece;
    };
    return { ...answer, body: { [Symbol.asyncIterator]: () => ({ next, return: closed }) } };
  };
  return () => open.size;
}

it('closes the source of a copy between stores when the other store refuses before it read a byte', async () => {
  await s3.send(new PutObjectCommand({ Bucket: 'lake', Key: 'a', Body: 'source' }));
  const bodiesOpen = watchBodies(gateway.ufsOf(lake));
  gateway.ufsOf(pond).failNext(2, { methods: ['put', 'uploadPart'] });
  const copy = { Bucket: 'pond', Key: 'b', CopySource: 'lake/a' };
  await expect(s3.send(new CopyObjectCommand(copy))).rejects.toThrow();
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket: 'pond', Key: 'b' }));
  const part = { ...copy, UploadId, PartNumber: 1 };
  await expect(s3.send(new UploadPartCopyCommand(part))).rejects.toThrow();
  expect(bodiesOpen()).toBe(0);
  await s3.send(new CopyObjectCommand(copy));
  expect(bodiesOpen()).toBe(0);
});

it('takes a plus in the name of the source for a space, as S3 does', async () => {
  await s3.send(new PutObjectCommand({ Bucket: 'lake', Key: 'a b+c', Body: 'source' }));
  const copy = (CopySource: string) =>
    s3.send(new CopyObjectCommand({ Bucket: 'lake', Key: 'd', CopySource }));
  for (const encoded of ['lake/a+b%2Bc', 'lake/a%20b%2Bc']) await copy(encoded);
  await expect(copy('lake/a%20b+c')).rejects.toThrow('The specified key does not exist');
});

it('copies a part between stores only where its range lies in the source and is what the store sends', async () => {
  await s3.send(new PutObjectCommand({ Bucket: 'lake', Key: 'a', Body: 'source' }));
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket: 'pond', Key: 'b' }));
  const copy = (CopySourceRange: string) => {
    const part = { Bucket: 'pond', Key: 'b', CopySource: 'lake/a', UploadId, PartNumber: 1, CopySourceRange };
    return s3.send(new UploadPartCopyCommand(part));
  };
  const outside = 'Range specified is not valid for source object of size: 6';
  for (const range of ['bytes=6-7', 'bytes=99-100', 'bytes=2-6']) {
    await expect(copy(range)).rejects.toMatchObject({ name: 'InvalidArgument', message: outside });
  }
  await copy('bytes=2-5');
  const ufs = gateway.ufsOf(lake);
  const get = ufs.get.bind(ufs);
  ufs.get = (key) => get(key);
  const bodiesOpen = watchBodies(ufs);
  await expect(copy('bytes=2-5')).rejects.toMatchObject({ name: 'ServiceUnavailable' });
  expect(bodiesOpen()).toBe(0);
  ufs.get = get;
});

it('carries tags and the checksum of the source from one store to another', async () => {
  const source = { Bucket: 'lake', Key: 'tagged', Body: 'text', Tagging: 'a=1&b=x%20y' };
  await s3.send(new PutObjectCommand({ ...source, ChecksumAlgorithm: 'SHA256' }));
  const target = { Bucket: 'pond', Key: 'tagged' };
  await s3.send(new CopyObjectCommand({ ...target, CopySource: 'lake/tagged' }));
  const { TagSet } = await s3.send(new GetObjectTaggingCommand(target));
  expect(TagSet).toEqual([
    { Key: 'a', Value: '1' },
    { Key: 'b', Value: 'x y' },
  ]);
  const head = await s3.send(new HeadObjectCommand({ ...target, ChecksumMode: 'ENABLED' }));
  const sha256 = createHash('sha256').update('text').digest('base64');
  expect(head.ChecksumSHA256).toBe(sha256);
});

it('makes the checksum that a copy between stores asks for', async () => {
  const body = 'text of a copy';
  await s3.send(
    new PutObjectCommand({ Bucket: 'lake', Key: 'summed', Body: body, ChecksumAlgorithm: 'CRC32' }),
  );
  const target = { Bucket: 'pond', Key: 'summed' };
  const copy = { ...target, CopySource: 'lake/summed', ChecksumAlgorithm: 'SHA256' } as const;
  const { CopyObjectResult } = await s3.send(new CopyObjectCommand(copy));
  const sha256 = createHash('sha256').update(body).digest('base64');
  expect(CopyObjectResult?.ChecksumSHA256).toBe(sha256);
  const head = await s3.send(new HeadObjectCommand({ ...target, ChecksumMode: 'ENABLED' }));
  expect([head.ChecksumSHA256, head.ChecksumCRC32]).toEqual([sha256, undefined]);
});

it('asks the other store whose bucket the source is in, where the client says whose it must be', async () => {
  await s3.send(new PutObjectCommand({ Bucket: 'lake', Key: 'owned', Body: 'text' }));
  const refusal = () => new UfsAnswerError({ status: 403, code: 'AccessDenied', message: 'Access Denied' });
  gateway.ufsOf(lake).failNext(1, { methods: ['checkBucket'], error: refusal });
  const copy = { Bucket: 'pond', Key: 'owned', CopySource: 'lake/owned', ExpectedSourceBucketOwner: '1' };
  await expect(s3.send(new CopyObjectCommand(copy))).rejects.toMatchObject({ name: 'AccessDenied' });
  await s3.send(new CopyObjectCommand(copy));
});

it('takes the tags of the request where they replace those of the source', async () => {
  await s3.send(new PutObjectCommand({ Bucket: 'lake', Key: 'tagged', Body: 'text', Tagging: 'a=1' }));
  const target = { Bucket: 'pond', Key: 'replaced' };
  const replacing = { TaggingDirective: 'REPLACE', Tagging: 'c=3' } as const;
  await s3.send(new CopyObjectCommand({ ...target, ...replacing, CopySource: 'lake/tagged' }));
  const { TagSet } = await s3.send(new GetObjectTaggingCommand(target));
  expect(TagSet).toEqual([{ Key: 'c', Value: '3' }]);
});

it('refuses a copy onto itself that changes nothing, by whichever name the object goes', async () => {
  await s3.send(new PutObjectCommand({ Bucket: 'lake', Key: 'dir/self', Body: 'text' }));
  for (const [Bucket, Key, CopySource] of [
    ['lake', 'dir/self', 'lake/dir/self'],
    ['lake', 'dir/self', 'window/self'],
  ] as const) {
    const plain = s3.send(new CopyObjectCommand({ Bucket, Key, CopySource }));
    await expect(plain).rejects.toMatchObject({ name: 'InvalidRequest' });
  }
  const changing = { MetadataDirective: 'REPLACE', Metadata: { a: 'b' } } as const;
  await s3.send(
    new CopyObjectCommand({ Bucket: 'lake', Key: 'dir/self', CopySource: 'lake/dir/self', ...changing }),
  );
  const { Metadata } = await s3.send(new HeadObjectCommand({ Bucket: 'lake', Key: 'dir/self' }));
  expect(Metadata).toEqual({ a: 'b' });
});

it('names the source that is missing as its client did', async () => {
  for (const Bucket of ['lake', 'pond']) {
    const copy = new CopyObjectCommand({ Bucket, Key: 'target', CopySource: 'window/nothing' });
    const error = await s3.send(copy).catch((thrown: unknown) => thrown as { name: string; Key?: string });
    expect([Bucket, error]).toMatchObject([Bucket, { name: 'NoSuchKey', Key: 'nothing' }]);
    const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key: 'target' }));
    const part = { Bucket, Key: 'target', UploadId, PartNumber: 1, CopySource: 'window/nothing' };
    await expect(s3.send(new UploadPartCopyCommand(part))).rejects.toMatchObject({ Key: 'nothing' });
  }
});

it('gives a part that is copied between stores the checksum that its upload owes', async () => {
  await s3.send(new PutObjectCommand({ Bucket: 'lake', Key: 'a', Body: 'source' }));
  const upload = { Bucket: 'pond', Key: 'checked', ChecksumAlgorithm: 'SHA256' } as const;
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand(upload));
  const { Uploads } = await s3.send(new ListMultipartUploadsCommand({ Bucket: 'pond', Prefix: 'checked' }));
  expect(Uploads?.[0]).toMatchObject({ ChecksumAlgorithm: 'SHA256', ChecksumType: 'COMPOSITE' });
  const uploadPart = gateway.ufsOf(pond).uploadPart;
  const trailers: (string | undefined)[] = [];
  gateway.ufsOf(pond).uploadPart = (key, part) => {
    trailers.push(part.trailer?.name);
    return uploadPart(key, part);
  };
  const part = { Bucket: 'pond', Key: 'checked', CopySource: 'lake/a', UploadId, PartNumber: 1 };
  const { CopyPartResult } = await s3.send(new UploadPartCopyCommand(part));
  const digest = createHash('sha256').update('source').digest('base64');
  expect(CopyPartResult).toMatchObject({ ChecksumSHA256: digest });
  expect(trailers).toEqual(['x-amz-checksum-sha256']);
});

const customerKey = (fill: number) => {
  const key = Buffer.alloc(32, fill);
  return { base64: key.toString('base64'), md5: createHash('md5').update(key).digest('base64') };
};

it('reads the source of a copy between stores under the key that its customer gave', async () => {
  await s3.send(new PutObjectCommand({ Bucket: 'lake', Key: 'a', Body: 'source' }));
  const { base64, md5 } = customerKey(1);
  const given = {
    CopySourceSSECustomerAlgorithm: 'AES256',
    CopySourceSSECustomerKey: base64,
    CopySourceSSECustomerKeyMD5: md5,
  };
  const copy = { Bucket: 'pond', Key: 'under-key', CopySource: 'lake/a', ...given };
  // The store encrypts nothing, and says so.
  await expect(s3.send(new CopyObjectCommand(copy))).rejects.toThrow(
    'The encryption parameters are not applicable to this object.',
  );
  const ufs = gateway.ufsOf(lake);
  const get = ufs.get.bind(ufs);
  const asked: unknown[] = [];
  ufs.get = (key, options) => {
    asked.push(options?.headers);
    return get(key, { ...options, headers: [] });
  };
  await s3.send(new CopyObjectCommand(copy));
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket: 'pond', Key: 'parts' }));
  await s3.send(new UploadPartCopyCommand({ ...copy, Key: 'parts', UploadId, PartNumber: 1 }));
  ufs.get = get;
  const name = 'x-amz-server-side-encryption-customer';
  const headers = [
    [`${name}-algorithm`, 'AES256'],
    [`${name}-key`, base64],
    [`${name}-key-md5`, md5],
  ];
  expect(asked.map((list) => [...(list as string[][])].sort())).toEqual([headers, headers]);
});
