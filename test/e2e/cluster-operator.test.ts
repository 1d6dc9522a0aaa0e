/** What an operator asks of a cluster, also of one with a dead node: where an object lies, and to free it. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { FreedView } from '@forebay/registry/admin/caching';
import type { ObjectView } from '@forebay/registry/admin/objects';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Cluster, clusterKeys } from '../support/cluster/cluster.ts';
import type { Member } from '../support/cluster/member.ts';
import { openNetwork } from '../support/cluster/network.ts';
import { contentOf, differenceOf, mebibyte } from '../support/content.ts';
import { type MemoryS3, startMemoryS3 } from '../support/memory-s3.ts';
import { type RunResult, run } from '../support/process.ts';
import { until } from '../support/until.ts';
import { WireClient } from '../support/wire-client.ts';

const mainFile = resolve(import.meta.dirname, '../../cli/src/main.ts');
const segments = 8;
const content = contentOf(7, segments * mebibyte - 5);

let ufs: MemoryS3;
let cluster: Cluster;
let client: WireClient;
beforeAll(async () => {
  const network = openNetwork('proxies');
  ufs = await startMemoryS3({});
  const place = `endpoint=${ufs.endpoint}&region=us-east-1&pathStyle=true&credentials=env:UFS`;
  cluster = await Cluster.start({
    ...{ nodes: 3, gateways: 1, network, flags: { registry: ['--segment-size', '1MiB'] } },
    env: { UFS_ACCESS_KEY_ID: ufs.accessKey, UFS_SECRET_ACCESS_KEY: ufs.secretKey },
    mounts: [{ path: '/lake', ufs: `s3://lake?${place}&ttl=1h&pageSize=256KiB` }],
  });
  client = new WireClient(cluster.endpoint(0));
  await fetch(`${ufs.endpoint}/lake/big`, { method: 'PUT', body: content });
});
afterAll(async () => {
  client?.close();
  await cluster?.stop();
  await ufs?.stop();
});

function forebay(...args: string[]): Promise<RunResult> {
  const { accessKey, secretKey } = clusterKeys;
  const env = { FOREBAY_ACCESS_KEY: accessKey, FOREBAY_SECRET_KEY: secretKey };
  return run(process.execPath, [mainFile, ...args, '--admin', cluster.registries[0]!.adminUrl], { env });
}

async function explain(): Promise<ObjectView> {
  const { code, stdout, stderr } = await forebay('explain', 's3://lake/big', '--json');
  expect([code, stderr]).toEqual([0, '']);
  return JSON.parse(stdout) as ObjectView;
}

/** Pages go to their stores behind the answer, and where an owner is slow, to its successor. */
async function allCached(): Promise<ObjectView> {
  await until('all pages are cached', async () => {
    await read();
    const { pages } = await cluster.ask<ObjectView>('GET', '/api/v1/objects?bucket=lake&key=big');
    return pages.cached === 4 * segments;
  });
  return explain();
}

const sum = (counts: readonly number[]) => counts.reduce((total, count) => total + count, 0);

async function read(): Promise<void> {
  const { status, body } = await client.send({ path: '/lake/big' });
  expect([status, differenceOf(body, content)]).toEqual([200, undefined]);
}

it('explain says which node is home, which own the segments, and what they have', async () => {
  expect((await explain()).placement).toMatchObject({ nodes: [{ home: true }], segments: [] });
  const { home, pages, placement, forecast } = await allCached();
  expect(pages).toMatchObject({ total: 4 * segments, cachedBytes: content.length });
  expect(placement!.segments).toHaveLength(segments);
  for (const { owner, ownerPages } of placement!.segments) {
    expect(ownerPages).toBe(4);
    expect(placement!.nodes.map(({ nodeId }) => nodeId)).toContain(owner);
  }
  expect(placement!.nodes.find((node) => node.home)?.nodeId).toBe(home);
  expect(placement!.segments[0]!.owner).toBe(home);
  expect(forecast).toMatchObject({ certain: true, cache: 'HIT', ufsRequests: [] });
  const { stdout } = await forebay('explain', 's3://lake/big');
  expect(stdout).toContain(`Home           ${home} at `);
  expect(stdout).toContain(`Pages          ${4 * segments} of ${4 * segments} cached`);
  expect(stdout).toMatch(/Segments +8 of 1 MiB\n +0.*: \S+, \d+ of \d+ pages/);
});

it('free frees at the nodes that answer, names the dead one, and what that keeps is as true as before', async () => {
  const { placement } = await explain();
  const victim = placement!.nodes.find(({ home }) => !home)!;
  const living = placement!.nodes.filter((node) => node !== victim);
  const idOf = ({ dataDir }: Member) => readFileSync(join(dataDir, 'node-id'), 'utf8').trim();
  const dead = cluster.nodes.find((node) => idOf(node) === victim.nodeId)!;
  await dead.kill9();
  const { code, stdout, stderr } = await forebay('free', 's3://lake/big', '--json');
  expect(code).toBe(1);
  expect(stderr).toContain(victim.nodeId);
  const freed = JSON.parse(stdout) as FreedView;
  expect(freed).toMatchObject({
    pages: sum(living.map(({ stored }) => stored!.pages)),
    silent: [{ nodeId: victim.nodeId }],
  });
  dead.start();
  await dead.untilReady();
  await allCached();
  expect(await forebay('free', 's3://lake/big')).toMatchObject({ code: 0, stderr: '' });
  expect((await explain()).pages.cached).toBe(0);
});
