import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '@forebay/core/log';
import { grantPolicy } from '@forebay/core/policy/grants';
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

const policy = JSON.parse(grantPolicy('read:/lake')) as object;
let directory: string;
let state: State;
let registry: LocalRegistry;
let app: ReturnType<typeof createAdminApp>;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'forebay-admin-users-'));
  state = openState(join(directory, 'registry.sqlite'));
  const ofFile = { name: 'ofFile', accessKey: 'FILEKEY', secretKey: 'file-secret', policies: [] };
  registry = await LocalRegistry.open({
    state,
    clock: { wallMs: () => 0, monotonicMs: () => 0 },
    log: silentLog,
    mounts: [],
    restoreMount: () => {
      throw new Error('no mounts here');
    },
    users: [new User({ ...ofFile, createdAtMs: 0 })],
    rules: [],
    secrets: new SecretBox(randomBytes(32)),
  });
  const unused = () => Promise.reject(new Error('not asked here'));
  app = createAdminApp({
    jobDeps: await idleJobs(),
    settings: { declared: {}, values: {} },
    registry,
    cacheNode: { stat: unused, free: unused },
    credentials: { accessKey: 'AKROOT', secretKey: 'root-secret', token: undefined, metricsToken: undefined },
    version: '0.1.0',
    status: unused,
    notReady: () => [],
    metricsText: unused,
    makeMount: unused,
    makeUser: ({ name, accessKey = 'MADEKEY', policies }) =>
      new User({ name, accessKey, policies, secretKey: 'made-secret', createdAtMs: 0 }),
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

const ask = (method: string, path: string, body?: unknown) =>
  app.request(path, {
    method,
    headers: { authorization: `Basic ${btoa('AKROOT:root-secret')}`, 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
const add = (body: unknown) => ask('POST', '/api/v1/users', body);
const list = async () => (await (await ask('GET', '/api/v1/users')).json()) as { name: string }[];

describe('users in the admin API', () => {
  it('are made with a secret key that is told once', async () => {
    const made = await add({ name: 'ann', policies: [policy, JSON.stringify(policy)] });
    expect(made.status).toBe(201);
    const ann = {
      name: 'ann',
      accessKey: 'MADEKEY',
      policies: [policy, policy],
      createdAt: new Date(0).toISOString(),
      origin: 'runtime',
    };
    expect(await made.json()).toEqual({ ...ann, secretKey: 'made-secret' });
    expect(await list()).toEqual([
      ann,
      { ...ann, name: 'ofFile', accessKey: 'FILEKEY', policies: [], origin: 'start' },
    ]);
    expect(registry.view().users.byAccessKey('MADEKEY')?.name).toBe('ann');
  });

  it('are removed, and are unknown from then on', async () => {
    await add({ name: 'ann' });
    const gone = await ask('DELETE', '/api/v1/users?name=ann');
    expect(await gone.json()).toEqual({ name: 'ann', backAtRestart: false });
    expect(registry.view().users.byAccessKey('MADEKEY')).toBeUndefined();
    expect((await ask('DELETE', '/api/v1/users?name=ann')).status).toBe(404);
    expect((await ask('DELETE', '/api/v1/users')).status).toBe(400);
    const start = await ask('DELETE', '/api/v1/users?name=ofFile');
    expect(await start.json()).toEqual({ name: 'ofFile', backAtRestart: true });
  });

  it.each([
    [{}, 400, 'the body is {"name", "accessKey"?, "policies"?: [policy]}'],
    [{ name: 'ann', secretKey: 'x' }, 400, '"secretKey" is not known'],
    [{ name: 'ann', policies: {} }, 400, 'the body is'],
    [{ name: 'ann', policies: [1] }, 400, 'the body is'],
    [{ name: 'a b' }, 400, 'a name has 1 to 64'],
    [
      { name: 'ann', policies: [policy, { Statement: [{ Efect: 'Allow' }] }] },
      400,
      'policy 2: Statement[0]: ',
    ],
    [{ name: 'ofFile' }, 409, 'there is a user ofFile already'],
    [{ name: 'ann', accessKey: 'FILEKEY' }, 409, 'is that of the user ofFile'],
    [{ name: 'x'.repeat(600_000) }, 413, '524288 bytes'],
  ])('%#: %j', async (body, httpStatus, message) => {
    const response = await add(body);
    expect(response.status).toBe(httpStatus);
    const { error } = (await response.json()) as { error: { message: string } };
    expect(error.message).toContain(message);
    expect(await list()).toHaveLength(1);
  });

  it('are in the OpenAPI document', () => {
    expect(Object.keys(openApi('1').paths['/api/v1/users'])).toEqual(['get', 'post', 'delete']);
  });
});
