import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RemoteRegistry } from '@forebay/cluster/registry-client';
import { clusterTokenOf } from '@forebay/core/cluster-secret';
import { silentLog } from '@forebay/core/log';
import { type RenewalRequest, registryLeaseMs } from '@forebay/core/membership';
import { parseMount } from '@forebay/core/mount-uri';
import { grantPolicy } from '@forebay/core/policy/grants';
import { parsePolicy } from '@forebay/core/policy/policy';
import type { RegistryView } from '@forebay/core/registry';
import { User } from '@forebay/core/user';
import type { NodeView } from '@forebay/registry/cluster/node-views';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../../../test/support/until.ts';
import { loadRegistryConfig } from '../role-config.ts';
import { type RunningRegistry, startRegistry } from './registry.ts';

const secret = 'a cluster secret for tests';
const keys = { FOREBAY_ACCESS_KEY: 'ROOTKEY', FOREBAY_SECRET_KEY: 'root-secret-key' };

let directory: string;
let nowMs: number;
let running: RunningRegistry;
let remotes: RemoteRegistry[];
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'forebay-registry-role-'));
  [nowMs, remotes] = [1000, []];
  running = await start();
});
afterEach(async () => {
  await Promise.all(remotes.map((remote) => remote.close()));
  await running.stop();
  rmSync(directory, { recursive: true });
});

/** Its monotonic time is `nowMs`. */
function start(adminPort = '0', env: Record<string, string> = keys): Promise<RunningRegistry> {
  const flags = { dataDir: join(directory, 'registry'), adminPort, mount: ['/lake=s3://lake'] };
  const all = { ...env, FOREBAY_CLUSTER_SECRET: secret };
  const clock = { wallMs: () => Date.now(), monotonicMs: () => nowMs };
  return startRegistry({ config: loadRegistryConfig({ flags, env: all, nowMs: 1 }), log: silentLog, clock });
}

async function open(addresses = [running.adminUrl], clusterSecret = secret): Promise<RemoteRegistry> {
  const viewPath = join(directory, 'view.json');
  const remote = await RemoteRegistry.open({ addresses, clusterSecret, viewPath, log: silentLog });
  remotes.push(remote);
  return remote;
}

function ask(path: string, init: RequestInit = {}, authorization = basic()): Promise<Response> {
  return fetch(running.adminUrl + path, { ...init, headers: { authorization } });
}
const basic = () => `Basic ${Buffer.from('ROOTKEY:root-secret-key').toString('base64')}`;
const nodes = async () => (await (await ask('/api/v1/nodes')).json()) as NodeView[];

/** Renewals of one node, one after the other, each by what the last one told. */
function nodeOf(remote: RemoteRegistry, nodeId: string) {
  let last: Partial<RenewalRequest> = {};
  return async (more: Partial<RenewalRequest> = {}) => {
    const answer = await remote.renew({
      ...{ nodeId, incarnation: `${nodeId}-1`, address: `${nodeId}:9100`, adminAddress: `${nodeId}:9101` },
      ...{ weight: 2, holdsLock: true, wish: 'active', epoch: 0, registry: undefined, lastGrant: undefined },
      ...{ version: '9.9', ...last, ...more },
    });
    const epoch = answer.membership?.epoch;
    if (epoch) last = { ...last, epoch: epoch.number, registry: epoch.registry };
    if (answer.granted) last = { ...last, lastGrant: answer.grant };
    return answer;
  };
}

/** Views from now on, as a role sees them. */
function seen(
  remote: RemoteRegistry,
  what: string,
  holds: (view: RegistryView) => unknown,
): Promise<unknown> {
  return until(what, () => Boolean(holds(remote.view())));
}

describe('a registry of a cluster', () => {
  it('gives its view, with the root user, to who has the secret, and to nobody else', async () => {
    const remote = await open();
    expect(remote.view().mounts.mounts.map(({ path }) => path)).toEqual(['/lake']);
    expect(remote.root()).toEqual({ accessKey: 'ROOTKEY', secretKey: 'root-secret-key' });
    await expect(open(undefined, 'another secret of 16')).rejects.toThrow('another FOREBAY_CLUSTER_SECRET');
    expect((await ask('/v1/view')).status).toBe(401);
    const token = await ask('/v1/view', {}, `Bearer ${clusterTokenOf(secret)}`);
    expect(await token.text()).not.toContain('root-secret-key');
  });

  it('shows changes made at its admin API to roles, and theirs to each other', async () => {
    const [one, other] = [await open(), await open()];
    await fetch(`${running.adminUrl}/api/v1/mounts`, {
      method: 'POST',
      headers: { authorization: basic(), 'content-type': 'application/json' },
      body: JSON.stringify({ path: '/data', ufs: 's3://data?ttl=5s' }),
    });
    await seen(one, 'the mount', ({ mounts }) => mounts.resolve('data', 'x')?.mount.ttlMs === 5000);
    const policies = [parsePolicy(grantPolicy('read:/lake'), 'test')];
    const ann = { name: 'ann', accessKey: 'KEYANN', secretKey: 'secret-of-ann', policies, createdAtMs: 1 };
    await one.addUser(new User(ann));
    expect(one.view().users.byAccessKey('KEYANN')).toMatchObject({ secretKey: 'secret-of-ann' });
    await seen(other, 'the user', ({ users }) => users.byAccessKey('KEYANN')?.secretKey === 'secret-of-ann');
    await expect(other.addUser(new User(ann))).rejects.toMatchObject({ code: 'name-taken' });
    await one.unmount('/data');
    await seen(other, 'the mount gone', ({ mounts }) => !mounts.resolve('data', 'x'));
    await other.mount(parseMount('/new=s3://new', { pageSizeBytes: 1 << 20, createdAtMs: 7 }));
    await seen(one, 'the new mount', ({ mounts }) => mounts.resolve('new', 'x'));
  });

  it('makes a node a member once it may, shows it, and drains it', async () => {
    const remote = await open();
    const renew = nodeOf(remote, 'n1');
    expect(await renew()).toMatchObject({ granted: false, reason: 'starting' });
    nowMs += registryLeaseMs;
    await until('an epoch', async () => (await renew()).membership);
    await until('the member', async () => (await renew()).membership?.epoch.members.length === 1);
    await seen(remote, 'the member', ({ membership }) => membership?.epoch.members[0]?.nodeId === 'n1');
    await remote.join({
      ...{ nodeId: 'g1', role: 'gateway', address: 'g1:9000', adminAddress: 'g1:9002' },
      ...{ startedAtMs: 1, version: '9.9' },
    });
    expect(await nodes()).toMatchObject([
      { id: 'n1', role: 'cache-node', address: 'n1:9100', state: 'active', ringShare: 1, version: '9.9' },
      { id: 'g1', role: 'gateway', address: 'g1:9000', state: 'active' },
    ]);
    const object = await ask('/api/v1/objects?bucket=lake&key=x');
    expect([object.status, await object.text()]).toEqual([503, expect.stringContaining('n1')]);
    expect((await ask('/api/v1/nodes/n1/drain', { method: 'POST' })).status).toBe(202);
    expect((await nodes())[0]).toMatchObject({ state: 'draining', ringShare: 0 });
    await seen(remote, 'the drain', ({ membership }) => membership?.epoch.members[0]?.state === 'draining');
    expect((await ask('/api/v1/nodes/none/drain', { method: 'POST' })).status).toBe(404);
    await renew({ wish: 'leaving' });
    expect(await nodes()).toMatchObject([{ id: 'g1' }]);
    const metrics = await (await ask('/metrics')).text();
    expect(metrics).toMatch(/forebay_registry_renewals_total\{result="granted"\} [1-9]/);
    expect(metrics).toMatch(/forebay_registry_active 1/);
  });

  it('names a node that has fallen silent where pages are freed: it keeps what it has', async () => {
    const renew = nodeOf(await open(), 'n1');
    nowMs += registryLeaseMs;
    await until('the member', async () => (await renew()).membership?.epoch.members.length === 1);
    nowMs += registryLeaseMs;
    await until('it is in no ring', async () => {
      const [node] = await nodes();
      return node?.state === 'silent' && node.ringShare === 0;
    });
    const answer = await fetch(`${running.adminUrl}/api/v1/free`, {
      ...{ method: 'POST', body: '{"keys": "s3://lake/"}' },
      headers: { authorization: basic(), 'content-type': 'application/json' },
    });
    expect(await answer.text()).toMatch(/"silent":\[\{"nodeId":"n1",.*"done":true/);
  });

  it('lets roles go on with the last view while it is away, and start with it', async () => {
    const remote = await open();
    const { adminUrl } = running;
    await seen(remote, 'a view', ({ mounts }) => mounts.resolve('lake', 'x'));
    await until('the view is kept', () => existsSync(join(directory, 'view.json')));
    await running.stop();
    expect(statSync(join(directory, 'view.json')).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(directory, 'view.json'), 'utf8')).not.toContain('root-secret-key');
    const late = await open([adminUrl]);
    expect(late.view().mounts.resolve('lake', 'x')).toBeDefined();
    expect(late.isReachable).toBe(false);
    await expect(late.unmount('/lake')).rejects.toThrow('no registry answers');
    await expect(nodeOf(late, 'n1')()).rejects.toThrow('no registry answers');
    running = await start(new URL(adminUrl).port);
    await until('it is heard again', () => remote.isReachable && late.isReachable);
    await late.unmount('/lake');
    expect(late.view().mounts.resolve('lake', 'x')).toBeUndefined();
    await seen(remote, 'the change', ({ mounts }) => !mounts.resolve('lake', 'x'));
  });

  it('is followed also where its records are an older copy', async () => {
    const remote = await open();
    const { port } = new URL(running.adminUrl);
    const [records, copy] = [join(directory, 'registry'), join(directory, 'copy')];
    await running.stop();
    cpSync(records, copy, { recursive: true });
    running = await start(port);
    await until('it is heard', () => remote.isReachable);
    await remote.mount(parseMount('/new=s3://new', { pageSizeBytes: 1 << 20, createdAtMs: 7 }));
    await running.stop();
    rmSync(records, { recursive: true });
    cpSync(copy, records, { recursive: true });
    running = await start(port);
    await seen(remote, 'the older copy', ({ mounts }) => !mounts.resolve('new', 'x'));
  });

  it('makes a root user at its first start where none is given, and has it again', async () => {
    await running.stop();
    running = await start('0', {});
    const { accessKey, secretKey } = (await open()).root();
    const kept = readFileSync(join(directory, 'registry', 'root-credentials.json'), 'utf8');
    expect(JSON.parse(kept)).toEqual({ accessKey, secretKey });
    await running.stop();
    running = await start('0', {});
    expect((await open()).root()).toEqual({ accessKey, secretKey });
  });

  it('sends a long view packed', async () => {
    await running.stop();
    const mounts = Array.from({ length: 150 }, (_, index) => `/lake-${index}=s3://lake`).join(' ');
    running = await start('0', { ...keys, FOREBAY_MOUNT: mounts });
    const view = await ask('/v1/view', {}, `Bearer ${clusterTokenOf(secret)}`);
    expect(view.headers.get('content-encoding')).toBe('gzip');
    expect((await open()).view().mounts.resolve('lake-149', 'x')).toBeDefined();
  });

  it('is asked for nothing that is no request of a node', async () => {
    const send = async (body: string) => {
      const authorization = `Bearer ${clusterTokenOf(secret)}`;
      const init = { method: 'POST', headers: { authorization }, body };
      return (await fetch(`${running.adminUrl}/v1/renew`, init)).status;
    };
    for (const body of ['', '[]', '{"nodeId": 7}', '{"nodeId": "n", "holdsLock": true, "wish": "no"}'])
      expect(await send(body)).toBe(400);
    expect((await ask('/v1/none', {}, `Bearer ${clusterTokenOf(secret)}`)).status).toBe(404);
  });
});

it('a registry wants a cluster secret, and says how to make one', () => {
  const load = (env: Record<string, string>) => loadRegistryConfig({ flags: {}, env, nowMs: 1 });
  expect(() => load({})).toThrow('openssl rand -hex 32');
  const env = {
    FOREBAY_CLUSTER_SECRET: secret,
    FOREBAY_SEGMENT_SIZE: '3MiB',
    FOREBAY_MOUNT: '/lake=s3://lake?pageSize=2MiB',
  };
  expect(() => load(env)).toThrow('no multiple of its page size');
  const flags = { state: 'redis://:password@127.0.0.1:6379' };
  const withPassword = () => loadRegistryConfig({ flags, env: { FOREBAY_CLUSTER_SECRET: secret }, nowMs: 1 });
  expect(withPassword).toThrow('goes into FOREBAY_STATE');
  expect(withPassword).not.toThrow('password@');
});
