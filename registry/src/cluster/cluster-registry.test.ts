/** Registries that share their records: what one says that is not the active one. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '@forebay/core/log';
import { Metrics } from '@forebay/core/metrics';
import { Hono } from 'hono';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ClusterRegistry } from './cluster-registry.ts';
import { declareRegistryMetrics } from './metrics.ts';
import { SqliteCoordination } from './sqlite-coordination.ts';

const rootKeys = `Basic ${Buffer.from('ROOT:root-secret-key').toString('base64')}`;

let directory: string;
let shared: SqliteCoordination;
let started: ClusterRegistry[];
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'forebay-registries-'));
  shared = await SqliteCoordination.open(join(directory, 'registry.sqlite'));
  started = [];
});
afterEach(async () => {
  for (const registry of started) await registry.stop();
  await shared.close();
  rmSync(directory, { recursive: true });
});

async function start(name: string, clusterSecret = 'a secret of the test'): Promise<ClusterRegistry> {
  const metrics = new Metrics();
  let registry: ClusterRegistry | undefined;
  const gauges = () => {
    const isActive = registry?.active !== undefined;
    return { isActive, membership: undefined, nodes: [], leases: 0, softMembers: 0 };
  };
  registry = await ClusterRegistry.start({
    ...{ shared, clusterSecret, mounts: [], rules: [], users: [], segmentBytes: 64, log: silentLog },
    candidate: { token: name, address: `${name}:9001` },
    counters: declareRegistryMetrics(metrics, gauges),
    metricsText: () => metrics.text(),
    root: undefined,
    makeRoot: () => ({ accessKey: 'ROOT', secretKey: 'root-secret-key' }),
    tokens: { token: `token-of-${name}`, metricsToken: `metrics-token-of-${name}` },
    onRoot: () => undefined,
    adminApp: () => new Hono(),
    restoreMount: () => {
      throw new Error('no mounts');
    },
    clock: { wallMs: () => Date.now(), monotonicMs: () => performance.now() },
  });
  started.push(registry);
  return registry;
}

function ask(registry: ClusterRegistry, path: string, authorization = ''): Response | Promise<Response> {
  return registry.fetch(new Request(`http://registry${path}`, { headers: { authorization } }));
}

it('one that stands by gives its own metrics to who has the root keys of the records, or its token', async () => {
  const first = await start('first');
  const second = await start('second');
  expect([first.active, second.active]).toEqual([expect.anything(), undefined]);
  for (const authorization of [rootKeys, 'Bearer token-of-second', 'Bearer metrics-token-of-second']) {
    const answer = await ask(second, '/metrics', authorization);
    expect(answer.status).toBe(200);
    expect(await answer.text()).toContain('forebay_registry_active 0');
  }
  for (const authorization of ['', rootKeys.slice(0, -4), 'Bearer token-of-first']) {
    expect((await ask(second, '/metrics', authorization)).status).toBe(401);
  }
  const refused = await ask(second, '/api/v1/status', rootKeys);
  expect([refused.status, await refused.text()]).toEqual([503, expect.stringContaining('first:9001')]);
});

it('one with another secret does not stand by', async () => {
  await start('first');
  await expect(start('second', 'another secret of the test')).rejects.toThrow('FOREBAY_CLUSTER_SECRET');
});
