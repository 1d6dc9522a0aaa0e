import { createHash } from 'node:crypto';
import {
  type ChecksumAlgorithm,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chunkedBody } from './testing/chunked-body.ts';
import { RawClient, signedHead } from './testing/raw-client.ts';
import { startTestGateway, type TestGateway, testAccessKey, testSecretKey } from './testing/test-gateway.ts';
import { testMount } from './testing/test-mount.ts';

const lake = testMount({ bucket: 'lake' });
let gateway: TestGateway;
let s3: S3Client;

beforeAll(async () => {
  gateway = await startTestGateway([lake]);
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

const ofHello = [
  ['SHA512', createHash('sha512').update('hello').digest('base64')],
  ['MD5', createHash('md5').update('hello').digest('base64')],
  ['XXHASH64', 'JseCfYifbaM='],
  ['XXHASH3', 'lVXoVVxi3P0='],
  ['XXHASH128', 'tenBrQcbPn/Hec+qXlI4GA=='],
] as const;

describe.each(ofHello)('the checksum %s', (name, value) => {
  const element = `Checksum${name}`;
  const ChecksumAlgorithm = name as ChecksumAlgorithm;

  async function storedUnder(Key: string): Promise<unknown> {
    const head = await s3.send(new HeadObjectCommand({ Bucket: 'lake', Key, ChecksumMode: 'ENABLED' }));
    return (head as unknown as Record<string, unknown>)[element];
  }

  it('is verified in a header, kept by the store and told', async () => {
    const put = (Key: string, Body: string) =>
      s3.send(new PutObjectCommand({ Bucket: 'lake', Key, Body, [element]: value }));
    await put(`header-${name}`, 'hello');
    expect(await storedUnder(`header-${name}`)).toBe(value);
    const wrong = put(`wrong-${name}`, 'jello');
    await expect(wrong).rejects.toMatchObject({ name: 'BadDigest' });
    await expect(storedUnder(`wrong-${name}`)).rejects.toMatchObject({ name: 'NotFound' });
  });

  it('is verified in a trailer, kept by the store and told', async () => {
    const trailer = `x-amz-checksum-${name.toLowerCase()}`;
    const raw = await RawClient.open(gateway.port);
    const put = async (key: string, text: string) => {
      const chunks = [Buffer.from(text)];
      const trailers = [[trailer, value]] as const;
      const body = chunkedBody({ chunks, signing: undefined, trailers, trailer: true });
      const headers = {
        'content-encoding': 'aws-chunked',
        'content-length': String(body.length),
        'x-amz-decoded-content-length': String(text.length),
        'x-amz-trailer': trailer,
      };
      const payload = 'STREAMING-UNSIGNED-PAYLOAD-TRAILER';
      raw.send(signedHead({ method: 'PUT', target: `/lake/${key}`, headers, payload }));
      raw.send(body);
      return raw.answer();
    };
    expect((await put(`trailer-${name}`, 'hello')).status).toBe(200);
    expect(await storedUnder(`trailer-${name}`)).toBe(value);
    expect((await put(`cut-${name}`, 'jello')).body).toContain('<Code>BadDigest</Code>');
    await expect(storedUnder(`cut-${name}`)).rejects.toMatchObject({ name: 'NotFound' });
    raw.close();
  });

  it('may be that of an upload and its parts', async () => {
    const at = { Bucket: 'lake', Key: `parts-${name}` };
    const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ ...at, ChecksumAlgorithm }));
    const part = { ...at, UploadId, PartNumber: 1, Body: 'hello' };
    const wrong = new UploadPartCommand({ ...part, Body: 'jello', [element]: value });
    await expect(s3.send(wrong)).rejects.toMatchObject({ name: 'BadDigest' });
    const { ETag } = await s3.send(new UploadPartCommand({ ...part, [element]: value }));
    const MultipartUpload = { Parts: [{ PartNumber: 1, ETag, [element]: value }] };
    await s3.send(new CompleteMultipartUploadCommand({ ...at, UploadId, MultipartUpload }));
    expect(await storedUnder(at.Key)).toMatch(/-1$/);
  });
});
