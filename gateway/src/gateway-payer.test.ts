import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  ListPartsCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { startTestGateway, type TestGateway, testAccessKey, testSecretKey } from './testing/test-gateway.ts';
import { testMount } from './testing/test-mount.ts';

const lake = { ...testMount({ bucket: 'lake' }), listTtlMs: 60_000 };
const pond = testMount({ bucket: 'pond' });
const payer = 'x-amz-request-payer';
let gateway: TestGateway;
let s3: S3Client;
/** What the stores were asked since, with or without the header. */
let asked: { method: string; paid: boolean }[] = [];

beforeAll(async () => {
  gateway = await startTestGateway([lake, pond]);
  s3 = new S3Client({
    endpoint: gateway.endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId: testAccessKey, secretAccessKey: testSecretKey },
    maxAttempts: 1,
  });
  for (const mount of [lake, pond]) watch(gateway.ufsOf(mount));
});
afterAll(async () => {
  s3.destroy();
  await gateway.close();
});
beforeEach(() => {
  asked = [];
});

function watch(ufs: ReturnType<TestGateway['ufsOf']>): void {
  const methods = ufs as unknown as Record<string, (...args: unknown[]) => unknown>;
  for (const method of [
    ...['get', 'forward', 'list', 'listVersions', 'put', 'delete', 'deleteMany', 'copy', 'createUpload'],
    ...['uploadPart', 'uploadPartCopy', 'completeUpload', 'abortUpload', 'listParts', 'listUploads'],
  ]) {
    const call = methods[method]!;
    methods[method] = (...args) => {
      asked.push({ method, paid: JSON.stringify(args).includes(`["${payer}","requester"]`) });
      return call(...args);
    };
  }
}

const paying = { RequestPayer: 'requester' } as const;
const at = { Bucket: 'lake', Key: 'k', ...paying };

/** Every request that the store got for it says who pays. */
async function expectPaid(sent: Promise<unknown>, ...methods: string[]): Promise<void> {
  await sent;
  expect(asked).toEqual(methods.map((method) => ({ method, paid: true })));
  asked = [];
}

it('who pays for reads, writes and deletions is told to the store', async () => {
  await expectPaid(s3.send(new PutObjectCommand({ ...at, Body: 'text', Tagging: 'a=b' })), 'put');
  await expectPaid(s3.send(new GetObjectCommand(at)), 'forward');
  await expectPaid(s3.send(new HeadObjectCommand(at)), 'forward');
  await expectPaid(s3.send(new GetObjectTaggingCommand(at)), 'forward');
  const within = { ...paying, Bucket: 'lake', Key: 'l', CopySource: 'lake/k' };
  await expectPaid(s3.send(new CopyObjectCommand(within)), 'copy');
  const across = { ...within, Bucket: 'pond' };
  await expectPaid(s3.send(new CopyObjectCommand(across)), 'get', 'forward', 'put');
  const keys = { Objects: [{ Key: 'none' }, { Key: 'l' }] };
  const list = new DeleteObjectsCommand({ Bucket: 'lake', Delete: keys, ...paying });
  await expectPaid(s3.send(list), 'deleteMany');
  await expectPaid(s3.send(new DeleteObjectCommand({ ...at, Key: 'none' })), 'delete');
});

it('who pays for lists is told to the store, which answers each of them', async () => {
  const bucket = { Bucket: 'lake', ...paying };
  for (let time = 0; time < 2; time += 1) {
    await expectPaid(s3.send(new ListObjectsV2Command(bucket)), 'list');
    await expectPaid(s3.send(new ListObjectsCommand(bucket)), 'list');
    await expectPaid(s3.send(new ListObjectVersionsCommand(bucket)), 'listVersions');
    await expectPaid(s3.send(new ListMultipartUploadsCommand(bucket)), 'listUploads');
  }
});

it('who pays for an upload is told to the store at each step', async () => {
  await s3.send(new PutObjectCommand({ ...at, Body: 'text' }));
  asked = [];
  const create = new CreateMultipartUploadCommand({ ...at, Bucket: 'pond' });
  const { UploadId } = await s3.send(create);
  const upload = { ...at, Bucket: 'pond', UploadId };
  const part = { ...upload, PartNumber: 1 };
  const { ETag } = await s3.send(new UploadPartCommand({ ...part, Body: 'text' }));
  await s3.send(new ListPartsCommand(upload));
  await expectPaid(Promise.resolve(), 'createUpload', 'uploadPart', 'listParts');
  // Which checksum the part owes is asked first.
  const copy = new UploadPartCopyCommand({ ...part, CopySource: 'lake/k' });
  await expectPaid(s3.send(copy), 'listParts', 'get', 'uploadPart');
  const MultipartUpload = { Parts: [{ PartNumber: 1, ETag }] };
  await expectPaid(
    s3.send(new CompleteMultipartUploadCommand({ ...upload, MultipartUpload })),
    'completeUpload',
  );
  const other = await s3.send(create);
  asked = [];
  const abort = new AbortMultipartUploadCommand({ ...upload, UploadId: other.UploadId });
  await expectPaid(s3.send(abort), 'abortUpload');
});
