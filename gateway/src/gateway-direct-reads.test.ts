import { UfsAnswerError } from '@forebay/core/errors';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RawClient, signedHead } from './testing/raw-client.ts';
import { startTestGateway, type TestGateway } from './testing/test-gateway.ts';
import { testMount } from './testing/test-mount.ts';

const mount = testMount({ bucket: 'lake' });
let gateway: TestGateway;
let raw: RawClient;
let etag = '';

beforeEach(async () => {
  gateway = await startTestGateway([mount]);
  const body = (async function* () {
    yield Buffer.from('text');
  })();
  const written = await gateway.ufsOf(mount).put('k', { sizeBytes: 4, body, headers: [] });
  etag = written.headers.find(([name]) => name === 'etag')![1];
  raw = await RawClient.open(gateway.port);
});

afterEach(async () => {
  raw.close();
  await gateway.close();
});

async function ask(method: string, target: string, headers: Record<string, string> = {}) {
  raw.send(signedHead({ method, target, headers }));
  return raw.answer({ head: method === 'HEAD' });
}

describe('a read that goes to the UFS every time', () => {
  it.each(['GET', 'HEAD'])('is 304 to %s of the version that the client has', async (method) => {
    for (const query of ['partNumber=1', 'partNumber=1&versionId=null']) {
      const answer = await ask(method, `/lake/k?${query}`, { 'if-none-match': etag });
      expect(answer).toMatchObject({ status: 304, headers: { etag, 'x-cache': 'BYPASS' }, body: '' });
      expect(answer.headers).not.toHaveProperty('content-length');
    }
    expect((await ask('GET', '/lake/k?partNumber=1&versionId=null')).body).toBe('text');
  });
});

describe('a read of a part', () => {
  it.each(['GET', 'HEAD'])('is the whole of an object without parts, 206 to %s', async (method) => {
    const answer = await ask(method, '/lake/k?partNumber=1');
    const headers = { etag, 'content-range': 'bytes 0-3/4', 'content-length': '4', 'x-cache': 'BYPASS' };
    expect(answer).toMatchObject({ status: 206, headers, body: method === 'GET' ? 'text' : '' });
    expect(answer.headers).not.toHaveProperty('x-amz-mp-parts-count');
  });

  it('is refused in S3’s order: a range beside it, its number, conditions, and then the parts there are', async () => {
    const cases = [
      ['partNumber=0', { range: 'bytes=0-1' }, 400, 'InvalidRequest'],
      ['partNumber=0', { 'if-match': '"other"' }, 400, 'InvalidArgument'],
      ['partNumber=10001', {}, 400, 'InvalidArgument'],
      ['partNumber=2', { 'if-match': '"other"' }, 412, 'PreconditionFailed'],
      ['partNumber=2', {}, 416, 'InvalidPartNumber'],
    ] as const;
    for (const [query, headers, status, code] of cases) {
      const answer = await ask('GET', `/lake/k?${query}`, headers);
      expect([query, answer.status]).toEqual([query, status]);
      expect(answer.body).toContain(`<Code>${code}</Code>`);
    }
    const { body } = await ask('GET', '/lake/k?partNumber=2');
    expect(body).toContain('<PartNumberRequested>2</PartNumberRequested>');
    expect(body).toContain('<ActualPartCount>1</ActualPartCount>');
  });
});

describe('a read of a version by its id', () => {
  it.each(['GET', 'HEAD'])('goes through the cache for %s', async (method) => {
    const answer = await ask(method, '/lake/k?versionId=null', { range: 'bytes=1-2' });
    expect(answer).toMatchObject({ status: 206, headers: { etag, 'x-cache': 'MISS' } });
    expect(answer.body).toBe(method === 'GET' ? 'ex' : '');
    const same = await ask(method, '/lake/k?versionId=null', { 'if-none-match': etag });
    expect(same).toMatchObject({ status: 304, headers: { 'x-cache': 'MISS' } });
  });

  it('is refused as the UFS refuses it', async () => {
    const answer = await ask('GET', '/lake/k?versionId=no-such-id');
    expect(answer).toMatchObject({ status: 400 });
    expect(answer.body).toContain('<Message>Invalid version id specified</Message>');
  });
});

it('reads at the UFS what is asked for on account of the reader, or of an owner', async () => {
  for (const name of ['x-amz-request-payer', 'x-amz-expected-bucket-owner']) {
    expect(await ask('GET', '/lake/k', { [name]: 'requester' })).toMatchObject({
      headers: { 'x-cache': 'BYPASS' },
      body: 'text',
    });
  }
});

it('leaves checksums of the whole out of a range, whatever the UFS says', async () => {
  const headers = [
    ['content-length', '2'],
    ['content-range', 'bytes 0-1/4'],
    ['etag', etag],
    ['x-amz-checksum-crc32', 'AAAAAA=='],
    ['x-amz-storage-class', 'STANDARD'],
  ] as const;
  gateway.ufsOf(mount).forward = async () => ({
    status: 206,
    headers,
    body: (async function* () {
      yield Buffer.from('te');
    })(),
  });
  const range = { range: 'bytes=0-1', 'x-amz-checksum-mode': 'ENABLED', 'x-amz-request-payer': 'requester' };
  const answer = await ask('GET', '/lake/k', range);
  expect(answer).toMatchObject({ status: 206, body: 'te', headers: { 'content-range': 'bytes 0-1/4' } });
  expect(answer.headers).not.toHaveProperty('x-amz-checksum-crc32');
  expect(answer.headers).not.toHaveProperty('x-amz-storage-class');
});

it('never puts the piece of an append in place of the object', async () => {
  const refused = await ask('PUT', '/lake/k', { 'x-amz-write-offset-bytes': '4', 'content-length': '0' });
  expect(refused).toMatchObject({ status: 501 });
  expect(refused.body).toContain('<Header>x-amz-write-offset-bytes</Header>');
  expect((await ask('GET', '/lake/k')).body).toBe('text');
});

describe('a parameter without a value', () => {
  it('names no version: nothing is read, deleted or copied', async () => {
    for (const [method, target, headers] of [
      ['GET', '/lake/k?versionId=', {}],
      ['HEAD', '/lake/k?versionId', {}],
      ['DELETE', '/lake/k?versionId=', {}],
      ['PUT', '/lake/copy', { 'x-amz-copy-source': '/lake/k?versionId=' }],
    ] as const) {
      const answer = await ask(method, target, headers);
      expect([method, answer.status]).toEqual([method, 400]);
      if (method !== 'HEAD') expect(answer.body).toContain('<Code>InvalidArgument</Code>');
    }
    expect(gateway.home.fences).toEqual([]);
    expect((await ask('GET', '/lake/k')).body).toBe('text');
  });

  it('names no upload: nothing reaches the UFS, where it could mean the object itself', async () => {
    const empty = { 'content-length': '0' };
    for (const [method, target] of [
      ['PUT', '/lake/k?partNumber=1&uploadId='],
      ['POST', '/lake/k?uploadId='],
      ['DELETE', '/lake/k?uploadId'],
      ['GET', '/lake/k?uploadId='],
    ] as const) {
      const answer = await ask(method, target, method === 'GET' ? {} : empty);
      expect([method, answer.status]).toEqual([method, 404]);
      expect(answer.body).toContain('<Code>NoSuchUpload</Code>');
    }
    for (const operation of ['uploadPart', 'completeUpload', 'abortUpload', 'listParts'] as const) {
      expect(gateway.ufsOf(mount).countOf(operation)).toBe(0);
    }
    expect((await ask('GET', '/lake/k')).body).toBe('text');
  });
});

describe('an expected bucket owner', () => {
  const refusal = () => new UfsAnswerError({ status: 403, code: 'AccessDenied', message: 'Access Denied' });

  it.each([
    ['GET', '/lake?list-type=2'],
    ['GET', '/lake?uploads'],
    ['GET', '/lake?location'],
    ['GET', '/lake/k?uploadId=u'],
    ['DELETE', '/lake/k?uploadId=u'],
  ])('is asked of the UFS before %s %s is answered', async (method, target) => {
    const ufs = gateway.ufsOf(mount);
    ufs.failNext(1, { methods: ['checkBucket'], error: refusal });
    const refused = await ask(method, target, { 'x-amz-expected-bucket-owner': '1' });
    expect(refused).toMatchObject({ status: 403 });
    expect(refused.body).toContain('<Code>AccessDenied</Code>');
    ufs.resetCounts();
    await ask(method, target);
    expect(ufs.countOf('checkBucket')).toBe(0);
  });
});
