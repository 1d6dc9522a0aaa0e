/** A gateway of a cluster as its process has it: a real registry, a node behind a real data plane, a UFS. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { RemoteRegistry } from '@forebay/cluster/registry-client';
import { TestOwner } from '@forebay/cluster/testing/test-owner';
import { silentLog } from '@forebay/core/log';
import { registryLeaseMs } from '@forebay/core/membership';
import { CacheNodeServer } from '@forebay/data-plane/cache-node-server';
import { openUfs } from '@forebay/ufs/open-ufs';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { until } from '../../../test/support/until.ts';
import { loadGatewayConfig, loadRegistryConfig } from '../role-config.ts';
import { type RunningGateway, startGateway } from './gateway.ts';
import { type RunningRegistry, startRegistry } from './registry.ts';

const clusterSecret = 'a cluster secret for tests';
const env = {
  ...{ FOREBAY_CLUSTER_SECRET: clusterSecret },
  ...{ FOREBAY_ACCESS_KEY: 'ROOTKEY', FOREBAY_SECRET_KEY: 'root-secret-key' },
};
const never = new AbortController().signal;

let directory: string;
let nowMs: number;
let undo: (() => unknown)[];
let registry: RunningRegistry;
let gateway: RunningGateway;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'forebay-gateway-role-'));
  mkdirSync(join(directory, 'ufs'));
  writeFileSync(join(directory, 'ufs/a'), 'what is there');
  nowMs = 1000;
  undo = [];
  registry = await startTestRegistry();
  undo.push(() => registry.stop());
  gateway = await startTestGateway();
  undo.push(() => gateway.stop());
});
afterEach(async () => {
  for (const step of undo.reverse()) await step();
  rmSync(directory, { recursive: true });
});

function startTestRegistry(): Promise<RunningRegistry> {
  const mount = [`/lake=file://${directory}/ufs`];
  const flags = { dataDir: join(directory, 'registry'), adminPort: '0', mount };
  const clock = { wallMs: () => Date.now(), monotonicMs: () => nowMs };
  return startRegistry({ config: loadRegistryConfig({ flags, env, nowMs: 1 }), log: silentLog, clock });
}

function startTestGateway(more: Readonly<Record<string, string>> = {}): Promise<RunningGateway> {
  const flags = { registry: [registry.adminUrl], port: '0', adminPort: '0', ...more };
  const config = loadGatewayConfig({ flags, env: { FOREBAY_CLUSTER_SECRET: clusterSecret }, nowMs: 1 });
  return startGateway(config, silentLog, never);
}

/** A node that is a member, and hears of its epochs. */
async function joinNode(): Promise<{ owner: TestOwner; server: CacheNodeServer }> {
  const addresses = [registry.adminUrl];
  const remote = await RemoteRegistry.open({ addresses, clusterSecret, viewPath: undefined, log: silentLog });
  undo.push(() => remote.close());
  const { mounts } = remote.view();
  const owner = new TestOwner('n1', await openUfs(mounts.mounts[0]!.ufs, { env: {}, log: silentLog }));
  const server = new CacheNodeServer({
    node: owner,
    mounts: () => remote.view().mounts,
    secret: clusterSecret,
  });
  const address = await server.listen({ host: '127.0.0.1', port: 0 });
  undo.push(() => server.close());
  let last = {
    epoch: 0,
    registry: undefined as string | undefined,
    lastGrant: undefined as string | undefined,
  };
  const renew = async () => {
    const answer = await remote.renew({
      ...{ nodeId: 'n1', incarnation: '1', adminAddress: '127.0.0.1:1', weight: 1, holdsLock: true },
      ...{ address: 'port' in address ? `127.0.0.1:${address.port}` : '', wish: 'active', version: '1' },
      ...last,
    });
    const { membership } = answer;
    if (membership) last = { ...last, epoch: membership.epoch.number, registry: membership.epoch.registry };
    if (answer.granted) last = { ...last, lastGrant: answer.grant };
    if (membership) owner.learn(membership);
    return membership?.settled && membership.epoch.members.length === 1;
  };
  await renew();
  nowMs += registryLeaseMs;
  await until('the node is a member', renew);
  return { owner, server };
}

const readiness = async () =>
  (await (await fetch(`${gateway.adminUrl}/readyz`)).json()) as { readonly status: string };

function client(): S3Client {
  const credentials = { accessKeyId: 'ROOTKEY', secretAccessKey: 'root-secret-key' };
  const s3 = new S3Client({
    endpoint: gateway.endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials,
  });
  undo.push(() => s3.destroy());
  return s3;
}

async function read(s3: S3Client, key: string): Promise<string | undefined> {
  return (await s3.send(new GetObjectCommand({ Bucket: 'lake', Key: key }))).Body?.transformToString();
}

it('serves by the nodes of its registry, and goes on without them and without it', async () => {
  expect(await readiness()).toMatchObject({
    status: 'not ready',
    reasons: [expect.stringContaining('nodes')],
  });
  const s3 = client();
  expect(await read(s3, 'a')).toBe('what is there');
  const { owner, server } = await joinNode();
  await until('it is ready', async () => (await readiness()).status === 'ready');
  await s3.send(new PutObjectCommand({ Bucket: 'lake', Key: 'b', Body: 'written' }));
  expect(owner.writes.map((line) => line.split(' ')[0])).toEqual(['begin', 'end']);
  expect(await read(s3, 'b')).toBe('written');
  expect(owner.opens).toHaveLength(1);
  await server.close();
  await registry.stop();
  expect(await read(s3, 'b')).toBe('written');
  expect(await readiness()).toEqual({ status: 'ready' });
});

it('shows on its registry what it served, what was hot and what was slow', async () => {
  await joinNode();
  const s3 = client();
  for (let request = 0; request < 3; request += 1) await read(s3, 'a');
  const authorization = `Basic ${Buffer.from('ROOTKEY:root-secret-key').toString('base64')}`;
  const ask = async (path: string) => {
    // What was read a moment ago is told again.
    nowMs += 2000;
    const answer = await fetch(`${registry.adminUrl}/api/v1/${path}`, { headers: { authorization } });
    return (await answer.json()) as unknown;
  };
  expect(await ask('status')).toMatchObject({ requests: { total: 3, failed: 0 } });
  expect(await ask('hot')).toMatchObject({ objects: [{ name: 's3://lake/a', count: 3, bytes: 39 }] });
  expect(await ask('slow')).toHaveLength(3);
  expect(await ask('curve')).toMatchObject({ points: [] });
});

it('takes root keys and mounts from its registry, and starts without it once it knew them', async () => {
  const dataDir = join(directory, 'gateway');
  await (await startTestGateway({ dataDir })).stop();
  await registry.stop();
  gateway = await startTestGateway({ dataDir });
  undo.push(() => gateway.stop());
  expect(await read(client(), 'a')).toBe('what is there');
});

it('tells what it counts to who has the root keys', async () => {
  const metrics = `${gateway.adminUrl}/metrics`;
  expect((await fetch(metrics)).status).toBe(401);
  const authorization = `Basic ${Buffer.from('ROOTKEY:root-secret-key').toString('base64')}`;
  const text = await (await fetch(metrics, { headers: { authorization } })).text();
  expect(text).toContain('forebay_node_requests_total');
});
