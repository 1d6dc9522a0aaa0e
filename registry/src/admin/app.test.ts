import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ReadQuestion } from '@forebay/core/cache-node';
import { CachePolicies } from '@forebay/core/cache-policy';
import { silentLog } from '@forebay/core/log';
import { clientKeyOf } from '@forebay/core/mount';
import { type MountInput, parseMount } from '@forebay/core/mount-uri';
import type { ObjectStat } from '@forebay/core/object-stat';
import { SecretBox } from '@forebay/core/secret-box';
import { User } from '@forebay/core/user';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LocalRegistry } from '../local-registry.ts';
import { openState, type State } from '../state-store.ts';
import { idleJobs } from '../testing/job-world.ts';
import { quietInsight } from '../testing/quiet-insight.ts';
import { createAdminApp } from './app.ts';
import { soleNode } from './nodes.ts';
import { openApi } from './openapi.ts';
import type { Status } from './status.ts';

const status: Status = {
  version: '0.1.0',
  nodeId: 'n1',
  endpoint: 'http://127.0.0.1:9000',
  startedAt: new Date(0).toISOString(),
  uptimeMs: 1,
  requests: { total: 3, failed: 0 },
  reads: { HIT: 2 },
  bytesServed: { memory: 1, disk: 2, peer: 0, ufs: 3 },
  hitRatio: 0.5,
  ufs: { requests: 1, failed: 0, bytes: 3, unanswering: ['/lake'] },
  cache: {
    pages: 1,
    diskBytes: 1,
    diskBytesMax: 2,
    memoryBytes: 1,
    memoryBytesMax: 2,
    infoMemoryEntries: 1,
    infoPersistentEntries: 1,
    fillsInFlight: 0,
    fencesOpen: 0,
    directories: [],
  },
};
const stat = async ({ object, want, range }: ReadQuestion): Promise<ObjectStat> => ({
  nodeId: 'n1',
  info: {
    sizeBytes: 7,
    etag: `"${clientKeyOf(object)}"`,
    lastModifiedMs: 0,
    versionId: undefined,
    headers: [['content-type', 'text/plain']],
    checksumsKnown: true,
  },
  absent: false,
  level: 'memory',
  fresh: true,
  ageMs: 1.4,
  fencesOpen: 0,
  unsettled: false,
  pageSizeBytes: 4,
  pages: {
    ...{ cached: 1, total: 2, cachedBytes: 4 },
    places: [{ tier: 'file', directory: '/d', pages: 1, bytes: 4 }],
  },
  freshness: { mode: 'ttl', ttlMs: 60_000, ttlLeftMs: 7.6, tenure: 'current' },
  policy: new CachePolicies().policyOf(object.mount, clientKeyOf(object)),
  scopeBytes: 4,
  forecast: {
    certain: true,
    cache: want === 'info' ? 'HIT' : 'PARTIAL',
    reasons: [JSON.stringify(range)],
    pages: { hit: 1, total: 2 },
    ufsRequests: [{ method: 'GET', range: { start: 4, endExclusive: 7 } }],
  },
});

let directory: string;
let state: State;
let notReady: string[];
const metricsToken = 'a-token-of-metrics';
let app: ReturnType<typeof createAdminApp>;
const defaults = { pageSizeBytes: 1024 * 1024, createdAtMs: 0 };
const basic = (access: string, secret: string) => `Basic ${btoa(`${access}:${secret}`)}`;
const root = { authorization: basic('AKROOT', 'root-secret') };
const asRoot = (path: string, init: RequestInit = {}) =>
  app.request(path, { ...init, headers: { ...root, ...init.headers } });
const post = (body: unknown) =>
  asRoot('/api/v1/mounts', {
    method: 'POST',
    body: typeof body === 'string' ? body : JSON.stringify(body),
    headers: { 'content-type': 'application/json' },
  });

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'forebay-admin-'));
  state = openState(join(directory, 'registry.sqlite'));
  notReady = [];
  const parse = (input: MountInput) => parseMount(input, defaults);
  const registry = await LocalRegistry.open({
    state,
    clock: { wallMs: () => 0, monotonicMs: () => 0 },
    log: silentLog,
    mounts: [parse({ path: '/lake', uri: 's3://lake' })],
    restoreMount: parse,
    users: [],
    rules: [],
    secrets: new SecretBox(new Uint8Array(32)),
  });
  app = createAdminApp({
    jobDeps: await idleJobs(),
    settings: { declared: {}, values: {} },
    registry,
    cacheNode: { stat, free: () => Promise.reject(new Error('not asked here')) },
    credentials: {
      accessKey: 'AKROOT',
      secretKey: 'root-secret',
      token: 'a-token-of-16-chars',
      metricsToken,
    },
    version: '0.1.0',
    status: async () => status,
    notReady: () => notReady,
    metricsText: async () => 'forebay_up 1\n',
    makeMount: async (input) => parse(input),
    makeUser: (input) =>
      new User({
        ...input,
        accessKey: input.accessKey ?? 'MADEKEY',
        secretKey: 'made-secret',
        createdAtMs: 0,
      }),
    insight: quietInsight(),
    nodes: soleNode({ id: 'n1', address: '127.0.0.1:9000', adminAddress: '127.0.0.1:9001', version: 'x' }),
    nowMs: () => 0,
    log: silentLog,
  });
});
afterEach(async () => {
  await state.disconnect();
  rmSync(directory, { recursive: true });
});

describe('admin API', () => {
  it.each([
    '/healthz',
    '/readyz',
    '/api/v1/openapi.json',
    '/',
    '/dashboard.css',
    '/src/main.js',
    '/lib/preact.js',
    '/favicon.svg',
  ])('opens %s to everyone', async (path) => expect((await app.request(path)).status).toBe(200));

  it.each([
    '/metrics',
    '/api/v1/status',
    '/api/v1/mounts',
    '/api/v1/users',
    '/api/v1/objects?bucket=lake&key=k',
    '/api/v1/none',
    '/x',
  ])('closes %s to those without credentials', async (path) => {
    const response = await app.request(path);
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toBe('Bearer realm="forebay"');
    expect(await response.json()).toMatchObject({ error: { code: 'Unauthorized' } });
  });

  it('changes nothing for those without credentials', async () => {
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ path: '/new', ufs: 'file:///d' });
    expect((await app.request('/api/v1/mounts', { method: 'POST', headers, body })).status).toBe(401);
    expect((await app.request('/api/v1/mounts?path=/lake', { method: 'DELETE' })).status).toBe(401);
    expect(await (await asRoot('/api/v1/mounts')).json()).toHaveLength(1);
  });

  it.each([
    [root.authorization, 200],
    ['Bearer a-token-of-16-chars', 200],
    ['bearer a-token-of-16-chars', 200],
    [basic('AKROOT', 'wrong'), 401],
    [basic('other', 'root-secret'), 401],
    [basic('AKROOT:root-secret', ''), 401],
    ['Bearer root-secret', 401],
    ['Bearer AKROOT:root-secret', 401],
    ['Basic %%%', 401],
    ['Basic', 401],
  ])('answers %s with %i', async (authorization, expected) => {
    expect((await app.request('/api/v1/status', { headers: { authorization } })).status).toBe(expected);
  });

  it('opens the metrics, and nothing else, to who has the token of metrics', async () => {
    const headers = { authorization: `Bearer ${metricsToken}` };
    const paths = ['/metrics', '/metrics/', '/api/v1/status', '/api/v1/users', '/metrics/../api/v1/status'];
    const answers = paths.map(async (path) => (await app.request(path, { headers })).status);
    expect(await Promise.all(answers)).toEqual([200, 401, 401, 401, 401]);
  });

  it('is not ready with the reasons, until it is', async () => {
    notReady = ['the cache is being scanned'];
    const response = await app.request('/readyz');
    expect(response.status).toBe(503);
    expect(await response.json()).toEqual({ status: 'not ready', reasons: ['the cache is being scanned'] });
    notReady = [];
    expect((await app.request('/readyz')).status).toBe(200);
  });

  it('tells metrics as Prometheus text and the status as it is', async () => {
    const metrics = await asRoot('/metrics');
    expect(metrics.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(await metrics.text()).toBe('forebay_up 1\n');
    expect(await (await asRoot('/api/v1/status')).json()).toEqual(status);
  });

  it('mounts and unmounts', async () => {
    const made = await post({ path: '/data', ufs: 'file:///d', options: { ttl: '5s', listTtl: '3s' } });
    expect(made.status).toBe(201);
    expect(await made.json()).toMatchObject({
      path: '/data',
      ttlMs: 5000,
      listTtlMs: 3000,
      abortUploadsAfterMs: 7 * 86_400_000,
      origin: 'runtime',
      uri: 'file:///d?ttl=5s&listTtl=3s',
    });
    const list = (await (await asRoot('/api/v1/mounts')).json()) as { path: string; origin: string }[];
    expect(list.map(({ path, origin }) => [path, origin])).toEqual([
      ['/data', 'runtime'],
      ['/lake', 'start'],
    ]);
    const gone = await asRoot('/api/v1/mounts?path=/data', { method: 'DELETE' });
    expect(await gone.json()).toEqual({ path: '/data', backAtRestart: false });
    const start = await asRoot('/api/v1/mounts?path=/lake/', { method: 'DELETE' });
    expect(await start.json()).toEqual({ path: '/lake', backAtRestart: true });
  });

  it.each([
    [{ path: '/lake', ufs: 's3://other' }, 409, 'Conflict', '/lake is mounted already'],
    [{ path: '/new', ufs: 'gcs://other' }, 400, 'BadRequest', 'not available in this version'],
    [{ path: '/new' }, 400, 'BadRequest', 'the body is {"path", "ufs"'],
    [{ path: '/new', ufs: 's3://x1', uri: 1 }, 400, 'BadRequest', '"uri" is not known'],
    [{ path: '/new', ufs: 's3://x1', options: { ttl: 5 } }, 400, 'BadRequest', 'the body is'],
    ['{', 400, 'BadRequest', 'the body is'],
    ['[]', 400, 'BadRequest', 'the body is'],
    ['"x'.repeat(40_000), 413, 'PayloadTooLarge', '65536 bytes'],
  ])('refuses to mount %j', async (body, httpStatus, code, message) => {
    const response = await post(body);
    expect(response.status).toBe(httpStatus);
    const { error } = (await response.json()) as { error: { code: string; message: string } };
    expect(error.code).toBe(code);
    expect(error.message).toContain(message);
  });

  it('takes a body only as JSON, so that no web page can send one', async () => {
    const body = JSON.stringify({ path: '/new', ufs: 'file:///d' });
    const headers = { 'content-type': 'text/plain' };
    expect((await asRoot('/api/v1/mounts', { method: 'POST', body, headers })).status).toBe(400);
  });

  it('answers 404 for a path that is not mounted and 400 without one', async () => {
    expect((await asRoot('/api/v1/mounts?path=/none', { method: 'DELETE' })).status).toBe(404);
    expect((await asRoot('/api/v1/mounts', { method: 'DELETE' })).status).toBe(400);
  });

  it('tells what is cached of an object, whatever its key', async () => {
    const key = 'a/../b//c +%2F é?';
    const response = await asRoot(`/api/v1/objects?${new URLSearchParams({ bucket: 'lake', key })}`);
    expect(await response.json()).toMatchObject({
      bucket: 'lake',
      key,
      mount: '/lake',
      home: 'n1',
      state: 'cached',
      sizeBytes: 7,
      etag: `"${key}"`,
      contentType: 'text/plain',
      ageMs: 1,
      pages: { cached: 1, total: 2, cachedBytes: 4 },
      freshness: { mode: 'ttl', ttlMs: 60_000, ttlLeftMs: 8 },
      policy: { rule: 'mount /lake', scope: '/lake', priority: 'normal', scopeBytes: 4 },
      forecast: { cache: 'PARTIAL' },
    });
  });

  it('tells of the read that is asked about', async () => {
    const forecastOf = async (query: string) =>
      (await (await asRoot(`/api/v1/objects?bucket=lake&key=k&${query}`)).json()) as {
        forecast: ObjectStat['forecast'];
      };
    expect((await forecastOf('range=bytes=0-9')).forecast).toMatchObject({
      ...{ cache: 'PARTIAL', reasons: ['{"kind":"span","start":0,"endExclusive":10}'] },
    });
    expect((await forecastOf('method=HEAD')).forecast.cache).toBe('HIT');
    for (const wrong of ['range=0-9', 'method=PUT']) {
      expect((await asRoot(`/api/v1/objects?bucket=lake&key=k&${wrong}`)).status).toBe(400);
    }
  });

  it('answers 404 for an object that no mount covers', async () => {
    const response = await asRoot('/api/v1/objects?bucket=other&key=k');
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ error: { message: 'no mount covers s3://other/k' } });
  });

  it('documents every route, and routes everything documented', () => {
    const isStatic = (path: string) => path === '/' || /\.(css|js|svg)$/.test(path);
    const routed = app.routes.filter(({ method, path }) => method !== 'ALL' && !isStatic(path));
    const named = (path: string) => path.replace(/:(\w+)/g, '{$1}');
    const documented = Object.entries(openApi('x').paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect([...new Set(routed.map(({ method, path }) => `${method} ${named(path)}`))].sort()).toEqual(
      documented.sort(),
    );
  });
});
