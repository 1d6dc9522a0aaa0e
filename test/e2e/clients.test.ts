/**
 * Stock clients before a cached bucket: they read and write exact bytes, what was read once costs the UFS
 * nothing while it is fresh, and one HEAD per object after that. Everything that reaches the UFS passes a
 * counting proxy.
 */
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readsOf, untilStale } from '../support/admin.ts';
import { aws, tryAws } from '../support/aws.ts';
import { type CountingProxy, startCountingProxy } from '../support/counting-proxy.ts';
import { type ForebayProcess, s3Mount, startForebay } from '../support/forebay-process.ts';
import type { RecordedRequest } from '../support/proxy-rules.ts';
import { runPython } from '../support/python.ts';
import { fileOf, type S3Server, startVersitygw } from '../support/servers.ts';
import { tempDir } from '../support/temp.ts';
import { needs } from '../support/tools.ts';

const mebibyte = 1024 * 1024;
const domain = 's3.forebay.test';

describe('stock clients before a cached bucket', await needs('versitygw', 'python'), () => {
  const home = tempDir('clients');
  let server: S3Server;
  let proxy: CountingProxy;
  let forebay: ForebayProcess;

  beforeAll(async () => {
    server = await startVersitygw();
    await server.createBucket('lake');
    proxy = await startCountingProxy({ target: server });
    const { mount: lake, env } = s3Mount('/lake', proxy, 'lake');
    const { mount: brief } = s3Mount('/brief', proxy, 'lake');
    const mounts = [`${lake}&ttl=1h`, `${brief}&ttl=2s`];
    forebay = await startForebay({ mounts, flags: ['--domain', domain], env });
  });
  afterAll(async () => {
    await forebay?.remove();
    await proxy?.stop();
    await server?.stop();
  });

  /** What reached the UFS while the work ran, listings apart, and how its reads were answered. */
  async function counted<Result>(work: () => Promise<Result>): Promise<Counted<Result>> {
    const before = await readsOf(forebay);
    proxy.reset();
    const result = await work();
    await proxy.idle();
    const after = Object.entries(await readsOf(forebay));
    return {
      result,
      requests: proxy.requests.filter(({ query }) => !query.includes('list-type=')),
      listings: proxy.count(({ query }) => query.includes('list-type=')),
      reads: Object.fromEntries(
        after
          .map(([cache, count]) => [cache, count - (before[cache] ?? 0)] as const)
          .filter(([, n]) => n > 0),
      ),
    };
  }

  describe('the AWS command line', () => {
    it('copies a file of 200 MB up and down, and down again without the UFS', async () => {
      const body = randomBytes(200_000_000);
      writeFileSync(join(home, 'up'), body);
      const copy = (from: string, to: string) => () =>
        aws(forebay, ['s3', 'cp', '--only-show-errors', from, to], home);
      const up = await counted(copy('up', 's3://lake/large'));
      const partCount = Math.ceil(body.length / (8 * mebibyte));
      expect(methodsOf(up)).toEqual({ POST: 2, PUT: partCount });
      expect(sha256(readFileSync(fileOf(server, 'lake', 'large')))).toBe(sha256(body));

      const cold = await counted(copy('s3://lake/large', 'cold'));
      expect(sha256(readFileSync(join(home, 'cold')))).toBe(sha256(body));
      expect(bytesOf(cold)).toBe(body.length);
      expect(methodsOf(cold)).toEqual({ HEAD: 1, GET: partCount });

      const warm = await counted(copy('s3://lake/large', 'warm'));
      expect(sha256(readFileSync(join(home, 'warm')))).toBe(sha256(body));
      expect(warm).toMatchObject({ requests: [], listings: 0 });
      expect(Object.keys(warm.reads)).toEqual(['HIT']);
    });

    it('syncs 500 files both ways: one UFS request each, then none, then one HEAD each', async () => {
      const files = makeFiles(join(home, 'many'), 500);
      const sync = (from: string, to: string) => () =>
        aws(forebay, ['s3', 'sync', '--only-show-errors', from, to], home);
      const up = await counted(sync('many', 's3://lake/many'));
      expect(methodsOf(up)).toEqual({ PUT: 500 });
      expect(hashesIn(join(server.directory!, 'lake/many'))).toEqual(files);

      const cold = await counted(sync('s3://lake/many', 'many-cold'));
      expect(hashesIn(join(home, 'many-cold'))).toEqual(files);
      expect(methodsOf(cold)).toEqual({ GET: 500 });
      expect(cold.reads).toEqual({ MISS: 500 });

      const warm = await counted(sync('s3://lake/many', 'many-warm'));
      expect(hashesIn(join(home, 'many-warm'))).toEqual(files);
      expect(warm).toMatchObject({ requests: [], reads: { HIT: 500 } });

      await sync('s3://brief/many', 'many-brief')();
      const keys = [...files.keys()].map((name) => `many/${name}`);
      await untilStale(forebay, { bucket: 'brief', keys });
      const stale = await counted(sync('s3://brief/many', 'many-stale'));
      expect(hashesIn(join(home, 'many-stale'))).toEqual(files);
      expect(methodsOf(stale)).toEqual({ HEAD: 500 });
      expect(new Set(stale.requests.map(({ path }) => path)).size).toBe(500);
      expect(stale.reads).toEqual({ REVALIDATED: 500 });
    });

    it('lists and removes what it put', async () => {
      const listed = await aws(forebay, ['s3', 'ls', '--recursive', 's3://lake/many/']);
      const names = [...hashesIn(join(home, 'many')).keys()].map((name) => `many/${name}`);
      expect(listed.trimEnd().split('\n').map(keyOfLine)).toEqual(inKeyOrder(names));
      expect(await aws(forebay, ['s3', 'ls', 's3://lake/many/'])).toContain('PRE folder 1/\n');

      await aws(forebay, ['s3', 'rm', '--only-show-errors', 's3://lake/large']);
      const gone = await tryAws(forebay, ['s3', 'cp', 's3://lake/large', '-']);
      expect(gone).toMatchObject({ code: 1, stderr: expect.stringContaining('404') });
      await aws(forebay, ['s3', 'rm', '--only-show-errors', '--recursive', 's3://lake/many/']);
      expect(await aws(forebay, ['s3', 'ls', '--recursive', 's3://lake/'])).toBe('');
      expect(existsSync(fileOf(server, 'lake', 'many'))).toBe(false);
    });
  });

  describe('boto3', () => {
    it('uploads and downloads 40 MiB in parts, and again without the UFS', async () => {
      const body = randomBytes(40 * mebibyte);
      writeFileSync(join(home, 'parts'), body);
      const up = await counted(() =>
        runPython(forebay, `s3.upload_file(args, 'lake', 'parts')`, join(home, 'parts')),
      );
      expect(methodsOf(up)).toEqual({ POST: 2, PUT: 5 });
      expect(sha256(readFileSync(fileOf(server, 'lake', 'parts')))).toBe(sha256(body));
      const download = (bucket: string) => () =>
        runPython(
          forebay,
          `
          s3.download_file(args['bucket'], 'parts', args['to'])
          result = sha256(open(args['to'], 'rb').read())
          `,
          { bucket, to: join(home, 'parts-down') },
        );
      const cold = await counted(download('lake'));
      expect(cold.result).toBe(sha256(body));
      expect(bytesOf(cold)).toBe(body.length);
      expect(methodsOf(cold)).toEqual({ HEAD: 1, GET: 5 });
      const warm = await counted(download('lake'));
      expect(warm).toMatchObject({ result: sha256(body), requests: [] });
      expect(Object.keys(warm.reads)).toEqual(['HIT']);
    });

    const readAll = `
      bucket, result = args, []
      def read(key, **options):
          answer = s3.get_object(Bucket=bucket, Key=key, **options)
          headers = answer['ResponseMetadata']['HTTPHeaders']
          result.append([headers['x-cache'], headers['x-forebay-pages'], sha256(answer['Body'].read())])
      read('small')
      read('part', Range='bytes=1000000-3999999')
      read('pages')
      headers = s3.head_object(Bucket=bucket, Key='only head')['ResponseMetadata']['HTTPHeaders']
      result.append([headers['x-cache'], None, headers['content-length']])
      `;

    it('reads whole, in part and the head alone: from the UFS, from the cache, then revalidated', async () => {
      const small = randomBytes(10_000);
      const pages = randomBytes(5 * mebibyte + 1);
      const part = pages.subarray(1_000_000, 4_000_000);
      writeFileSync(join(home, 'small'), small);
      writeFileSync(join(home, 'pages'), pages);
      await runPython(
        forebay,
        `
        for key, file in [('small', 'small'), ('only head', 'small'), ('pages', 'pages'), ('part', 'pages')]:
            with open(args + '/' + file, 'rb') as body: s3.put_object(Bucket='lake', Key=key, Body=body)
        `,
        home,
      );
      const answers = (cache: string, pagesHit: readonly string[]) => [
        [cache, pagesHit[0], sha256(small)],
        [cache, pagesHit[1], sha256(part)],
        [cache, pagesHit[2], sha256(pages)],
        [cache, null, String(small.length)],
      ];
      const read = (bucket: string) => counted(() => runPython(forebay, readAll, bucket));

      const cold = await read('lake');
      expect(cold.result).toEqual(answers('MISS', ['0/1', '0/4', '0/6']));
      expect(cold.requests.slice(-1)).toMatchObject([{ method: 'HEAD', path: '/lake/only%20head' }]);
      expect(methodsOf(cold)).toEqual({ GET: 3, HEAD: 1 });
      const warm = await read('lake');
      expect(warm.result).toEqual(answers('HIT', ['1/1', '4/4', '6/6']));
      expect(warm.requests).toEqual([]);
      await read('brief');
      const keys = ['small', 'part', 'pages', 'only head'];
      await untilStale(forebay, { bucket: 'brief', keys });
      const stale = await read('brief');
      expect(stale.result).toEqual(answers('REVALIDATED', ['1/1', '4/4', '6/6']));
      expect(stale.requests.map(({ method, path }) => `${method} ${path}`)).toEqual(
        ['small', 'part', 'pages', 'only%20head'].map((key) => `HEAD /lake/${key}`),
      );
    });

    it('lists by pages, copies, and deletes many at once', async () => {
      const result = await runPython(
        forebay,
        `
        keys = [f'list/{n:03}' for n in range(25)]
        for key in keys: s3.put_object(Bucket='lake', Key=key, Body=key.encode())
        pages = list(s3.get_paginator('list_objects_v2').paginate(
            Bucket='lake', Prefix='list/', PaginationConfig={'PageSize': 10}))
        old = list(s3.get_paginator('list_objects').paginate(
            Bucket='lake', Prefix='list/', PaginationConfig={'PageSize': 10}))
        listed = [entry['Key'] for page in pages for entry in page['Contents']]
        s3.copy_object(Bucket='lake', Key='list/copy', CopySource={'Bucket': 'lake', 'Key': 'list/007'})
        copies = [s3.get_object(Bucket='lake', Key='list/copy') for _ in range(2)]
        gone = s3.delete_objects(Bucket='lake', Delete={'Objects': [{'Key': key} for key in keys]})
        left = s3.list_objects_v2(Bucket='lake', Prefix='list/')
        result = {
            'same': listed == keys and listed == [entry['Key'] for page in old for entry in page['Contents']],
            'sizes': [page['KeyCount'] for page in pages],
            'copies': [[copy['ResponseMetadata']['HTTPHeaders']['x-cache'], copy['Body'].read().decode()]
                       for copy in copies],
            'deleted': len(gone['Deleted']), 'errors': gone.get('Errors', []),
            'left': [entry['Key'] for entry in left['Contents']],
        }
        `,
      );
      expect(result).toEqual({
        same: true,
        sizes: [10, 10, 5],
        copies: [
          ['MISS', 'list/007'],
          ['HIT', 'list/007'],
        ],
        deleted: 25,
        errors: [],
        left: ['list/copy'],
      });
    });

    it('signs links of both kinds, for upload and for download', async () => {
      const result = await runPython<Record<string, unknown>>(
        forebay,
        `
        import urllib3
        def fetch(method, url, body=None):
            answer = urllib3.request(method, url, body=body, retries=False)
            if answer.status != 200: raise Exception(answer.data)
            return answer.headers.get('x-cache'), answer.data
        v4 = boto3.client('s3', config=Config(signature_version='s3v4', s3={'addressing_style': 'path'}))
        result = {}
        for name, client in {'default': s3, 'v4': v4}.items():
            params = {'Bucket': 'lake', 'Key': 'link & ' + name}
            up = client.generate_presigned_url('put_object', Params=params)
            down = client.generate_presigned_url('get_object', Params=params)
            fetch('PUT', up, name.encode() * 1000)
            cold, warm = fetch('GET', down), fetch('GET', down)
            result[name] = {'v4': 'X-Amz-Signature=' in down, 'cache': [cold[0], warm[0]],
                            'same': cold[1] == warm[1] == name.encode() * 1000}
        `,
      );
      expect(result).toEqual({
        default: { v4: false, cache: ['MISS', 'HIT'], same: true },
        v4: { v4: true, cache: ['MISS', 'HIT'], same: true },
      });
    });

    it('names the bucket in the host', async () => {
      const result = await runPython(
        forebay,
        `
        import socket
        resolve = socket.getaddrinfo
        socket.getaddrinfo = lambda host, *rest, **named: resolve(
            '127.0.0.1' if host.endswith('${domain}') else host, *rest, **named)
        hosts = []
        client = boto3.client('s3', endpoint_url=args, config=Config(s3={'addressing_style': 'virtual'}))
        client.meta.events.register('before-send.s3', lambda request, **_: hosts.append(request.url))
        client.put_object(Bucket='lake', Key='virtual//key', Body=b'by host')
        body = client.get_object(Bucket='lake', Key='virtual//key')['Body'].read().decode()
        again = client.get_object(Bucket='lake', Key='virtual//key')['ResponseMetadata']['HTTPHeaders']
        client.delete_object(Bucket='lake', Key='virtual//key')
        result = [body, again['x-cache'], [url.split('?')[0] for url in hosts]]
        `,
        `http://${domain}:${new URL(forebay.endpoint).port}`,
      );
      const url = `http://lake.${domain}:${new URL(forebay.endpoint).port}/virtual//key`;
      expect(result).toEqual(['by host', 'HIT', [url, url, url, url]]);
    });
  });

  describe('the AWS SDK for JavaScript', () => {
    let client: S3Client;
    const caches: (string | undefined)[] = [];
    beforeAll(() => {
      client = stockClient(forebay, caches);
    });
    afterAll(() => client?.destroy());

    /** Its sha256 and x-cache. */
    async function get(bucket: string, key: string): Promise<readonly [string, string | undefined]> {
      const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
      return [sha256(await Body!.transformToByteArray()), caches.at(-1)];
    }

    it('puts from memory, from a stream and in parts, and reads each cold, warm and revalidated', async () => {
      const buffer = randomBytes(3 * mebibyte);
      const stream = randomBytes(6 * mebibyte);
      const parts = [randomBytes(5 * mebibyte), randomBytes(1000)];
      await client.send(new PutObjectCommand({ Bucket: 'lake', Key: 'sdk/buffer', Body: buffer }));
      const Body = Readable.from(slices(stream, 100_000));
      const put = { Bucket: 'lake', Key: 'sdk/stream', Body, ContentLength: stream.length };
      await client.send(new PutObjectCommand(put));
      await multipart(client, { Bucket: 'lake', Key: 'sdk/parts' }, parts);
      const bodies = { 'sdk/buffer': buffer, 'sdk/stream': stream, 'sdk/parts': Buffer.concat(parts) };
      const keys = Object.keys(bodies);
      const read = (bucket: string) =>
        counted(async () => {
          const answers = [];
          for (const key of keys) answers.push(await get(bucket, key));
          return answers;
        });
      const answers = (cache: string) => Object.values(bodies).map((body) => [sha256(body), cache]);

      const cold = await read('lake');
      expect(cold.result).toEqual(answers('MISS'));
      expect(methodsOf(cold)).toEqual({ GET: 3 });
      expect(bytesOf(cold)).toBe(Object.values(bodies).reduce((sum, body) => sum + body.length, 0));
      expect(await read('lake')).toMatchObject({ result: answers('HIT'), requests: [] });
      await read('brief');
      await untilStale(forebay, { bucket: 'brief', keys });
      const stale = await read('brief');
      expect(stale.result).toEqual(answers('REVALIDATED'));
      expect(stale.requests.map(({ method, path }) => `${method} ${path}`)).toEqual(
        keys.map((key) => `HEAD /lake/${key}`),
      );
      const list = await client.send(new ListObjectsV2Command({ Bucket: 'lake', Prefix: 'sdk/' }));
      expect(list.Contents!.map(({ Key, Size }) => [Key, Size])).toEqual(
        inKeyOrder(keys).map((key) => [key, bodies[key as keyof typeof bodies].length]),
      );
    });
  });

  it('leaves no complaint in the log, and ends in good order', async () => {
    expect(await forebay.stop()).toBe(0);
    expect(forebay.log()).toContain('"msg":"stopped"');
    expect(forebay.log().match(/^\{"level":"(warn|error|fatal)".*$/gm)).toBeNull();
  });
});

interface Counted<Result> {
  readonly result: Result;
  readonly requests: readonly RecordedRequest[];
  readonly listings: number;
  /** `{ HIT: 3 }` */
  readonly reads: Readonly<Record<string, number>>;
}

/** `{ GET: 3 }` */
function methodsOf({ requests }: Counted<unknown>): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { method } of requests) counts[method] = (counts[method] ?? 0) + 1;
  return counts;
}

function bytesOf({ requests }: Counted<unknown>): number {
  return requests.reduce((sum, { responseBytes }) => sum + responseBytes, 0);
}

/** Files of up to 20 KB in some folders, and the hash of each by its name. */
function makeFiles(directory: string, count: number): Map<string, string> {
  for (let index = 0; index < count; index += 1) {
    const file = join(directory, `folder ${index % 7}`, `ü+${index}%20.bin`);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, randomBytes((index * 41) % 20_000));
  }
  return hashesIn(directory);
}

function hashesIn(directory: string): Map<string, string> {
  const names = readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1));
  return new Map(inKeyOrder(names).map((name) => [name, sha256(readFileSync(join(directory, name)))]));
}

/** `2026-01-31 12:00:00       1234 key with spaces` */
function keyOfLine(line: string): string {
  return /^\S+ \S+ +\d+ (.*)$/.exec(line)![1]!;
}

function inKeyOrder(keys: readonly string[]): string[] {
  return [...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

/** Stock settings, checksums included; the x-cache of every answer is noted. */
function stockClient(forebay: ForebayProcess, caches: (string | undefined)[]): S3Client {
  const client = new S3Client({
    endpoint: forebay.endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId: forebay.accessKey, secretAccessKey: forebay.secretKey },
  });
  client.middlewareStack.add(
    (next) => async (args) => {
      const done = await next(args);
      const { headers } = done.response as { headers: Record<string, string> };
      caches.push(headers['x-cache']);
      return done;
    },
    { step: 'deserialize', priority: 'low', name: 'noteCache' },
  );
  return client;
}

async function multipart(
  client: S3Client,
  target: { Bucket: string; Key: string },
  bodies: readonly Buffer[],
): Promise<void> {
  const { UploadId } = await client.send(new CreateMultipartUploadCommand(target));
  const Parts = [];
  for (const [index, Body] of bodies.entries()) {
    const part = { ...target, UploadId, PartNumber: index + 1 };
    const { ETag } = await client.send(new UploadPartCommand({ ...part, Body }));
    Parts.push({ PartNumber: index + 1, ETag });
  }
  await client.send(new CompleteMultipartUploadCommand({ ...target, UploadId, MultipartUpload: { Parts } }));
}

function* slices(bytes: Buffer, sizeBytes: number): Generator<Buffer> {
  for (let start = 0; start < bytes.length; start += sizeBytes)
    yield bytes.subarray(start, start + sizeBytes);
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
