import {
  DeleteBucketCorsCommand,
  GetBucketCorsCommand,
  PutBucketCorsCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RawClient, signedHead } from './testing/raw-client.ts';
import { startTestGateway, type TestGateway, testAccessKey, testSecretKey } from './testing/test-gateway.ts';
import { testMount } from './testing/test-mount.ts';

const Bucket = 'lake';
const mount = testMount({ bucket: Bucket });
const rule = {
  AllowedOrigins: ['https://*.example'],
  AllowedMethods: ['GET', 'PUT'],
  AllowedHeaders: ['x-amz-*', 'content-type'],
  ExposeHeaders: ['etag'],
  MaxAgeSeconds: 300,
};
let gateway: TestGateway;
let s3: S3Client;
let raw: RawClient;
let now = 0;

beforeEach(async () => {
  now = 0;
  const clock = { wallMs: () => Date.now(), monotonicMs: () => now, sleep: async () => {} };
  gateway = await startTestGateway([mount, testMount({ bucket: Bucket, keyPrefix: 'nested/' })], { clock });
  s3 = new S3Client({
    endpoint: gateway.endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId: testAccessKey, secretAccessKey: testSecretKey },
    maxAttempts: 1,
  });
  raw = await RawClient.open(gateway.port);
});

afterEach(async () => {
  raw.close();
  s3.destroy();
  await gateway.close();
});

const setRules = (...CORSRules: (typeof rule)[]) =>
  s3.send(new PutBucketCorsCommand({ Bucket, CORSConfiguration: { CORSRules } }));

async function preflight(target: string, headers: Record<string, string>) {
  const lines = Object.entries({ host: 'x', ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  raw.send(`OPTIONS ${target} HTTP/1.1\r\n${lines.join('')}\r\n`);
  return raw.answer();
}

const from = (origin: string, method = 'GET') => ({ origin, 'access-control-request-method': method });

async function ask(method: string, target: string, headers: Record<string, string>) {
  raw.send(signedHead({ method, target, headers }));
  return raw.answer({ head: method === 'HEAD' });
}

describe('a preflight request', () => {
  it('is refused where the bucket has no rules, or says too little', async () => {
    expect(await preflight('/lake/k', from('https://a.example'))).toMatchObject({ status: 403 });
    const closed = await preflight('/lake/k', from('https://a.example'));
    expect(closed.body).toContain('CORS is not enabled for this bucket');
    expect((await preflight('/lake/k', {})).body).toContain('Origin request header needed');
    const noMethod = await preflight('/lake/k', { origin: 'https://a.example' });
    expect(noMethod.body).toContain('<Code>BadRequest</Code>');
  });

  it('is answered by the first rule that fits', async () => {
    await setRules({ ...rule, AllowedMethods: ['DELETE'] }, rule);
    const answer = await preflight('/lake/any/key', {
      ...from('https://a.example', 'PUT'),
      'access-control-request-headers': 'Content-Type, X-Amz-Date',
    });
    expect(answer.status).toBe(200);
    expect(answer.headers).toMatchObject({
      'access-control-allow-origin': 'https://a.example',
      'access-control-allow-methods': 'GET, PUT',
      'access-control-allow-headers': 'content-type, x-amz-date',
      'access-control-expose-headers': 'etag',
      'access-control-max-age': '300',
      'access-control-allow-credentials': 'true',
      vary: 'Origin, Access-Control-Request-Headers, Access-Control-Request-Method',
    });
  });

  it.each([
    ['another origin', from('https://a.example.org')],
    ['another method', from('https://a.example', 'DELETE')],
    ['another header', { ...from('https://a.example'), 'access-control-request-headers': 'x-other' }],
  ])('is refused for %s', async (_what, headers) => {
    await setRules(rule);
    const answer = await preflight('/lake/k', headers);
    expect(answer).toMatchObject({ status: 403 });
    expect(answer.body).toContain('<Code>AccessForbidden</Code>');
    expect(answer.body).toContain('This CORS request is not allowed');
  });

  it('follows the rules of the bucket that holds the key', async () => {
    await setRules(rule);
    expect((await preflight('/lake/nested/k', from('https://a.example'))).status).toBe(403);
    expect((await preflight('/nowhere/k', from('https://a.example'))).status).toBe(403);
  });
});

describe('a request with an Origin', () => {
  it('gets the headers on success and on error, signed or not', async () => {
    await setRules({ ...rule, AllowedOrigins: ['*'] });
    const origin = 'https://b.example';
    const listed = await ask('GET', '/lake', { origin });
    expect(listed).toMatchObject({ status: 200, headers: { 'access-control-allow-origin': '*' } });
    expect(listed.headers).not.toHaveProperty('access-control-allow-credentials');
    const missing = await ask('GET', '/lake/nothing', { origin });
    expect(missing).toMatchObject({ status: 404, headers: { 'access-control-allow-origin': '*' } });
    raw.send(`GET /lake/k HTTP/1.1\r\nhost: x\r\norigin: ${origin}\r\n\r\n`);
    expect(await raw.answer()).toMatchObject({
      status: 403,
      headers: { 'access-control-allow-origin': '*', 'access-control-expose-headers': 'etag' },
    });
  });

  it('gets none where no rule fits, and one without an Origin asks the UFS for nothing', async () => {
    await setRules(rule);
    const other = await ask('GET', '/lake', { origin: 'https://evil.test' });
    expect(other.headers).not.toHaveProperty('access-control-allow-origin');
    const before = gateway.ufsOf(mount).countOf('forward');
    await ask('GET', '/lake', {});
    expect(gateway.ufsOf(mount).countOf('forward')).toBe(before);
  });
});

describe('the rules', () => {
  const allowed = async () => (await preflight('/lake/k', from('https://a.example'))).status === 200;

  it('are remembered for a while, and forgotten when they change through us', async () => {
    await setRules(rule);
    const before = gateway.ufsOf(mount).countOf('forward');
    for (let round = 0; round < 5; round += 1) expect(await allowed()).toBe(true);
    expect(gateway.ufsOf(mount).countOf('forward')).toBe(before + 1);
    await s3.send(new DeleteBucketCorsCommand({ Bucket }));
    expect(await allowed()).toBe(false);
    await setRules(rule);
    expect(await allowed()).toBe(true);
    const { CORSRules } = await s3.send(new GetBucketCorsCommand({ Bucket }));
    expect(CORSRules).toEqual([rule]);
  });

  it('changed behind us count after half a minute', async () => {
    await setRules(rule);
    expect(await allowed()).toBe(true);
    const query = [['cors', '']] as const;
    await gateway.ufsOf(mount).forward({ method: 'DELETE', effect: 'write', query, headers: [] });
    expect(await allowed()).toBe(true);
    now = 30_000;
    expect(await allowed()).toBe(false);
  });

  it('that cannot be had hold nothing up: the request is answered without them', async () => {
    await setRules(rule);
    gateway.ufsOf(mount).failNext(1, { methods: ['forward'] });
    const answer = await ask('GET', '/lake', { origin: 'https://a.example' });
    expect(answer.status).toBe(200);
    expect(answer.headers).not.toHaveProperty('access-control-allow-origin');
    now = 1_000;
    expect(await allowed()).toBe(true);
  });

  it('with words that no header can hold do without them', async () => {
    await setRules({ ...rule, ExposeHeaders: ['x-a\nb', 'x-\u20ac', 'etag'] });
    const answer = await ask('GET', '/lake', { origin: 'https://a.example' });
    expect(answer).toMatchObject({ status: 200, headers: { 'access-control-expose-headers': 'etag' } });
  });

  it('have to be rules', async () => {
    const bad = { ...rule, AllowedMethods: ['PATCH'] };
    await expect(setRules(bad)).rejects.toMatchObject({ name: 'InvalidRequest' });
    await expect(setRules({ ...rule, AllowedOrigins: [] })).rejects.toMatchObject({ name: 'MalformedXML' });
  });
});
