/** A load over the nodes of a cluster, of which one is killed midway, and the registry with its scheduler. */
import type { JobView } from '@forebay/registry/jobs/job-view';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Cluster } from '../support/cluster/cluster.ts';
import { contentOf } from '../support/content.ts';
import { type CountingProxy, startCountingProxy } from '../support/counting-proxy.ts';
import { s3Mount } from '../support/forebay-process.ts';
import { type S3Server, startVersitygw } from '../support/servers.ts';
import { needs } from '../support/tools.ts';
import { until } from '../support/until.ts';
import { WireClient } from '../support/wire-client.ts';

const objectCount = 1500;
const checkpointKeysMax = 1000;
const sizeOf = (index: number) => 100 + (index % 50);

describe('a load over the nodes of a cluster', await needs('versitygw'), () => {
  let server: S3Server;
  let proxy: CountingProxy;
  let cluster: Cluster;

  beforeAll(async () => {
    server = await startVersitygw();
    await server.createBucket('lake');
    proxy = await startCountingProxy({ target: server });
    const { mount, env } = s3Mount('/lake', proxy, 'lake');
    const ufs = `${mount.slice('/lake='.length)}&ttl=1h`;
    const mounts = [{ path: '/lake', ufs }];
    cluster = await Cluster.start({ nodes: 3, gateways: 1, mounts, env, networkKind: 'proxies' });
    const client = new WireClient(server);
    let next = 0;
    const put = async () => {
      for (let index = next; index < objectCount; index = next) {
        next += 1;
        const body = contentOf(index, sizeOf(index));
        const { status } = await client.send({ method: 'PUT', path: `/lake/many/${index}`, body });
        expect(status).toBe(200);
      }
    };
    await Promise.all(Array.from({ length: 8 }, put));
    client.close();
  });
  afterAll(async () => {
    await cluster?.stop();
    await proxy?.stop();
    await server?.stop();
  });

  it('has exact numbers, though a node and the registry are killed midway', async () => {
    proxy.reset();
    const jobOf = (id: string) => cluster.ask<JobView>('GET', `/api/v1/jobs/${id}`);
    const body = { kind: 'load', keys: 's3://lake/many/', ufsRequestsPerSecondMax: 200, retriesMax: 20 };
    const { id } = await cluster.ask<JobView>('POST', '/api/v1/jobs', body);
    await until('it is under way', async () => (await jobOf(id)).objects.total > 300);
    const [registry, node] = [cluster.registries[0]!, cluster.nodes[1]!];
    await Promise.all([registry.kill9(), node.kill9()]);
    await Promise.all([registry.start(), node.start()]);
    const job = await until(
      'it is done',
      async () => {
        const now = await jobOf(id);
        return now.state === 'done' && now;
      },
      120_000,
    );
    const { total, loaded, skipped, failed } = job.objects;
    expect({ total, failed }).toEqual({ total: objectCount, failed: 0 });
    expect(loaded + skipped).toBe(objectCount);
    const gets = new Map<string, number>();
    for (const { method, path } of proxy.requests) {
      if (method === 'GET' && path.startsWith('/lake/many/')) gets.set(path, (gets.get(path) ?? 0) + 1);
    }
    expect(gets.size).toBe(objectCount);
    const repeated = [...gets.values()].reduce((sum, count) => sum + count - 1, 0);
    expect(repeated).toBeLessThanOrEqual(checkpointKeysMax);
    const stats = await cluster.ask<{ cache: { pages: number } }>('GET', '/api/v1/status');
    expect(stats.cache.pages).toBeGreaterThan(0);
  });
});
