/** Members as real servers: some answer, one is gone, one hangs. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Metrics } from '@forebay/core/metrics';
import { Series } from '@forebay/registry/admin/series/series';
import { requireClusterToken } from '@forebay/registry/cluster/cluster-token';
import { getRequestListener } from '@hono/node-server';
import { Hono } from 'hono';
import { afterEach, expect, it } from 'vitest';
import { ClusterFront, type FrontNode } from './cluster-front.ts';
import { reportRoutes } from './report-routes.ts';

const clusterSecret = 'a-secret-of-a-cluster-0123456789';
const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

async function serve(app: Pick<Hono, 'fetch'>): Promise<string> {
  const server = createServer(getRequestListener(app.fetch, { overrideGlobalObjects: false }));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ends.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A gateway whose requests took so many seconds each. */
async function gateway(id: string, seconds: readonly number[] = []) {
  const metrics = new Metrics();
  const requests = metrics.counter({
    name: 'forebay_requests_total',
    help: 'h',
    labels: ['status', 'cache'],
  });
  const buckets = [0.01, 0.1, 1];
  const durations = metrics.histogram({ name: 'forebay_request_duration_seconds', help: 'h', buckets });
  const lines = [{ number: 1, text: '{"level":"info","msg":"a"}' }];
  const asked: unknown[] = [];
  const app = new Hono();
  app.use(requireClusterToken(clusterSecret));
  reportRoutes(app, {
    ...{ values: () => metrics.values(), browse: {} },
    report: async (question) => {
      asked.push(question);
      return [{ pid: 7, lines }];
    },
  });
  const run = () => {
    for (const took of seconds) {
      requests.inc({ status: '200', cache: 'HIT' });
      durations.observe(took);
    }
  };
  const node: FrontNode = { id, role: 'gateway', state: 'active', adminAddress: await serve(app) };
  return { node, asked, run };
}

function frontOf(nodes: readonly FrontNode[], secret = clusterSecret) {
  let nowMs = 0;
  const front = new ClusterFront({
    ...{ clusterSecret: secret, nodes: () => nodes, metrics: new Metrics() },
    nowMs: () => (nowMs += 5_000),
  });
  return { front, wallMs: () => nowMs };
}

it('takes percentiles from the requests of all, not from the percentiles of each', async () => {
  const fast = await gateway(
    'gateway-1',
    Array.from({ length: 98 }, () => 0.005),
  );
  const slow = await gateway('gateway-2', [0.5, 0.5]);
  const { front, wallMs } = frontOf([fast.node, slow.node]);
  const series = new Series({ read: () => front.read(), wallMs, sources: () => front.sources });
  await series.sample();
  fast.run();
  slow.run();
  await series.sample();
  const { latencyMs } = series.view('hour');
  expect(latencyMs.p95.at(-1)).toBeLessThanOrEqual(10);
  expect(latencyMs.p99.at(-1)).toBeGreaterThan(100);
});

it('goes on without who does not answer, and says who that was until it does', async () => {
  const there = await gateway('gateway-1', [0.005]);
  const hangs = await serve({ fetch: () => new Promise<Response>(() => {}) });
  const nodes: FrontNode[] = [
    there.node,
    { id: 'gateway-2', role: 'gateway', state: 'active', adminAddress: hangs },
    { id: 'gateway-3', role: 'gateway', state: 'active', adminAddress: '127.0.0.1:9' },
    { id: 'node-4', role: 'cache-node', state: 'silent', adminAddress: '127.0.0.1:9' },
  ];
  there.run();
  const { front } = frontOf(nodes);
  const [requests] = await (await front.read()).samples('forebay_requests_total');
  expect(requests?.value).toBe(1);
  expect(front.unanswered()).toEqual(['gateway-2', 'gateway-3', 'node-4']);
  nodes[2] = { ...there.node, id: 'gateway-3' };
  await front.read();
  expect(front.unanswered()).toEqual(['gateway-2', 'node-4']);
});

it('asks each member for its own log lines', async () => {
  const [one, other] = [await gateway('gateway-1'), await gateway('gateway-2')];
  const { front } = frontOf([one.node, other.node]);
  const after = { '7': 1, 'gateway-1/7': 5, 'gateway-2/8': 9 };
  const reports = await front.report({ kind: 'logs', after });
  expect(reports.map(({ member, pid, lines }) => [member, pid, lines?.length]).sort()).toEqual([
    ['gateway-1', 7, 1],
    ['gateway-2', 7, 1],
  ]);
  expect(one.asked).toEqual([{ kind: 'logs', after: { '7': 5 } }]);
  expect(other.asked).toEqual([{ kind: 'logs', after: { '8': 9 } }]);
});

it('is told nothing by members of another secret', async () => {
  const { node } = await gateway('gateway-1');
  const { front } = frontOf([node], 'another-secret-0123456789');
  expect(await front.report({ kind: 'traffic' })).toEqual([]);
  expect(front.unanswered()).toEqual(['gateway-1']);
});
