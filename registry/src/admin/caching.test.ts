import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseRule } from '@forebay/core/cache-rules';
import type { Freed, FreeRequest } from '@forebay/core/freeing';
import { silentLog } from '@forebay/core/log';
import { SecretBox } from '@forebay/core/secret-box';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LocalRegistry } from '../local-registry.ts';
import { openState, type State } from '../state-store.ts';
import { idleJobs } from '../testing/job-world.ts';
import { quietInsight } from '../testing/quiet-insight.ts';
import { createAdminApp } from './app.ts';
import { soleNode } from './nodes.ts';

let directory: string;
let state: State;
let app: ReturnType<typeof createAdminApp>;
let free: (request: FreeRequest) => Promise<Freed>;
const authorization = `Basic ${btoa('AKROOT:root-secret')}`;
const ask = (method: string, path: string, body?: unknown) =>
  app.request(path, {
    method,
    headers: { authorization, 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
const messageOf = async (response: Response) =>
  ((await response.json()) as { error: { message: string } }).error.message;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'forebay-admin-'));
  state = openState(join(directory, 'registry.sqlite'));
  const unused = () => Promise.reject(new Error('not asked here'));
  const never = () => {
    throw new Error('not asked here');
  };
  const registry = await LocalRegistry.open({
    state,
    clock: { wallMs: () => 0, monotonicMs: () => 0 },
    log: silentLog,
    mounts: [],
    restoreMount: never,
    users: [],
    rules: [parseRule({ prefix: 's3://lake/fixed/?pin=true', where: '--rule' })],
    secrets: new SecretBox(new Uint8Array(32)),
  });
  free = unused;
  app = createAdminApp({
    jobDeps: await idleJobs(),
    settings: { declared: {}, values: {} },
    registry,
    cacheNode: { stat: unused, free: (request) => free(request) },
    credentials: { accessKey: 'AKROOT', secretKey: 'root-secret', token: undefined, metricsToken: undefined },
    version: '0.1.0',
    status: unused,
    notReady: () => [],
    metricsText: unused,
    makeMount: unused,
    makeUser: never,
    insight: quietInsight(),
    nodes: soleNode({ id: 'n1', address: '127.0.0.1:9000', adminAddress: '127.0.0.1:9001', version: 'x' }),
    nowMs: () => 5000,
    log: silentLog,
  });
});
afterEach(async () => {
  await state.disconnect();
  rmSync(directory, { recursive: true });
});

describe('pins', () => {
  it('are made, listed beside those of rules, and taken away', async () => {
    const made = await ask('POST', '/api/v1/pins', { keys: 's3://lake/hot/' });
    const pin = { keys: 's3://lake/hot/', pinnedAt: '1970-01-01T00:00:05.000Z', origin: 'runtime' };
    expect([made.status, await made.json()]).toEqual([201, pin]);
    const listed = [{ keys: 's3://lake/fixed/', origin: 'start' }, pin];
    expect(await (await ask('GET', '/api/v1/pins')).json()).toEqual(listed);
    expect((await ask('DELETE', '/api/v1/pins?keys=s3://lake/hot/')).status).toBe(200);
    expect(await (await ask('GET', '/api/v1/pins')).json()).toEqual(listed.slice(0, 1));
  });

  it.each([
    ['s3://lake/other/', 404, 's3://lake/other/ is not pinned; forebay pins lists what is'],
    ['s3://lake/hot/x', 409, 'it is s3://lake/hot/ that is pinned; unpin that'],
    ['s3://lake/fixed/', 409, 'the rule s3://lake/fixed/ of the configuration pins it'],
    ['lake', 400, 's3://bucket/prefix/'],
  ])('say why %s cannot be unpinned', async (keys, status, message) => {
    await ask('POST', '/api/v1/pins', { keys: 's3://lake/hot/' });
    const response = await ask('DELETE', `/api/v1/pins?${new URLSearchParams({ keys })}`);
    expect(response.status).toBe(status);
    expect(await messageOf(response)).toContain(message);
  });

  it.each([[{}], [{ keys: 7 }], [{ keys: 's3://lake', dryRun: true }], [{ keys: 'lake/hot' }]])(
    'refuse %j',
    async (body) => expect((await ask('POST', '/api/v1/pins', body)).status).toBe(400),
  );
});

describe('to free', () => {
  const freed = { pages: 3, bytes: 30, pinnedPages: 1, pinnedBytes: 10 };
  const linesOf = async (response: Response) =>
    (await response.text())
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);

  it('hands over what was asked for, and ends with the result', async () => {
    let asked: FreeRequest | undefined;
    free = async (request) => {
      asked = request;
      return freed;
    };
    const response = await ask('POST', '/api/v1/free', { keys: 's3://lake/hot', dryRun: true });
    expect(await linesOf(response)).toEqual([{ keys: 's3://lake/hot', dryRun: true, ...freed, done: true }]);
    expect(asked).toMatchObject({ keys: { key: 'hot', prefix: 'hot/' }, pinned: false, dryRun: true });
  });

  it('ends with an error where it fails', async () => {
    free = () => Promise.reject(new Error('a secret of ours'));
    const lines = await linesOf(await ask('POST', '/api/v1/free', { keys: 's3://lake/hot/' }));
    expect(lines).toEqual([{ error: { code: 'Internal', message: 'something failed; the log says what' } }]);
  });

  it('stops where nobody reads the answer any more', async () => {
    const stopped = Promise.withResolvers<void>();
    free = ({ signal }) =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => {
          stopped.resolve();
          reject(signal.reason as Error);
        });
      });
    const response = await ask('POST', '/api/v1/free', { keys: 's3://lake/hot/' });
    await response.body?.cancel();
    await stopped.promise;
  });

  it.each([[{}], [{ keys: 's3://lake', all: true }], [{ keys: 's3://lake', pinned: 'yes' }]])(
    'refuses %j',
    async (body) => expect((await ask('POST', '/api/v1/free', body)).status).toBe(400),
  );
});
