/** Each cache node is stopped and started again under load: no read fails, and each has its pages again. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { clusterKeys } from '../support/cluster/cluster.ts';
import { metric } from '../support/metrics.ts';
import { Random } from '../support/random.ts';
import { until } from '../support/until.ts';
import { WireClient } from '../support/wire-client.ts';
import { LoadedCluster } from './loaded-cluster.ts';

let loaded: LoadedCluster;
beforeAll(async () => {
  loaded = await LoadedCluster.start({ nodes: 3, gateways: 1 });
});
afterAll(() => loaded?.stop());

async function ufsGets(): Promise<number> {
  const members = [...loaded.cluster.nodes, ...loaded.cluster.gateways];
  const ofEach = members.map(({ adminUrl }) =>
    metric({ admin: adminUrl, ...clusterKeys }, 'forebay_ufs_requests_total', { op: 'get' }),
  );
  return (await Promise.all(ofEach)).reduce((sum, count) => sum + count, 0);
}

async function readAll(): Promise<void> {
  const client = new WireClient(loaded.cluster.endpoint(0));
  for (const { path } of loaded.objects) expect((await client.sendWithin(30_000, { path })).status).toBe(200);
  client.close();
}

interface Node {
  readonly role: string;
  readonly state: string;
  readonly handOff?: { readonly state: string };
}

const untilAllDone = () =>
  until(
    'every node is active and has offered what others own',
    async () => {
      const nodes = await loaded.cluster.ask<Node[]>('GET', '/api/v1/nodes');
      const done = nodes.filter(({ role, handOff }) => role === 'cache-node' && handOff?.state === 'done');
      return done.filter(({ state }) => state === 'active').length === 3;
    },
    60_000,
  );

it('costs no read and no page', async () => {
  await readAll();
  await untilAllDone();
  const load = loaded.load(new Random(3), 4);
  for (const node of loaded.cluster.nodes) {
    expect(await node.stop()).toBe(0);
    node.start();
    await node.untilReady();
    await untilAllDone();
  }
  await load.stop();
  expect(load.failures).toEqual([]);
  const { reads, p99Ms } = load.take();
  const before = await ufsGets();
  await readAll();
  const gets = (await ufsGets()) - before;
  process.stderr.write(`rolling restart: ${JSON.stringify({ reads, p99Ms, ufsGetsBefore: before, gets })}\n`);
  expect(gets).toBe(0);
});
