/** Users and their policies, through the whole gateway: who is let in, and what the others hear. */
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { grantPolicy } from '@forebay/core/policy/grants';
import { parsePolicy } from '@forebay/core/policy/policy';
import { User } from '@forebay/core/user';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestGateway, type TestGateway, testAccessKey, testSecretKey } from './testing/test-gateway.ts';
import { testMount } from './testing/test-mount.ts';

const Bucket = 'lake';
const secretKey = 'a-users-secret-key';
const clients = new Map<string, S3Client>();
let gateway: TestGateway;

function userOf(name: string, ...statements: (object | string)[]): User {
  const texts = statements.map((statement) =>
    typeof statement === 'string'
      ? grantPolicy(statement)
      : JSON.stringify({ Version: '2012-10-17', Statement: statement }),
  );
  const policies = texts.map((text) => parsePolicy(text, name));
  return new User({ name, accessKey: `KEY-${name}`, secretKey, policies, createdAtMs: 0 });
}

const allow = (Action: string | string[], Resource: string, Condition?: object) => ({
  Effect: 'Allow',
  Action,
  Resource: Resource === '*' ? '*' : `arn:aws:s3:::${Resource}`,
  ...(Condition && { Condition }),
});
const deny = (Action: string, Resource: string) => ({ ...allow(Action, Resource), Effect: 'Deny' });

const users = [
  userOf('nobody'),
  userOf('reader', 'read:/lake/raw'),
  userOf('blind', allow('s3:GetObject', 'lake/*')),
  userOf('most', allow('s3:*', '*'), deny('s3:GetObject', 'lake/secret/*'), deny('s3:Delete*', 'lake/raw/*')),
  userOf('writer', allow('s3:PutObject', 'lake/tmp/*')),
  userOf(
    'home',
    allow(['s3:GetObject', 's3:PutObject'], 'lake/home/${aws:username}/*'),
    allow('s3:ListBucket', 'lake', { StringLike: { 's3:prefix': 'home/${aws:username}/*' } }),
  ),
  userOf('far', allow('s3:*', '*', { NotIpAddress: { 'aws:SourceIp': '127.0.0.0/8' } })),
  userOf('near', allow('s3:*', '*', { IpAddress: { 'aws:SourceIp': '127.0.0.1' } })),
  userOf('narrow', allow('s3:*', '*', { StringEquals: { 's3:prefix': 'raw/' } })),
  userOf(
    'careful',
    allow(['s3:PutObject', 's3:PutObjectAcl'], 'lake/*', { StringEquals: { 's3:x-amz-acl': 'private' } }),
    {
      ...deny('s3:PutObject', 'lake/*'),
      Condition: { Null: { 's3:x-amz-storage-class': 'true' } },
    },
  ),
  userOf(
    'wary',
    allow('s3:*', 'lake/*', { StringLike: { 's3:x-amz-copy-source': 'lake/*' } }),
    allow(['s3:GetObject', 's3:ListBucket'], '*'),
    {
      ...deny('s3:PutObject', '*'),
      Condition: { StringLike: { 's3:x-amz-copy-source': 'lake/secret/*' } },
    },
  ),
  userOf(
    'copier',
    allow('s3:GetObject', 'lake/raw/*'),
    allow('s3:PutObject', 'lake/tmp/*'),
    allow('s3:PutObject', 'pond/*'),
  ),
];

beforeAll(async () => {
  gateway = await startTestGateway([testMount({ bucket: Bucket }), testMount({ bucket: 'pond' })], { users });
  for (const Key of ['raw/a', 'secret/s', 'home/home/h', 'tmp/t']) {
    await as('root').send(new PutObjectCommand({ Bucket, Key, Body: Key }));
  }
});
afterAll(async () => {
  for (const client of clients.values()) client.destroy();
  await gateway.close();
});

function as(name: string): S3Client {
  const known = clients.get(name);
  if (known) return known;
  const credentials =
    name === 'root'
      ? { accessKeyId: testAccessKey, secretAccessKey: testSecretKey }
      : { accessKeyId: `KEY-${name}`, secretAccessKey: secretKey };
  const client = new S3Client({
    endpoint: gateway.endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials,
    maxAttempts: 1,
  });
  clients.set(name, client);
  return client;
}

/** `ok`, or the error's name and status. */
async function outcome(request: Promise<unknown>): Promise<string> {
  try {
    await request;
    return 'ok';
  } catch (thrown) {
    const error = thrown as { name: string; $metadata?: { httpStatusCode?: number } };
    return `${error.name} ${error.$metadata?.httpStatusCode}`;
  }
}
const get = (name: string, Key: string) => outcome(as(name).send(new GetObjectCommand({ Bucket, Key })));
const list = (name: string, Prefix?: string) =>
  outcome(as(name).send(new ListObjectsV2Command({ Bucket, Prefix })));
const put = (name: string, Key: string, more: object = {}) =>
  outcome(as(name).send(new PutObjectCommand({ Bucket, Key, Body: 'x', ...more })));
const denied = 'AccessDenied 403';

describe('users', () => {
  it('reach what their policies allow and nothing else', async () => {
    expect(await get('reader', 'raw/a')).toBe('ok');
    expect(await get('reader', 'secret/s')).toBe(denied);
    expect(await list('reader', 'raw/')).toBe('ok');
    expect(await list('reader')).toBe(denied);
    expect(await list('reader', 'secret/')).toBe(denied);
    expect(await put('reader', 'raw/a')).toBe(denied);
    expect(await get('nobody', 'raw/a')).toBe(denied);
    expect(await outcome(as('nobody').send(new ListBucketsCommand({})))).toBe(denied);
    expect(await outcome(as('most').send(new ListBucketsCommand({})))).toBe('ok');
  });

  it('are held by a deny, whatever else allows', async () => {
    expect(await get('most', 'raw/a')).toBe('ok');
    expect(await get('most', 'secret/s')).toBe(denied);
    const head = as('most').send(new HeadObjectCommand({ Bucket, Key: 'secret/s' }));
    expect(await outcome(head)).toBe('Unknown 403');
    expect(await outcome(as('most').send(new DeleteObjectCommand({ Bucket, Key: 'raw/a' })))).toBe(denied);
  });

  it('have their name in ${aws:username}', async () => {
    expect(await get('home', 'home/home/h')).toBe('ok');
    expect(await get('home', 'home/other/h')).toBe(denied);
    expect(await list('home', 'home/home/')).toBe('ok');
    expect(await list('home', 'home/')).toBe(denied);
  });

  it('hear of tags and locks in headers only where they may read these', async () => {
    const Tagging = 'a=b&c=d';
    await as('root').send(new PutObjectCommand({ Bucket, Key: 'raw/tags', Body: 'x', Tagging }));
    const tagCount = async (name: string) => {
      const head = await as(name).send(new HeadObjectCommand({ Bucket, Key: 'raw/tags' }));
      const read = await as(name).send(new GetObjectCommand({ Bucket, Key: 'raw/tags' }));
      await read.Body?.transformToByteArray();
      expect(head.TagCount).toBe(read.TagCount);
      return read.TagCount;
    };
    expect(await tagCount('root')).toBe(2);
    expect(await tagCount('reader')).toBe(2);
    expect(await tagCount('blind')).toBeUndefined();
  });

  it('are told that a key is missing only where they could list it', async () => {
    expect(await get('reader', 'raw/none')).toBe('NoSuchKey 404');
    // A client that knows directories asks for the directory itself first.
    expect(await get('reader', 'raw')).toBe('NoSuchKey 404');
    expect(await get('blind', 'raw/none')).toBe(denied);
    expect(await get('blind', 'raw/a')).toBe('ok');
    const head = (name: string) => as(name).send(new HeadObjectCommand({ Bucket, Key: 'raw/none' }));
    expect(await outcome(head('reader'))).toBe('NotFound 404');
    expect(await outcome(head('blind'))).toBe('Unknown 403');
  });

  it('hear of a bucket that is not there, and nothing of one that is', async () => {
    const headBucket = (name: string) => as('nobody').send(new HeadBucketCommand({ Bucket: name }));
    expect(await outcome(headBucket('none'))).toBe('NotFound 404');
    expect(await outcome(headBucket(Bucket))).toBe('Unknown 403');
  });

  it('are judged by the address they come from', async () => {
    expect(await get('near', 'raw/a')).toBe('ok');
    expect(await get('far', 'raw/a')).toBe(denied);
  });

  it('cannot meet a condition with a parameter that the operation ignores', async () => {
    expect(await list('narrow', 'raw/')).toBe('ok');
    const client = as('narrow');
    const command = new GetObjectCommand({ Bucket, Key: 'secret/s' });
    command.middlewareStack.add(
      (next) => (args) => {
        Object.assign((args.request as { query: object }).query, { prefix: 'raw/' });
        return next(args);
      },
      { step: 'build' },
    );
    expect(await outcome(client.send(command))).toBe(denied);
  });
});

describe('writes', () => {
  it('need an action for what their headers ask beside the bytes', async () => {
    expect(await put('writer', 'tmp/x')).toBe('ok');
    expect(await put('writer', 'tmp/x', { Tagging: 'a=b' })).toBe(denied);
    expect(await put('writer', 'tmp/x', { ACL: 'public-read' })).toBe(denied);
    expect(await put('writer', 'tmp/x', { ObjectLockLegalHoldStatus: 'ON' })).toBe(denied);
    const lock = { ObjectLockMode: 'GOVERNANCE', ObjectLockRetainUntilDate: new Date(0) };
    expect(await put('writer', 'tmp/x', lock)).toBe(denied);
    const upload = (more: object) =>
      as('writer').send(new CreateMultipartUploadCommand({ Bucket, Key: 'tmp/x', ...more }));
    expect(await outcome(upload({}))).toBe('ok');
    expect(await outcome(upload({ Tagging: 'a=b' }))).toBe(denied);
  });

  it('may be uploaded in parts under conditions on what the object is to be', async () => {
    const s3 = as('careful');
    const Key = 'tmp/parts';
    const begin = (more: object) => s3.send(new CreateMultipartUploadCommand({ Bucket, Key, ...more }));
    const careful = { ACL: 'private', StorageClass: 'STANDARD' };
    expect(await outcome(begin({ ACL: 'private' }))).toBe(denied);
    expect(await outcome(begin({ ...careful, ACL: 'public-read' }))).toBe(denied);
    expect(await put('careful', Key, careful)).toBe('ok');
    expect(await put('careful', Key)).toBe(denied);
    const { UploadId } = await begin(careful);
    const part = await s3.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber: 1, Body: 'x' }));
    const MultipartUpload = { Parts: [{ PartNumber: 1, ETag: part.ETag }] };
    const complete = new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload });
    expect(await outcome(s3.send(complete))).toBe('ok');
  });

  it('delete the allowed keys of a list, and say which ones were not', async () => {
    await as('root').send(new PutObjectCommand({ Bucket, Key: 'tmp/gone', Body: 'x' }));
    const Objects = [{ Key: 'raw/a' }, { Key: 'tmp/gone' }];
    const answer = await as('most').send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
    expect(answer.Deleted).toMatchObject([{ Key: 'tmp/gone' }]);
    expect(answer.Errors).toEqual([{ Key: 'raw/a', Code: 'AccessDenied', Message: 'Access Denied' }]);
    expect(await get('root', 'raw/a')).toBe('ok');
    expect(await get('root', 'tmp/gone')).toBe('NoSuchKey 404');
  });

  it('copy from what may be read, with its tags only where these may be read too', async () => {
    const copy = (name: string, source: string, more: object = {}) =>
      outcome(as(name).send(new CopyObjectCommand({ Bucket, Key: 'tmp/c', CopySource: source, ...more })));
    const replaced = { TaggingDirective: 'REPLACE' } as const;
    await as('root').send(new PutObjectCommand({ Bucket, Key: 'raw/tagged', Body: 'x', Tagging: 'a=b' }));
    expect(await copy('copier', 'lake/raw/a')).toBe('ok');
    expect(await copy('copier', 'lake/raw/tagged')).toBe(denied);
    expect(await copy('copier', 'lake/raw/tagged', replaced)).toBe('ok');
    expect(await copy('near', 'lake/raw/tagged')).toBe('ok');
    expect(await copy('copier', 'lake/secret/s', replaced)).toBe(denied);
    expect(await copy('copier', 'lake/secret%2Fs', replaced)).toBe(denied);
    expect(await copy('copier', '/lake/raw/none', replaced)).toBe(denied);
    expect(await copy('writer', 'lake/raw/a', replaced)).toBe(denied);
  });

  it('copy under conditions on the source, however it is written', async () => {
    const copy = (CopySource: string) =>
      outcome(as('wary').send(new CopyObjectCommand({ Bucket, Key: 'tmp/c', CopySource })));
    for (const source of ['lake/raw/a', '/lake/raw/a', 'lake%2Fraw%2Fa', 'lake/%72aw/a']) {
      expect(await copy(source), source).toBe('ok');
    }
    for (const source of ['lake/secret/s', '/lake/secret/s', 'lake%2Fsecret%2Fs', 'lake/%73ecret/s']) {
      expect(await copy(source), source).toBe(denied);
    }
    expect(await put('wary', 'tmp/x')).toBe(denied);
  });

  it('copy to another store under the same rights', async () => {
    const copy = (name: string, source: string, more: object = {}) =>
      outcome(
        as(name).send(new CopyObjectCommand({ Bucket: 'pond', Key: 'c', CopySource: source, ...more })),
      );
    await as('root').send(new PutObjectCommand({ Bucket, Key: 'raw/tagged', Body: 'x', Tagging: 'a=b' }));
    expect(await copy('copier', 'lake/raw/a')).toBe('ok');
    expect(await copy('copier', 'lake/raw/tagged')).toBe(denied);
    expect(await copy('copier', 'lake/raw/tagged', { TaggingDirective: 'REPLACE' })).toBe('ok');
    expect(await copy('near', 'lake/raw/tagged')).toBe('ok');
  });
});
