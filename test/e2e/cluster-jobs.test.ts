/** Jobs over the nodes of a cluster, of which one is killed midway, and the registry with its scheduler. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JobView } from '@forebay/registry/jobs/job-view';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Cluster } from '../support/cluster/cluster.ts';
import { contentOf, mebibyte } from '../support/content.ts';
import { type CountingProxy, startCountingProxy } from '../support/counting-proxy.ts';
import { s3Mount } from '../support/forebay-process.ts';
import { type S3Server, startVersitygw } from '../support/servers.ts';
import { tempDir } from '../support/temp.ts';
import { needs } from '../support/tools.ts';
import { until } from '../support/until.ts';
import { WireClient } from '../support/wire-client.ts';
import { begin, completeCall, putPart } from '../support/wire-multipart.ts';

const objectCount = 1500;
const checkpointKeysMax = 1000;
const sizeOf = (index: number) => 100 + (index % 50);

/** Empty, of a page, of several, and of more than a part of an upload. */
const sizes = [0, 1, 16, 68_000_000, ...Array.from({ length: 300 }, (_, index) => 100 * index + 1)];
const totalBytes = sizes.reduce((sum, sizeBytes) => sum + sizeBytes, 0);
const bodyOf = (index: number) => contentOf(index, sizes[index]!);
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

describe('a cluster', await needs('versitygw'), () => {
  let server: S3Server;
  let proxy: CountingProxy;
  let cluster: Cluster;
  let client: WireClient;
  const directory = tempDir('files');
  const jobOf = (id: string) => cluster.ask<JobView>('GET', `/api/v1/jobs/${id}`);
  const make = (spec: object) => cluster.ask<JobView>('POST', '/api/v1/jobs', spec);
  const untilDone = (id: string) =>
    until(
      'the job is done',
      async () => {
        const now = await jobOf(id);
        return now.state === 'done' && now;
      },
      120_000,
    );
  const killMidway = async () => {
    const [registry, node] = [cluster.registries[0]!, cluster.nodes[1]!];
    await Promise.all([registry.kill9(), node.kill9()]);
    registry.start();
    node.start();
  };
  const putAll = async (count: number, pathOf: (index: number) => string, of: (index: number) => Buffer) => {
    let next = 0;
    const put = async () => {
      for (let index = next; index < count; index = next) {
        next += 1;
        const { status } = await client.send({ method: 'PUT', path: pathOf(index), body: of(index) });
        expect(status).toBe(200);
      }
    };
    await Promise.all(Array.from({ length: 8 }, put));
  };

  beforeAll(async () => {
    server = await startVersitygw();
    await server.createBucket('lake');
    await server.createBucket('twin');
    proxy = await startCountingProxy({ target: server });
    const { mount, env } = s3Mount('/lake', proxy, 'lake');
    const ufs = `${mount.slice('/lake='.length)}&ttl=1h`;
    const mounts = [
      { path: '/lake', ufs },
      { path: '/twin', ufs: ufs.replace('s3://lake', 's3://twin') },
      { path: '/files', ufs: `file://${directory}` },
    ];
    // Hedged reads would be more requests than are needed, where the machine is busy.
    const counted = { ...env, FOREBAY_UFS_HEDGE_PERCENT_MAX: '0' };
    cluster = await Cluster.start({ nodes: 3, gateways: 1, mounts, env: counted, networkKind: 'proxies' });
    client = new WireClient(server);
    await putAll(
      objectCount,
      (index) => `/lake/many/${index}`,
      (index) => contentOf(index, sizeOf(index)),
    );
    await putAll(sizes.length, (index) => `/lake/mixed/${index}`, bodyOf);
  });
  afterAll(async () => {
    client?.close();
    await cluster?.stop();
    await proxy?.stop();
    await server?.stop();
  });

  it('counts of a copy what its stores count, and nobody reads what was there before it', async () => {
    const reader = new WireClient(cluster.endpoint(0));
    const paths = [1, 4, 200].map((index) => `/twin/counted/${index}`);
    await putAll(
      sizes.length,
      (index) => `/twin/counted/${index}`,
      () => Buffer.from('before'),
    );
    const read = async () => Promise.all(paths.map(async (path) => (await reader.send({ path })).body));
    for (const body of await read()) expect(body.toString()).toBe('before');
    await proxy.idle();
    proxy.reset();
    const { id } = await make({ kind: 'copy', keys: 's3://lake/mixed/', target: 's3://twin/counted/' });
    const { objects, bytes, ufsRequests } = await untilDone(id);
    expect(objects).toEqual({ total: sizes.length, loaded: sizes.length, skipped: 0, failed: 0 });
    const isList = ({ query }: { query: string }) => query.includes('list-type');
    expect(ufsRequests).toEqual({
      list: proxy.count(isList),
      read: proxy.count((request) => !isList(request)),
    });
    const came = proxy.requests.filter((request) => request.method === 'GET' && !isList(request));
    expect(bytes.ufs).toBe(came.reduce((sum, { responseBytes }) => sum + responseBytes, 0));
    const etagOf = async (path: string) => (await client.send({ method: 'HEAD', path })).headers.etag;
    const uploadId = await begin(client, '/lake/parts/a');
    const etags = new Map<number, string>();
    for (const [partNumber, sizeBytes] of [
      [1, 5 * mebibyte],
      [2, 3],
    ] as const) {
      const part = { path: '/lake/parts/a', uploadId, partNumber };
      etags.set(partNumber, await putPart(client, part, contentOf(partNumber, sizeBytes)));
    }
    await client.send(completeCall('/lake/parts/a', uploadId, etags));
    await untilDone((await make({ kind: 'copy', keys: 's3://lake/parts/', target: 's3://twin/parts/' })).id);
    expect(await etagOf('/twin/parts/a')).toBe(await etagOf('/lake/parts/a'));
    for (const [at, index] of [1, 4, 200].entries()) {
      expect(sha256((await read())[at]!)).toBe(sha256(bodyOf(index)));
    }
    reader.close();
  });

  it('loads on two nodes what the store gives once, and reads need the store no more when one dies', async () => {
    const gets = () => proxy.count(({ method, query }) => method === 'GET' && !query.includes('list-type'));
    const spec = { kind: 'load', keys: 's3://lake/mixed/', replicas: 2 };
    const planned = await untilDone((await make({ ...spec, dryRun: true })).id);
    expect(planned.bytes).toMatchObject({ total: 2 * totalBytes, ufs: totalBytes });
    proxy.reset();
    const { objects, bytes, ufsRequests } = await untilDone((await make(spec)).id);
    expect(objects).toEqual({ total: sizes.length, loaded: sizes.length, skipped: 0, failed: 0 });
    expect(bytes).toMatchObject({ total: 2 * totalBytes, loaded: 2 * totalBytes, skipped: 0 });
    await proxy.idle();
    const came = proxy.requests.filter(({ query }) => !query.includes('list-type'));
    expect(bytes.ufs).toBe(came.reduce((sum, { responseBytes }) => sum + responseBytes, 0));
    // A node that is busy for half a second is not waited for: the store is asked.
    expect(bytes.ufs).toBeLessThan(1.5 * totalBytes);
    expect(ufsRequests.list + ufsRequests.read).toBe(proxy.requests.length);
    proxy.reset();
    const again = await untilDone((await make(spec)).id);
    expect(again.objects).toMatchObject({ loaded: 0, skipped: sizes.length });
    expect(proxy.requests).toHaveLength(again.ufsRequests.list);
    const [, , node] = cluster.nodes;
    await node!.kill9();
    const reader = new WireClient(cluster.endpoint(0));
    for (const [index] of sizes.entries()) {
      const { body } = await reader.send({ path: `/lake/mixed/${index}` });
      expect(sha256(body), `object ${index}`).toBe(sha256(bodyOf(index)));
    }
    reader.close();
    expect(gets()).toBe(0);
    node!.start();
    await node!.untilReady();
  });

  it('loads with exact numbers, though a node and the registry are killed midway', async () => {
    proxy.reset();
    const spec = { kind: 'load', keys: 's3://lake/many/', ufsRequestsPerSecondMax: 200 };
    const { id } = await make(spec);
    await until('it is under way', async () => (await jobOf(id)).objects.total > 300);
    await killMidway();
    const job = await untilDone(id);
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

  it('copies to a mount of another kind', async () => {
    const { id } = await make({ kind: 'copy', keys: 's3://lake/mixed/', target: 's3://files/copied/' });
    const { objects, bytes } = await untilDone(id);
    expect(objects).toEqual({ total: sizes.length, loaded: sizes.length, skipped: 0, failed: 0 });
    expect(bytes.total).toBe(totalBytes);
    for (const [index] of sizes.entries()) {
      const stored = readFileSync(join(directory, 'copied', String(index)));
      expect(sha256(stored), `object ${index}`).toBe(sha256(bodyOf(index)));
    }
  });

  it('moves each key once, though a node and the registry are killed midway', async () => {
    const spec = { kind: 'move', keys: 's3://files/copied/', target: 's3://twin/moved/' };
    const { id } = await make({ ...spec, bytesPerSecondMax: 20_000_000 });
    await until('it is under way', async () => (await jobOf(id)).objects.total > 50);
    await killMidway();
    const job = await untilDone(id);
    expect(job.objects).toEqual({ total: sizes.length, loaded: sizes.length, skipped: 0, failed: 0 });
    expect(job.bytes.loaded).toBe(totalBytes);
    for (const [index] of sizes.entries()) {
      const { body } = await client.send({ path: `/twin/moved/${index}` });
      expect(sha256(body), `object ${index}`).toBe(sha256(bodyOf(index)));
      expect(existsSync(join(directory, 'copied', String(index)))).toBe(false);
    }
  });
});
