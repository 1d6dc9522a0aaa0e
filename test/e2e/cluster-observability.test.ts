/**
 * What a cluster of real processes tells of itself: one trace over gateway, nodes and UFS; an access log on
 * each gateway, switched on for all of them; who changed what.
 */
import type { AuditView } from '@forebay/registry/admin/audit';
import type { NodeView } from '@forebay/registry/cluster/node-views';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Cluster, clusterKeys } from '../support/cluster/cluster.ts';
import { openNetwork } from '../support/cluster/network.ts';
import { contentOf } from '../support/content.ts';
import { type MemoryS3, startMemoryS3 } from '../support/memory-s3.ts';
import { type OtlpCollector, startOtlpCollector } from '../support/otlp-collector.ts';
import { traced, traceOf } from '../support/traced.ts';
import { until } from '../support/until.ts';
import { WireClient } from '../support/wire-client.ts';

let collector: OtlpCollector;
let ufs: MemoryS3;
let cluster: Cluster;

beforeAll(async () => {
  const network = openNetwork();
  collector = await startOtlpCollector(network.host);
  ufs = await startMemoryS3({ host: network.host });
  await fetch(`${ufs.endpoint}/lake/a`, { method: 'PUT', body: contentOf(3, 12_000_000) });
  const where = `endpoint=${ufs.endpoint}&region=us-east-1&pathStyle=true&credentials=env:UFS`;
  cluster = await Cluster.start({
    ...{ nodes: 2, gateways: 2, network },
    mounts: [{ path: '/lake', ufs: `s3://lake?${where}&ttl=1h&pageSize=256KiB` }],
    env: {
      ...{ UFS_ACCESS_KEY_ID: ufs.accessKey, UFS_SECRET_ACCESS_KEY: ufs.secretKey },
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
    },
    flags: { registry: ['--segment-size', '1MiB'] },
  });
});
afterAll(async () => {
  await cluster?.stop();
  await ufs?.stop();
  await collector?.stop();
});

it('has gateway, home, owners and UFS in one trace', async () => {
  const client = new WireClient(cluster.endpoint(0));
  const asked = traced();
  const { spanId } = asked;
  const { status, body } = await client.send({ path: '/lake/a', headers: asked.headers });
  client.close();
  expect([status, body.length]).toEqual([200, 12_000_000]);
  const names = ['GetObject', 'node open', 'node read', 'ufs get', 'GET'];
  const { all, one, way } = await traceOf(collector, asked, { names, processes: 3 });
  expect(one('GetObject')).toMatchObject({ parentSpanId: spanId, role: 'gateway' });
  expect(way(one('node open'))).toEqual(['node open', 'open', 'GetObject']);
  for (const span of all.filter(({ name }) => name === 'node read' || name === 'ufs get')) {
    expect(span.role).toBe('cache-node');
    expect(way(span).at(-1)).toBe('GetObject');
  }
});

it('has an access log on each gateway, from when it is switched on', async () => {
  await cluster.ask('PUT', '/api/v1/settings/accessLog', { value: 'on' });
  for (const [index, gateway] of cluster.gateways.entries()) {
    const client = new WireClient(cluster.endpoint(index));
    const ids: string[] = [];
    const line = await until(`${gateway.name} has a line`, async () => {
      const { headers } = await client.send({ method: 'HEAD', path: '/lake/a' });
      ids.push(`"id":"${headers['x-amz-request-id']}"`);
      const lines = gateway.log().split('\n');
      return lines.find((one) => ids.some((id) => one.includes(id)));
    });
    expect(JSON.parse(line)).toMatchObject({ op: 'HeadObject', bucket: 'lake', key: 'a', status: 200 });
    client.close();
  }
});

it('tells who changed what, and no secrets', async () => {
  const { secretKey } = await cluster.ask<{ secretKey: string }>('POST', '/api/v1/users', { name: 'ann' });
  await cluster.ask('DELETE', '/api/v1/users?name=ann');
  const nodes = await cluster.ask<NodeView[]>('GET', '/api/v1/nodes');
  const { id } = nodes.find(({ role }) => role === 'cache-node')!;
  await cluster.ask('POST', `/api/v1/nodes/${encodeURIComponent(id)}/drain`);
  const all = await cluster.ask<AuditView[]>('GET', '/api/v1/audit');
  expect(all.map(({ action, target }) => `${action} ${target}`)).toEqual([
    `node.drain ${id}`,
    'user.remove ann',
    'user.add ann',
    'setting.set accessLog',
    'mount.add /lake',
  ]);
  expect(all.every(({ by }) => by === clusterKeys.accessKey)).toBe(true);
  expect(all[3]).toMatchObject({ after: 'on' });
  expect(all[1]).toMatchObject({ before: { name: 'ann' } });
  expect(JSON.stringify(all)).not.toContain(secretKey);
});
