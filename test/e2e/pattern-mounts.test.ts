/**
 * The pattern mount `/{bucket}` over real stores: every bucket of an endpoint under its own name, made,
 * listed and deleted through Forebay, with nothing of a deleted bucket left in the cache.
 */
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { MountView } from '@forebay/registry/admin/status';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { aws, tryAws } from '../support/aws.ts';
import { type CountingProxy, startCountingProxy } from '../support/counting-proxy.ts';
import { type ForebayProcess, s3Mount, startForebay } from '../support/forebay-process.ts';
import { metricsText } from '../support/metrics.ts';
import { mustRun } from '../support/process.ts';
import { runPython } from '../support/python.ts';
import { type S3Endpoint, type S3Server, startAnyKeyServer, startVersitygw } from '../support/servers.ts';
import { tempDir } from '../support/temp.ts';
import { needs } from '../support/tools.ts';

const program = resolve(import.meta.dirname, '../../cli/bin/forebay.js');

/** `code(call)`: the error code and status of a call, or None. */
const helpers = `
def code(call):
    try:
        call()
    except ClientError as error:
        return [error.response['Error']['Code'], error.response['ResponseMetadata']['HTTPStatusCode']]
def names(**query):
    return [bucket['Name'] for bucket in s3.list_buckets(**query)['Buckets']]
def read(bucket, key):
    answer = s3.get_object(Bucket=bucket, Key=key)
    headers = answer['ResponseMetadata']['HTTPHeaders']
    return [answer['Body'].read().decode(), headers['x-cache']]
`;
const python = <Result>(server: S3Endpoint, snippet: string, args: unknown = {}) =>
  runPython<Result>(server, `${helpers}${outdented(snippet)}`, args);

function outdented(text: string): string {
  const lines = text.replace(/^\s*\n/, '').split('\n');
  const indent = /^ */.exec(lines[0] ?? '')![0];
  return lines.map((line) => (line.startsWith(indent) ? line.slice(indent.length) : line)).join('\n');
}

const stores = [
  { name: 'versitygw', start: () => startVersitygw(), location: null },
  { name: 'radosgw', start: () => startAnyKeyServer(), location: 'default' },
] as const;

for (const { name, start, location } of stores) {
  describe(`a pattern mount on ${name}`, await needs(name, 'python'), () => {
    let server: S3Server;
    let proxy: CountingProxy;
    let forebay: ForebayProcess;

    beforeAll(async () => {
      server = await start();
      await server.createBucket('before');
      proxy = await startCountingProxy({ target: server });
      const { mount, env } = s3Mount('/{bucket}', proxy, '{bucket}');
      const directory = tempDir('pattern-literal');
      writeFileSync(join(directory, 'file'), 'literal');
      const literals = [`/literal=file://${directory}`, `/before/inside=file://${directory}`];
      forebay = await startForebay({ mounts: [mount, ...literals], env });
    });
    afterAll(async () => {
      await forebay?.remove();
      await proxy?.stop();
      await server?.stop();
    });

    it('makes, fills, lists and deletes buckets with boto3', async () => {
      const result = await python(
        forebay,
        `
        made = s3.create_bucket(Bucket='fresh')
        s3.put_object(Bucket='fresh', Key='a/b', Body=b'content')
        region = s3.head_bucket(Bucket='fresh')['ResponseMetadata']['HTTPHeaders']
        result = {
            'made': [made['Location'], made['ResponseMetadata']['HTTPStatusCode']],
            'region': [region['x-amz-bucket-region'], region['x-amz-access-point-alias']],
            'location': s3.get_bucket_location(Bucket='fresh')['LocationConstraint'],
            'read': [read('fresh', 'a/b'), read('fresh', 'a/b')],
            'listed': [entry['Key'] for entry in s3.list_objects_v2(Bucket='fresh')['Contents']],
            'names': names(),
            'not empty': code(lambda: s3.delete_bucket(Bucket='fresh')),
            'still': read('fresh', 'a/b')[0],
        }
        s3.delete_object(Bucket='fresh', Key='a/b')
        result['deleted'] = s3.delete_bucket(Bucket='fresh')['ResponseMetadata']['HTTPStatusCode']
        result['gone'] = [
            code(lambda: s3.get_object(Bucket='fresh', Key='a/b')),
            code(lambda: s3.put_object(Bucket='fresh', Key='a/b', Body=b'x')),
            code(lambda: s3.list_objects_v2(Bucket='fresh')),
            code(lambda: s3.list_multipart_uploads(Bucket='fresh')),
            code(lambda: s3.get_bucket_location(Bucket='fresh')),
            code(lambda: s3.delete_bucket(Bucket='fresh')),
        ]
        result['head, then get'] = [code(lambda: s3.head_object(Bucket='fresh', Key='a/b')),
                                    code(lambda: s3.get_object(Bucket='fresh', Key='a/b'))]
        result['gone, head'] = code(lambda: s3.head_bucket(Bucket='fresh'))
        result['names after'] = names()
        `,
      );
      const noSuchBucket = ['NoSuchBucket', 404];
      expect(result).toEqual({
        made: ['/fresh', 200],
        region: ['us-east-1', 'false'],
        location,
        read: [
          ['content', 'MISS'],
          ['content', 'HIT'],
        ],
        listed: ['a/b'],
        names: ['before', 'fresh', 'literal'],
        'not empty': ['BucketNotEmpty', 409],
        still: 'content',
        deleted: 204,
        gone: [noSuchBucket, noSuchBucket, noSuchBucket, noSuchBucket, noSuchBucket, noSuchBucket],
        'gone, head': ['404', 404],
        'head, then get': [['404', 404], noSuchBucket],
        'names after': ['before', 'literal'],
      });
    });

    it('answers nothing from the cache of a bucket that was deleted, nor after it was made again', async () => {
      const result = await python(
        forebay,
        `
        keys = ['one', 'two', 'three']
        s3.create_bucket(Bucket='again')
        for key in keys: s3.put_object(Bucket='again', Key=key, Body=b'first ' + key.encode())
        for key in keys: read('again', key)
        result = {'warm': [read('again', key) for key in keys]}
        s3.delete_objects(Bucket='again', Delete={'Objects': [{'Key': key} for key in keys]})
        s3.delete_bucket(Bucket='again')
        result['deleted'] = [code(lambda: s3.get_object(Bucket='again', Key=key)) for key in keys]
        s3.create_bucket(Bucket='again')
        result['made again'] = [code(lambda: s3.get_object(Bucket='again', Key=key)) for key in keys]
        result['listed'] = s3.list_objects_v2(Bucket='again')['KeyCount']
        s3.put_object(Bucket='again', Key='one', Body=b'first one')
        s3.put_object(Bucket='again', Key='two', Body=b'second')
        result['new'] = [read('again', 'one')[0], read('again', 'two')[0],
                         code(lambda: s3.get_object(Bucket='again', Key='three'))]
        s3.delete_objects(Bucket='again', Delete={'Objects': [{'Key': 'one'}, {'Key': 'two'}]})
        s3.delete_bucket(Bucket='again')
        `,
      );
      expect(result).toEqual({
        warm: [
          ['first one', 'HIT'],
          ['first two', 'HIT'],
          ['first three', 'HIT'],
        ],
        deleted: Array(3).fill(['NoSuchBucket', 404]),
        'made again': Array(3).fill(['NoSuchKey', 404]),
        listed: 0,
        new: ['first one', 'second', ['NoSuchKey', 404]],
      });
    });

    it('shows a hundred buckets, in order, by pages and by prefix', async () => {
      await python(forebay, `for index in range(100): s3.create_bucket(Bucket=f'many-{index:03}')`);
      const result = await python<Record<string, unknown>>(
        forebay,
        `
        for index in range(100): s3.put_object(Bucket=f'many-{index:03}', Key='key', Body=str(index).encode())
        pages = list(s3.get_paginator('list_buckets').paginate(PaginationConfig={'PageSize': 7}))
        first = s3.list_buckets(Prefix='many-09', MaxBuckets=3)
        result = {
            'read': [read(f'many-{index:03}', 'key')[0] for index in range(100)],
            'names': names(),
            'pages': [[bucket['Name'] for bucket in page['Buckets']] for page in pages],
            'prefix': [[bucket['Name'], bucket.get('BucketRegion')] for bucket in first['Buckets']],
            'more': names(Prefix='many-09', ContinuationToken=first['ContinuationToken']),
            'region': [len(names(BucketRegion='us-east-1', Prefix='many-')), names(BucketRegion='eu-west-3')],
            'refused': [code(lambda: s3.list_buckets(MaxBuckets=10001)),
                        code(lambda: s3.list_buckets(ContinuationToken='?'))],
        }
        for index in range(100):
            s3.delete_object(Bucket=f'many-{index:03}', Key='key')
            s3.delete_bucket(Bucket=f'many-{index:03}')
        `,
      );
      const many = Array.from({ length: 100 }, (_, index) => `many-${String(index).padStart(3, '0')}`);
      const all = ['before', 'literal', ...many];
      const pages = Array.from({ length: Math.ceil(all.length / 7) }, (_, index) =>
        all.slice(index * 7, index * 7 + 7),
      );
      expect(result).toEqual({
        read: many.map((_, index) => String(index)),
        names: all,
        pages,
        prefix: many.slice(90, 93).map((bucket) => [bucket, 'us-east-1']),
        more: many.slice(93),
        region: [100, []],
        refused: [
          ['InvalidArgument', 400],
          ['InvalidArgument', 400],
        ],
      });
    });

    it('takes buckets from aws s3 mb and rb', async () => {
      await aws(forebay, ['s3', 'mb', 's3://by-aws']);
      expect(await aws(forebay, ['s3', 'ls'])).toMatch(/ by-aws\n/);
      const file = join(tempDir('pattern-aws'), 'file');
      writeFileSync(file, 'from aws');
      await aws(forebay, ['s3', 'cp', file, 's3://by-aws/file']);
      expect((await tryAws(forebay, ['s3', 'rb', 's3://by-aws'])).stderr).toContain('BucketNotEmpty');
      await aws(forebay, ['s3', 'rb', '--force', 's3://by-aws']);
      expect(await aws(forebay, ['s3', 'ls'])).not.toContain('by-aws');
    });

    it('copies between buckets where they are, whole objects and parts', async () => {
      await python(
        forebay,
        `
        for bucket in ('from', 'into'): s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket='from', Key='a b', Body=b'copied', Metadata={'kept': 'yes'})
        `,
      );
      proxy.reset();
      const result = await python(
        forebay,
        `
        source = {'Bucket': 'from', 'Key': 'a b'}
        s3.copy_object(Bucket='into', Key='one', CopySource=source)
        upload = s3.create_multipart_upload(Bucket='into', Key='two')['UploadId']
        part = s3.upload_part_copy(Bucket='into', Key='two', UploadId=upload, PartNumber=1, CopySource=source)
        parts = [{'PartNumber': 1, 'ETag': part['CopyPartResult']['ETag']}]
        s3.complete_multipart_upload(Bucket='into', Key='two', UploadId=upload, MultipartUpload={'Parts': parts})
        result = [read('into', 'one')[0], read('into', 'two')[0],
                  s3.head_object(Bucket='into', Key='one')['Metadata'],
                  code(lambda: s3.copy_object(Bucket='into', Key='x', CopySource={'Bucket': 'nowhere', 'Key': 'k'}))]
        `,
      );
      expect(result).toEqual(['copied', 'copied', { kept: 'yes' }, [expect.stringMatching(/^NoSuch/), 404]]);
      expect(proxy.count(({ path }) => path.startsWith('/from/'))).toBe(0);
      expect(proxy.count(({ requestBytes, path }) => path === '/into/one' && requestBytes > 0)).toBe(0);
    });

    it('leaves literal mounts to the operator, and shows those nested in a bucket of the pattern', async () => {
      const result = await python(
        forebay,
        `
        s3.put_object(Bucket='before', Key='outside', Body=b'x')
        result = {
            'keys': [entry['Key'] for entry in s3.list_objects_v2(Bucket='before')['Contents']],
            'read': read('before', 'inside/file')[0],
            'refused': [code(lambda: s3.delete_bucket(Bucket='literal')),
                        code(lambda: s3.delete_bucket(Bucket='before')),
                        code(lambda: s3.create_bucket(Bucket='literal'))],
        }
        `,
      );
      expect(result).toEqual({
        keys: ['inside/file', 'outside'],
        read: 'literal',
        refused: [
          ['AccessDenied', 403],
          ['AccessDenied', 403],
          ['BucketAlreadyOwnedByYou', 409],
        ],
      });
    });

    it('asks the store once for what it reads, and never first whether the bucket is there', async () => {
      await python(
        forebay,
        `s3.create_bucket(Bucket='counted')\ns3.put_object(Bucket='counted', Key='k', Body=b'1')`,
      );
      proxy.reset();
      await python(forebay, `result = [read('counted', 'k'), read('counted', 'k')]`);
      expect(proxy.requests.map(({ method, path }) => `${method} ${path}`)).toEqual(['GET /counted/k']);
      const metrics = await metricsText(forebay);
      expect(metrics).toMatch(
        /forebay_ufs_requests_total\{mount="\/\{bucket\}",op="create_bucket",status="ok"\}/,
      );
      expect(metrics).not.toContain('mount="/counted"');
    });
  });
}

describe('a pattern mount', await needs('versitygw', 'python'), () => {
  let server: S3Server;
  const running: ForebayProcess[] = [];

  beforeAll(async () => {
    server = await startVersitygw();
    await server.createBucket('lake');
    await python(server, `s3.put_object(Bucket='lake', Key='data/key', Body=b'of lake')`);
  });
  afterAll(async () => {
    for (const forebay of running) await forebay.remove();
    await server?.stop();
  });

  async function start(options: Parameters<typeof startForebay>[0]): Promise<ForebayProcess> {
    const forebay = await startForebay(options);
    running.push(forebay);
    return forebay;
  }

  async function command(forebay: ForebayProcess, args: readonly string[]): Promise<string> {
    const env = {
      PATH: process.env.PATH,
      FOREBAY_ACCESS_KEY: forebay.accessKey,
      FOREBAY_SECRET_KEY: forebay.secretKey,
    };
    const where = ['--admin', forebay.admin, '--data-dir', forebay.dataDir];
    return mustRun(process.execPath, [program, ...args, ...where], { env });
  }

  it('is mounted at run time, kept over a restart, and taken away again', async () => {
    const { mount, env } = s3Mount('', server, '{bucket}');
    const forebay = await start({ env });
    expect(await command(forebay, ['mount', '/{bucket}', mount.slice(1)])).toBe('mounted /{bucket}\n');
    await forebay.restart();
    const mounts = JSON.parse(await command(forebay, ['mounts', '--json'])) as MountView[];
    expect(mounts.map(({ path, origin }) => [path, origin])).toEqual([
      ['/local', 'start'],
      ['/{bucket}', 'runtime'],
    ]);
    expect(await command(forebay, ['mounts'])).toContain('/{bucket}');
    const result = await python(forebay, `result = [names(), read('lake', 'data/key')[0]]`);
    expect(result).toEqual([['lake', 'local'], 'of lake']);
    const object = JSON.parse(await command(forebay, ['stat', '--json', 's3://lake/data/key']));
    expect(object).toMatchObject({ bucket: 'lake', mount: '/{bucket}', state: 'cached' });
    await command(forebay, ['umount', '/{bucket}']);
    const after = await python(
      forebay,
      `result = [names(), code(lambda: read('lake', 'data/key')),
      code(lambda: s3.create_bucket(Bucket='lake')), code(lambda: s3.delete_bucket(Bucket='lake'))]`,
    );
    expect(after).toEqual([['local'], ['NoSuchBucket', 404], ['AccessDenied', 403], ['NoSuchBucket', 404]]);
  });

  it('comes from the config file, with a prefix and options that hold for each of its buckets', async () => {
    const { mount, env } = s3Mount('', server, '{bucket}/data');
    const config = join(tempDir('pattern-config'), 'forebay.yaml');
    writeFileSync(
      config,
      `mounts:\n  /{bucket}: { ufs: "${mount.slice(1)}", readOnly: true, anonymous: read, ttl: 5s }\n`,
    );
    const forebay = await start({ env, flags: ['--config', config] });
    expect(forebay.log()).toContain('/{bucket}');
    const open = await fetch(`${forebay.endpoint}/lake/key`);
    expect([open.status, await open.text()]).toEqual([200, 'of lake']);
    const listed = await fetch(`${forebay.endpoint}/lake?list-type=2`);
    expect(await listed.text()).toContain('<Key>key</Key>');
    expect((await fetch(`${forebay.endpoint}/`)).status).toBe(403);
    const refused = await python(
      forebay,
      `result = [code(lambda: s3.create_bucket(Bucket='other')), code(lambda: s3.delete_bucket(Bucket='lake')),
                 code(lambda: s3.put_object(Bucket='lake', Key='k', Body=b'x'))]`,
    );
    expect(refused).toEqual(Array(3).fill(['AccessDenied', 403]));
  });

  it('serves cached objects of a bucket deleted behind it while they are fresh, and new ones not', async () => {
    await server.createBucket('behind');
    await python(server, `s3.put_object(Bucket='behind', Key='seen', Body=b'seen')`);
    const { mount, env } = s3Mount('/{bucket}', server, '{bucket}');
    const forebay = await start({ mounts: [`${mount}&freshness=immutable`], env });
    expect(await python(forebay, `result = read('behind', 'seen')`)).toEqual(['seen', 'MISS']);
    await python(server, `s3.delete_object(Bucket='behind', Key='seen')\ns3.delete_bucket(Bucket='behind')`);
    const after = await python(
      forebay,
      `result = [read('behind', 'seen'), code(lambda: read('behind', 'unseen')), code(lambda: read('behind', 'unseen'))]
s3.create_bucket(Bucket='behind')
result.append(code(lambda: read('behind', 'seen')))`,
    );
    const gone = ['NoSuchBucket', 404];
    expect(after).toEqual([['seen', 'HIT'], gone, gone, ['NoSuchKey', 404]]);
  });
});
