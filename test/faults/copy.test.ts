/**
 * A copy of mixed sizes between two kinds of stores, over a cluster whose nodes and registry are killed
 * midway: every object has its SHA-256 on both sides, read past Forebay, and the job's numbers are the
 * stores' own. `npm run test:copy` does it with 10 GB; FOREBAY_TEST_COPY_BYTES with any other size.
 */
import { createHash } from 'node:crypto';
import { createReadStream, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { JobView } from '@forebay/registry/jobs/job-view';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Cluster } from '../support/cluster/cluster.ts';
import { mebibyte } from '../support/content.ts';
import { type CountingProxy, startCountingProxy } from '../support/counting-proxy.ts';
import { s3Mount } from '../support/forebay-process.ts';
import { Random } from '../support/random.ts';
import { fileOf, type S3Server, startVersitygw } from '../support/servers.ts';
import { tempDir } from '../support/temp.ts';
import { needs } from '../support/tools.ts';
import { until } from '../support/until.ts';
import { WireClient } from '../support/wire-client.ts';
import { type MixedObject, mixedSizes, putMixed } from './mixed-objects.ts';
import { ProcessCosts } from './process-costs.ts';

const bytesWanted = Number(process.env.FOREBAY_TEST_COPY_BYTES ?? 400 * mebibyte);
const seed = Math.floor(Math.random() * 2 ** 31);
/** Ten minutes, and a minute for each 200 MB: machines that are busy copy slowly. */
const timeoutMs = 600_000 + (bytesWanted / 200e6) * 60_000;
/** A small copy is held back, so that there is time to kill somebody. */
const pace = bytesWanted < 2e9 ? { bytesPerSecondMax: 16 * mebibyte } : {};

describe(`a copy of ${bytesWanted} bytes (seed ${seed})`, await needs('versitygw'), () => {
  let server: S3Server;
  let proxy: CountingProxy;
  let cluster: Cluster;
  let objects: MixedObject[];
  let totalBytes: number;
  const directory = tempDir('target');
  const jobOf = (id: string) => cluster.ask<JobView>('GET', `/api/v1/jobs/${id}`);
  const make = (spec: object) => cluster.ask<JobView>('POST', '/api/v1/jobs', spec);
  const untilDone = (id: string) =>
    until(
      'the job is done',
      async () => {
        const now = await jobOf(id);
        return now.state === 'done' && now;
      },
      timeoutMs,
    );
  const untilPart = (id: string, part: number) =>
    until(`${part} is done`, async () => (await jobOf(id)).bytes.total > part * totalBytes, timeoutMs);

  beforeAll(async () => {
    server = await startVersitygw();
    await server.createBucket('source');
    const client = new WireClient(server);
    objects = await putMixed(client, '/source/data/', mixedSizes(bytesWanted, new Random(seed)));
    client.close();
    totalBytes = objects.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    proxy = await startCountingProxy({ target: server });
    const { mount, env } = s3Mount('/source', proxy, 'source');
    cluster = await Cluster.start({
      ...{ nodes: 2, gateways: 1, networkKind: 'proxies' },
      mounts: [
        { path: '/source', ufs: mount.slice('/source='.length) },
        { path: '/target', ufs: `file://${directory}` },
      ],
      env: { ...env, FOREBAY_UFS_HEDGE_PERCENT_MAX: '0' },
    });
  }, timeoutMs);
  afterAll(async () => {
    await cluster?.stop();
    await proxy?.stop();
    await server?.stop();
    for (const used of [directory, server?.directory]) if (used) rmSync(used, { recursive: true });
  });

  it('has every byte and exact numbers, though nodes and the registry are killed midway', {
    timeout: timeoutMs,
  }, async () => {
    const { nodes, registries } = cluster;
    const costs = {
      nodes: new ProcessCosts(() => nodes.filter(({ running }) => running).map(({ pid }) => pid)),
      registry: new ProcessCosts(() => registries.filter(({ running }) => running).map(({ pid }) => pid)),
    };
    const startedMs = performance.now();
    const { id } = await make({
      kind: 'copy',
      keys: 's3://source/data/',
      target: 's3://target/there/',
      ...pace,
    });
    await untilPart(id, 0.25);
    // Whoever executes: all of them.
    await Promise.all(nodes.map((node) => node.kill9()));
    for (const node of nodes) node.start();
    await untilPart(id, 0.6);
    await registries[0]!.kill9();
    registries[0]!.start();
    const job = await untilDone(id);
    const seconds = Math.round((performance.now() - startedMs) / 100) / 10;
    await proxy.idle();
    const gets = proxy.requests.filter(
      ({ method, query }) => method === 'GET' && !query.includes('list-type'),
    );
    const sentBytes = gets.reduce((sum, { responseBytes }) => sum + responseBytes, 0);
    const figures = { objects: objects.length, totalBytes, seconds, sentBytes };
    const used = { nodes: costs.nodes.stop(), registry: costs.registry.stop() };
    console.log('copy:', JSON.stringify({ ...figures, used, job: { ...job.objects, ...job.bytes } }));
    expect(job.objects).toMatchObject({ total: objects.length, failed: 0 });
    expect(job.objects.loaded + job.objects.skipped).toBe(objects.length);
    expect(job.bytes.total).toBe(totalBytes);
    expect(job.bytes.loaded + job.bytes.skipped).toBe(totalBytes);
    expect(job.expected).toEqual({ objects: objects.length, bytes: totalBytes });
    // What was cut off is read again, and not counted as the job's.
    expect(job.bytes.ufs).toBe(job.bytes.loaded);
    expect(sentBytes).toBeGreaterThanOrEqual(totalBytes);
    // No byte of an object comes to the registry.
    expect(used.nodes.anonymousMiB).toBeLessThan(700);
    const there = readdirSync(join(directory, 'there'));
    expect(there).toHaveLength(objects.length);
    for (const { key, sizeBytes, sha256 } of objects) {
      const copied = join(directory, 'there', key);
      expect(statSync(copied).size, key).toBe(sizeBytes);
      expect(await sha256Of(copied), key).toBe(sha256);
      expect(await sha256Of(fileOf(server, 'source', `data/${key}`)), key).toBe(sha256);
    }
  });

  it('once more skips all of it, and its numbers are what the store counts', {
    timeout: timeoutMs,
  }, async () => {
    proxy.reset();
    const { id } = await make({ kind: 'copy', keys: 's3://source/data/', target: 's3://target/there/' });
    const { objects: counted, bytes, ufsRequests } = await untilDone(id);
    await proxy.idle();
    expect(counted).toEqual({ total: objects.length, loaded: 0, skipped: objects.length, failed: 0 });
    expect(bytes).toEqual({ total: totalBytes, loaded: 0, skipped: totalBytes, ufs: 0 });
    const lists = proxy.count(({ query }) => query.includes('list-type'));
    expect(ufsRequests.list).toBe(lists);
    // A HEAD on either side; the proxy is before one of them.
    expect(ufsRequests.read).toBe(2 * proxy.count(({ method }) => method === 'HEAD'));
    expect(proxy.requests).toHaveLength(lists + objects.length);
  });
});

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(path, { highWaterMark: mebibyte })) hash.update(piece as Buffer);
  return hash.digest('hex');
}
