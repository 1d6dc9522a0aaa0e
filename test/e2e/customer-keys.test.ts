/**
 * Objects under keys that only their customers have (SSE-C), on a store that really encrypts them: reads,
 * and copies that go through Forebay from one bucket to another.
 */
import { createHash } from 'node:crypto';
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { contentOf, differenceOf, mebibyte } from '../support/content.ts';
import { type ForebayProcess, s3Mount, startForebay } from '../support/forebay-process.ts';
import { type S3Server, startAnyKeyServer } from '../support/servers.ts';
import { needs } from '../support/tools.ts';

function keyOf(fill: number) {
  const key = Buffer.alloc(32, fill);
  return {
    SSECustomerAlgorithm: 'AES256',
    SSECustomerKey: key.toString('base64'),
    SSECustomerKeyMD5: createHash('md5').update(key).digest('base64'),
  };
}

const asSource = (key: ReturnType<typeof keyOf>) => ({
  CopySourceSSECustomerAlgorithm: key.SSECustomerAlgorithm,
  CopySourceSSECustomerKey: key.SSECustomerKey,
  CopySourceSSECustomerKeyMD5: key.SSECustomerKeyMD5,
});

describe('objects under customer keys', await needs('radosgw'), () => {
  const content = contentOf(1, 6 * mebibyte + 3);
  const [first, second] = [keyOf(1), keyOf(2)];
  let server: S3Server;
  let forebay: ForebayProcess;
  let s3: S3Client;

  beforeAll(async () => {
    server = await startAnyKeyServer();
    const mounts = [];
    let env = {};
    for (const bucket of ['lake', 'pond']) {
      await server.createBucket(bucket);
      const made = s3Mount(`/${bucket}`, server, bucket);
      mounts.push(made.mount);
      env = { ...env, ...made.env };
    }
    forebay = await startForebay({ mounts, env });
    s3 = new S3Client({
      endpoint: forebay.endpoint,
      region: 'us-east-1',
      forcePathStyle: true,
      credentials: { accessKeyId: forebay.accessKey, secretAccessKey: forebay.secretKey },
      maxAttempts: 1,
    });
    await s3.send(new PutObjectCommand({ Bucket: 'lake', Key: 'secret', Body: content, ...first }));
  });
  afterAll(async () => {
    s3?.destroy();
    await forebay?.remove();
    await server?.stop();
  });

  async function expectContent(key: string, options: object = {}): Promise<void> {
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: 'pond', Key: key, ...options }));
    expect(differenceOf(Buffer.from(await Body!.transformToByteArray()), content)).toBeUndefined();
  }

  const copy = { Bucket: 'pond', CopySource: 'lake/secret' };

  it('are copied out of one bucket into another, to no key or to another one', async () => {
    await s3.send(new CopyObjectCommand({ ...copy, Key: 'plain', ...asSource(first) }));
    await expectContent('plain');
    await s3.send(new CopyObjectCommand({ ...copy, Key: 'other', ...asSource(first), ...second }));
    await expectContent('other', second);
    await expect(expectContent('other')).rejects.toMatchObject({ $metadata: { httpStatusCode: 400 } });
    await expect(expectContent('other', first)).rejects.toMatchObject({ name: /./ });
  });

  it('are copied part by part', async () => {
    const target = { Bucket: 'pond', Key: 'parts' };
    const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ ...target, ...second }));
    const ranges = [`bytes=0-${5 * mebibyte - 1}`, `bytes=${5 * mebibyte}-${content.length - 1}`];
    const Parts = [];
    for (const [index, CopySourceRange] of ranges.entries()) {
      const part = { ...copy, ...target, UploadId, PartNumber: index + 1, CopySourceRange };
      const command = new UploadPartCopyCommand({ ...part, ...asSource(first), ...second });
      const { CopyPartResult } = await s3.send(command);
      Parts.push({ PartNumber: index + 1, ETag: CopyPartResult?.ETag });
    }
    const complete = { ...target, UploadId, MultipartUpload: { Parts } };
    await s3.send(new CompleteMultipartUploadCommand(complete));
    await expectContent('parts', second);
  });

  it.each([
    ['without their key', {}],
    ['under another key', asSource(second)],
  ])('are not copied %s', async (_, given) => {
    const command = new CopyObjectCommand({ ...copy, Key: 'refused', ...given });
    const error = await s3.send(command).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      $metadata: { httpStatusCode: expect.toSatisfy((status) => status < 500) },
    });
    await expect(expectContent('refused')).rejects.toMatchObject({ name: 'NoSuchKey' });
  });
});
