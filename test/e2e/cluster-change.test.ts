/**
 * A cluster of real processes that grows from three cache nodes to four, drains one and stops it, while
 * clients read through a gateway: no read fails, every byte is right, and the UFS hardly hears of it.
 */
import { resolve } from 'node:path';
import type { NodeView } from '@forebay/registry/cluster/node-views';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Cluster, clusterKeys } from '../support/cluster/cluster.ts';
import { openNetwork } from '../support/cluster/network.ts';
import { contentOf } from '../support/content.ts';
import { type MemoryS3, startMemoryS3 } from '../support/memory-s3.ts';
import { metric } from '../support/metrics.ts';
import { run } from '../support/process.ts';
import { Random } from '../support/random.ts';
import { until } from '../support/until.ts';
import { WireClient } from '../support/wire-client.ts';

const KiB = 1024;
const scale = Number(process.env.FOREBAY_TEST_CHANGE_SCALE ?? 1);
const objects = new Map<string, Buffer>();
for (let number = 0; number < 200 * scale; number += 1) {
  objects.set(`small-${number}`, contentOf(number, 20 * KiB + number));
}
for (let number = 0; number < 5 * scale; number += 1) {
  objects.set(`large-${number}`, contentOf(1_000 + number, 8 * 1024 * KiB + 99 + number));
}
const keys = [...objects.keys()];

let ufs: MemoryS3;
let cluster: Cluster;
let ufsGets = 0;

beforeAll(async () => {
  const delay = async ({ method }: { readonly method: string }) => {
    if (method === 'GET') ufsGets += 0.5;
  };
  const network = openNetwork();
  ufs = await startMemoryS3({ host: network.host, delay });
  for (const [key, body] of objects) await fetch(`${ufs.endpoint}/lake/${key}`, { method: 'PUT', body });
  const where = `endpoint=${ufs.endpoint}&region=us-east-1&pathStyle=true&credentials=env:UFS`;
  cluster = await Cluster.start({
    ...{ nodes: 3, gateways: 1, network },
    mounts: [{ path: '/lake', ufs: `s3://lake?${where}&ttl=1h&pageSize=256KiB` }],
    env: { UFS_ACCESS_KEY_ID: ufs.accessKey, UFS_SECRET_ACCESS_KEY: ufs.secretKey },
    flags: { registry: ['--segment-size', '2MiB'], 'cache-node': ['--cache-size', '512MiB'] },
  });
});
afterAll(async () => {
  await cluster?.stop();
  await ufs?.stop();
});

async function read(client: WireClient, key: string): Promise<number> {
  const { status, body, isCut } = await client.sendWithin(20_000, { path: `/lake/${key}` });
  expect([key, status, isCut]).toEqual([key, 200, false]);
  expect(objects.get(key)!.equals(body), key).toBe(true);
  return body.byteLength;
}

async function ufsBytes(): Promise<number> {
  const members = [...cluster.nodes, ...cluster.gateways].filter(({ running }) => running);
  const ofEach = members.map(({ adminUrl }) =>
    metric({ admin: adminUrl, ...clusterKeys }, 'forebay_ufs_bytes_total'),
  );
  return (await Promise.all(ofEach)).reduce((sum, bytes) => sum + bytes, 0);
}

/** Three clients that read random objects until the change is over. */
async function underLoad(
  what: string,
  change: () => Promise<void>,
): Promise<{ ufsGets: number; hitRatio: number }> {
  const clients = [1, 2, 3].map(() => new WireClient(cluster.endpoint(0)));
  const [getsBefore, bytesBefore] = [ufsGets, await ufsBytes()];
  let [isOver, reads, readBytes] = [false, 0, 0];
  const reading = clients.map(async (client, seed) => {
    const random = new Random(seed);
    while (!isOver) {
      readBytes += await read(client, random.pick(keys));
      reads += 1;
    }
  });
  try {
    await Promise.race([change(), ...reading]);
  } finally {
    isOver = true;
    await Promise.all(reading);
    for (const client of clients) client.close();
  }
  // Of a node that was stopped meanwhile nobody knows.
  const fetched = Math.max(0, (await ufsBytes()) - bytesBefore);
  const figures = { reads, ufsGets: ufsGets - getsBefore, hitRatio: 1 - fetched / readBytes };
  process.stderr.write(`${what}: ${JSON.stringify(figures)}\n`);
  return figures;
}

const cacheNodes = async () =>
  (await cluster.ask<NodeView[]>('GET', '/api/v1/nodes')).filter(({ role }) => role === 'cache-node');

const epochNow = async () => Math.max(...(await cacheNodes()).map(({ epoch = 0 }) => epoch));

/** So many nodes own something, know one epoch later than this, and have offered what they do not own. */
const untilMoved = (count: number, after: number) =>
  until(
    `${count} nodes have what they own`,
    async () => {
      const active = (await cacheNodes()).filter(({ state }) => state === 'active');
      const epochs = new Set(active.map(({ epoch }) => epoch));
      const done = active.filter(
        ({ handOff, epoch }) => handOff?.state === 'done' && handOff.epoch === epoch,
      );
      const isOne = epochs.size === 1 && (active[0]?.epoch ?? 0) > after;
      return active.length === count && done.length === count && isOne;
    },
    60_000,
  );

it('grows by a node and drains one under load, without a failed read and without the UFS', async () => {
  const client = new WireClient(cluster.endpoint(0));
  for (const key of keys) await read(client, key);
  client.close();
  await untilMoved(3, 0);
  const before = await cacheNodes();

  const grown = await underLoad('3 to 4 nodes', async () => {
    const epoch = await epochNow();
    await cluster.addNode();
    await untilMoved(4, epoch);
  });
  expect(grown.hitRatio).toBeGreaterThan(0.95);
  expect(grown.ufsGets).toBeLessThan(keys.length / 20);
  const known = new Set(before.map(({ id }) => id));
  const added = (await cacheNodes()).find(({ id }) => !known.has(id))!;
  expect(added.ringShare).toBeCloseTo(1 / 4, 1);
  expect(added.cacheBytes).toBeGreaterThan(0);

  const shrunk = await underLoad('4 to 3 nodes', async () => {
    const main = resolve(import.meta.dirname, '../../cli/src/main.ts');
    const { adminUrl } = cluster.registries[0]!;
    const env = {
      ...process.env,
      FOREBAY_ADMIN: adminUrl,
      FOREBAY_ACCESS_KEY: clusterKeys.accessKey,
      FOREBAY_SECRET_KEY: clusterKeys.secretKey,
    };
    const drained = await run(process.execPath, [main, 'drain', added.id, '--wait'], { env });
    expect([drained.code, drained.stdout]).toEqual([0, `${added.id} is drained: it may be stopped\n`]);
    const epoch = await epochNow();
    expect(await cluster.nodes[3]!.stop()).toBe(0);
    await untilMoved(3, epoch);
  });
  expect(shrunk.hitRatio).toBeGreaterThan(0.95);
  expect(shrunk.ufsGets).toBeLessThan(keys.length / 20);
});
