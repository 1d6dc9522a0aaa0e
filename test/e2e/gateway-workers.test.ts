/** A gateway of a cluster in several processes on one port: all serve; one that dies takes little away. */
import { existsSync, readFileSync } from 'node:fs';
import { clusterTokenOf } from '@forebay/core/cluster-secret';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Cluster, clusterKeys, clusterSecret } from '../support/cluster/cluster.ts';
import { openNetwork } from '../support/cluster/network.ts';
import { contentOf, differenceOf, mebibyte } from '../support/content.ts';
import { type MemoryS3, startMemoryS3 } from '../support/memory-s3.ts';
import { metric } from '../support/metrics.ts';
import { until } from '../support/until.ts';
import { WireClient } from '../support/wire-client.ts';

/** Each on a connection of its own: the system deals them out to the workers. */
const clientCount = 16;
const content = contentOf(3, 2 * mebibyte);

let ufs: MemoryS3;
let cluster: Cluster;
let clients: WireClient[];
beforeAll(async () => {
  const network = openNetwork('proxies');
  ufs = await startMemoryS3({});
  const place = `endpoint=${ufs.endpoint}&region=us-east-1&pathStyle=true&credentials=env:UFS`;
  cluster = await Cluster.start({
    ...{ nodes: 1, gateways: 1, network, flags: { gateway: ['--workers', '2'] } },
    env: { UFS_ACCESS_KEY_ID: ufs.accessKey, UFS_SECRET_ACCESS_KEY: ufs.secretKey },
    mounts: [{ path: '/lake', ufs: `s3://lake?${place}&ttl=1h&listTtl=1h` }],
  });
  clients = Array.from({ length: clientCount }, () => new WireClient(cluster.endpoint(0)));
  await clients[0]!.put('/lake/a', content);
});
afterAll(async () => {
  for (const client of clients ?? []) client.close();
  await cluster?.stop();
  await ufs?.stop();
});

const scraped = () => ({ admin: cluster.gateways[0]!.adminUrl, ...clusterKeys });

function workers(): number[] {
  const { pid } = cluster.gateways[0]!;
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number);
}

async function read(client: WireClient): Promise<void> {
  const { status, body } = await client.send({ path: '/lake/a' });
  expect([status, differenceOf(body, content)]).toEqual([200, undefined]);
}

/** What each process of the gateway read of the object, by its pid. */
async function readsByWorker(): Promise<Map<number, number>> {
  const answer = await fetch(`${scraped().admin}/v1/report`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${clusterTokenOf(clusterSecret)}`,
      'content-type': 'application/json',
    },
    body: '{"kind":"traffic"}',
  });
  const { reports } = (await answer.json()) as {
    reports: { pid: number; traffic?: { objects: { name: string; count: number }[] } }[];
  };
  const count = (one: (typeof reports)[number]) =>
    one.traffic?.objects.find(({ name }) => name === 's3://lake/a')?.count ?? 0;
  return new Map(reports.map((one) => [one.pid, count(one)]));
}

it('all workers serve, and the figures are those of all', async () => {
  const before = await metric(scraped(), 'forebay_requests_total');
  for (let turn = 0; turn < 3; turn += 1) await Promise.all(clients.map(read));
  expect(await metric(scraped(), 'forebay_workers')).toBe(2);
  expect(await metric(scraped(), 'forebay_requests_total')).toBe(before + 3 * clientCount);
  const reads = await readsByWorker();
  for (const pid of workers()) expect(reads.get(pid)).toBeGreaterThan(0);
});

it('what the registry says counts in all of them, and a list that one keeps shows what another wrote', async () => {
  const query = [['list-type', '2'] as const];
  for (let round = 0; round < 6; round += 1) {
    await clients[round]!.put(`/lake/key-${round}`, contentOf(1, 16));
    const lists = await Promise.all(clients.map((client) => client.send({ path: '/lake', query })));
    for (const { body } of lists) expect(body.toString().match(/<Key>/g)?.length).toBe(round + 2);
  }
  await cluster.ask('DELETE', '/api/v1/mounts?path=/lake');
  const statuses = async () =>
    new Set(
      (await Promise.all(clients.map((client) => client.send({ path: '/lake/a' })))).map((r) => r.status),
    );
  await until('it is gone everywhere', async () => {
    const seen = await statuses();
    return seen.size === 1 && seen.has(404);
  });
  const place = `endpoint=${ufs.endpoint}&region=us-east-1&pathStyle=true&credentials=env:UFS`;
  await cluster.ask('POST', '/api/v1/mounts', { path: '/lake', ufs: `s3://lake?${place}&ttl=1h` });
  await until('it is back everywhere', async () => {
    const seen = await statuses();
    return seen.size === 1 && seen.has(200);
  });
});

it('one that is killed loses its own connections, and is started again', async () => {
  const [victim] = workers();
  let reading = true;
  const failures = clients.map(async (client) => {
    let count = 0;
    while (reading) {
      const reply = await client.send({ path: '/lake/a' }).catch(() => undefined);
      if (!reply || reply.isCut) count += 1;
      else expect([reply.status, differenceOf(reply.body, content)]).toEqual([200, undefined]);
    }
    return count;
  });
  process.kill(victim!, 'SIGKILL');
  await until('it is started again', async () => {
    return (await metric(scraped(), 'forebay_worker_restarts_total')) === 1;
  });
  await until('both run', () => workers().length === 2 && !workers().includes(victim!));
  reading = false;
  const counts = await Promise.all(failures);
  // Each connection broke once at most, and those of the other worker never.
  expect([Math.max(...counts), Math.min(...counts)]).toEqual([1, 0]);
});

it('all of them end with it, and also where it is killed', async () => {
  const [gateway] = cluster.gateways as [(typeof cluster.gateways)[number]];
  const gone = (pids: readonly number[]) => () => pids.every((pid) => !existsSync(`/proc/${pid}`));
  const stopped = workers();
  expect(await gateway.stop()).toBe(0);
  await until('the workers have ended', gone(stopped));
  gateway.start();
  await gateway.untilReady();
  const orphaned = workers();
  await gateway.kill9();
  await until('the workers have ended', gone(orphaned));
});
