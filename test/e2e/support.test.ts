/** The test servers and clients themselves: what every other end-to-end test stands on. */
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { anyKeys } from '../support/any-keys.ts';
import { aws, tryAws } from '../support/aws.ts';
import { type CountingProxy, startCountingProxy } from '../support/counting-proxy.ts';
import { runPython } from '../support/python.ts';
import { fileOf, type S3Server, startAnyKeyServer, startVersitygw } from '../support/servers.ts';
import { tempDir } from '../support/temp.ts';
import { needs } from '../support/tools.ts';

describe('versitygw behind the counting proxy', await needs('versitygw', 'python'), () => {
  let server: S3Server;
  let proxy: CountingProxy;
  beforeAll(async () => {
    server = await startVersitygw();
    await server.createBucket('bucket');
    proxy = await startCountingProxy({ target: server });
  });
  afterAll(async () => {
    await proxy?.stop();
    await server?.stop();
  });

  it('counts exactly what boto3 sends, and changes nothing of it', async () => {
    proxy.reset();
    const result = await runPython(
      proxy,
      `
      body = b'0123456789' * 1000
      s3.put_object(Bucket='bucket', Key='folder/a b+c', Body=body)
      whole = s3.get_object(Bucket='bucket', Key='folder/a b+c')['Body'].read()
      part = s3.get_object(Bucket='bucket', Key='folder/a b+c', Range='bytes=5-9')['Body'].read()
      result = {'same': whole == body, 'part': part.decode()}
      `,
    );
    await proxy.idle();
    expect(result).toEqual({ same: true, part: '56789' });
    expect(
      proxy.requests.map(({ method, target, range, status, responseBytes, answeredBy, state }) => {
        return { method, target, range, status, responseBytes, answeredBy, state };
      }),
    ).toEqual([
      entry({ method: 'PUT', status: 200, responseBytes: 0 }),
      entry({ method: 'GET', status: 200, responseBytes: 10_000 }),
      entry({ method: 'GET', status: 206, responseBytes: 5, range: 'bytes=5-9' }),
    ]);
    expect(readFileSync(fileOf(server, 'bucket', 'folder/a b+c')).length).toBe(10_000);
  });

  it('carries a multipart upload and download of the AWS command line', async () => {
    const directory = tempDir('aws');
    const body = randomBytes(20 * 1024 * 1024);
    writeFileSync(join(directory, 'up'), body);
    await aws(proxy, ['s3', 'cp', '--only-show-errors', 'up', 's3://bucket/large'], directory);
    await aws(proxy, ['s3', 'cp', '--only-show-errors', 's3://bucket/large', 'down'], directory);
    expect(sha256(readFileSync(join(directory, 'down')))).toBe(sha256(body));
    expect(proxy.count(({ method, query }) => method === 'PUT' && query.includes('partNumber='))).toBe(3);
  });

  it('hands a refusal of the proxy to the client as S3 words it', async () => {
    proxy.reset();
    const rule = proxy.fail(503, 1, ({ method }) => method === 'HEAD');
    const code = await runPython(
      proxy,
      `
      try:
          s3.head_object(Bucket='bucket', Key='folder/a b+c')
      except ClientError as error:
          result = error.response['ResponseMetadata']['HTTPStatusCode']
      `,
    );
    expect(code).toBe(503);
    expect(rule.applied).toBe(1);
    expect(proxy.count(({ answeredBy }) => answeredBy === 'server')).toBe(0);
  });

  it('gives the exit code of a failing command', async () => {
    const done = await tryAws(proxy, ['s3', 'cp', 's3://bucket/absent', '-']);
    expect(done.code).toBe(1);
    expect(done.stderr).toContain('404');
  });
});

describe('the server for any key', await needs('radosgw', 'python'), () => {
  it('stores, lists and deletes every kind of key', async () => {
    const server = await startAnyKeyServer();
    await server.createBucket('bucket');
    const result = await runPython(
      server,
      `
      def body(key): return ('of ' + key).encode()
      for key in args: s3.put_object(Bucket='bucket', Key=key, Body=body(key))
      wrong = [key for key in args if s3.get_object(Bucket='bucket', Key=key)['Body'].read() != body(key)]
      pages = s3.get_paginator('list_objects_v2').paginate(Bucket='bucket', PaginationConfig={'PageSize': 7})
      listed = [entry['Key'] for page in pages for entry in page['Contents']]
      for key in args: s3.delete_object(Bucket='bucket', Key=key)
      result = {'wrong': wrong, 'listed': listed, 'left': s3.list_objects_v2(Bucket='bucket')['KeyCount']}
      `,
      anyKeys,
    );
    const listed = [...anyKeys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    expect(result).toEqual({ wrong: [], listed, left: 0 });
    await server.stop();
  });
});

interface Expected {
  readonly method: string;
  readonly status: number;
  readonly responseBytes: number;
  readonly range?: string;
}

function entry({ method, status, responseBytes, range }: Expected) {
  const target = '/bucket/folder/a%20b%2Bc';
  return { method, target, range, status, responseBytes, answeredBy: 'server', state: 'complete' };
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
