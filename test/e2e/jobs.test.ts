/** Jobs against a real store: exact numbers, each object asked for once, and processes that are killed. */
import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import type { JobView } from '@forebay/registry/jobs/job-view';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { askAdmin, postAdmin, statObject } from '../support/admin.ts';
import { type CachedBucket, startCachedBucket } from '../support/cached-bucket.ts';
import { contentOf } from '../support/content.ts';
import { type ForebayProcess, s3Mount, startForebay } from '../support/forebay-process.ts';
import { type RunResult, run, startProcess } from '../support/process.ts';
import { type S3Server, startVersitygw } from '../support/servers.ts';
import { needs } from '../support/tools.ts';
import { until } from '../support/until.ts';
import { WireClient } from '../support/wire-client.ts';

const program = resolve(import.meta.dirname, '../../cli/bin/forebay.js');
const objectCount = 2000;
const checkpointKeysMax = 1000;

type JobResult = JobView & { readonly failures: readonly { key: string; reason: string }[] };

function forebay(running: ForebayProcess, ...args: string[]): Promise<RunResult> {
  return run(process.execPath, [program, ...args], { env: environmentOf(running) });
}

function environmentOf(running: ForebayProcess) {
  return {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    FOREBAY_ADMIN: running.admin,
    FOREBAY_ACCESS_KEY: running.accessKey,
    FOREBAY_SECRET_KEY: running.secretKey,
  };
}

async function put(client: WireClient, path: string, body: Buffer): Promise<void> {
  const reply = await client.send({ method: 'PUT', path, body });
  if (reply.status !== 200) throw new Error(`${path}: ${reply.status} ${reply.body}`);
}

/** A few at a time. */
async function putAll(client: WireClient, paths: readonly string[], bodyOf: (index: number) => Buffer) {
  let next = 0;
  const work = async () => {
    for (let at = next++; at < paths.length; at = next++) await put(client, paths[at]!, bodyOf(at));
  };
  await Promise.all(Array.from({ length: 8 }, work));
}

describe('a load', await needs('versitygw'), () => {
  let bucket: CachedBucket;
  const sizeOf = (index: number) => 100 + (index % 50);
  const paths = Array.from({ length: objectCount }, (_, index) => `/lake/many/${index}`);
  const totalBytes = paths.reduce((sum, _, index) => sum + sizeOf(index), 0);
  const jobOf = (id: string) => askAdmin<JobView>(bucket.forebay, `/api/v1/jobs/${id}`);

  beforeAll(async () => {
    bucket = await startCachedBucket();
    await putAll(bucket.direct, paths, (index) => contentOf(index, sizeOf(index)));
  });
  afterAll(() => bucket.stop());

  it('killed midway goes on, with exact numbers and each object fetched once but for a checkpoint', async () => {
    const { proxy } = bucket;
    proxy.reset();
    const broken = proxy.rule({
      match: ({ method, path }) => method === 'GET' && path === '/lake/many/777',
      answer: { status: 403, code: 'AccessDenied' },
    });
    const args = ['s3://lake/many/', '--retries', '1', '--ufs-requests', '600', '--wait'];
    const waiting = startProcess(process.execPath, [program, 'load', ...args], {
      env: environmentOf(bucket.forebay),
    });
    const { id } = await until('it is made', async () => {
      const [job] = await askAdmin<JobView[]>(bucket.forebay, '/api/v1/jobs');
      return job;
    });
    await until('a third is loaded', async () => (await jobOf(id)).objects.total > objectCount / 3);
    await bucket.forebay.kill9();
    await until('whoever waits has noticed', async () => waiting.log().includes('nothing listens there'));
    await bucket.forebay.restart();
    expect((await waiting.ended).code).toBe(1);
    expect(waiting.log()).toContain(`Job      ${id}, load, done`);
    const ended = await forebay(bucket.forebay, 'job', id, '--wait', '--json');
    expect(ended.code).toBe(1);
    const job = JSON.parse(ended.stdout) as JobResult;
    expect(job).toMatchObject({ kind: 'load', state: 'done', expected: { objects: objectCount } });
    expect(job.objects.total).toBe(objectCount);
    expect(job.objects.failed).toBe(1);
    expect(job.objects.loaded + job.objects.skipped).toBe(objectCount - 1);
    expect(job.bytes.total).toBe(totalBytes);
    expect(job.failures).toEqual([
      { key: 's3://lake/many/777', reason: expect.stringContaining('AccessDenied') },
    ]);
    expect(ended.stderr).toContain(`1 of ${objectCount} objects failed`);
    broken.remove();
    const gets = new Map<string, number>();
    for (const { method, path } of proxy.requests) {
      if (method === 'GET' && path.startsWith('/lake/many/')) gets.set(path, (gets.get(path) ?? 0) + 1);
    }
    expect(gets.size).toBe(objectCount);
    const repeated = [...gets.values()].reduce((sum, count) => sum + count - 1, 0);
    expect(repeated).toBeLessThanOrEqual(checkpointKeysMax);
    for (const index of [0, 1499, objectCount - 1]) {
      const { pages } = await statObject(bucket.forebay, 'lake', `many/${index}`);
      expect(pages.cached).toBe(pages.total);
    }
  });

  it('of what is cached asks the store for nothing but listings, and verify finds all of it whole', async () => {
    const { proxy, forebay: running } = bucket;
    proxy.reset();
    const again = await forebay(running, 'load', 's3://lake/many/', '--wait', '--json');
    expect(again.code).toBe(0);
    const job = JSON.parse(again.stdout) as JobResult;
    expect(job.objects).toEqual({ total: objectCount, loaded: 1, skipped: objectCount - 1, failed: 0 });
    const verified = await forebay(running, 'verify', 's3://lake/many/', '--wait', '--json');
    expect(JSON.parse(verified.stdout)).toMatchObject({ objects: { loaded: objectCount, failed: 0 } });
    expect(
      proxy.requests.filter(({ method, query }) => !(method === 'GET' && query.includes('list-type'))),
    ).toHaveLength(1);
  });

  it('tells beforehand how much it would be, and what it would cost', async () => {
    const { proxy, forebay: running } = bucket;
    await put(bucket.direct, '/lake/new/a', contentOf(1, 5000));
    proxy.reset();
    const dry = await forebay(running, 'load', 's3://lake/', '--dry-run', '--json');
    expect(JSON.parse(dry.stdout)).toMatchObject({
      dryRun: true,
      objects: { total: objectCount + 1, loaded: 1, skipped: objectCount },
      bytes: { ufs: 5000 },
      ufsRequests: { read: 1 },
    });
    expect(proxy.count(({ query }) => !query.includes('list-type'))).toBe(0);
    expect((await statObject(running, 'lake', 'new/a')).pages.cached).toBe(0);
  });

  it('says so where there is nothing to load', async () => {
    const none = await forebay(bucket.forebay, 'load', 's3://lake/man', '--wait');
    expect([none.code, none.stderr]).toEqual([
      0,
      expect.stringContaining('s3://lake/man* is all that begins'),
    ]);
    const file = await forebay(bucket.forebay, 'load', '--manifest', 'no-such-file.csv');
    expect([file.code, file.stderr]).toEqual([
      1,
      expect.stringMatching(/^forebay: the manifest no-such-file\.csv cannot be read: ENOENT/),
    ]);
    const nowhere = await forebay(bucket.forebay, 'load', 's3://nowhere/many/', '--wait');
    expect([nowhere.code, nowhere.stderr]).toEqual([
      1,
      expect.stringContaining('no mount covers s3://nowhere'),
    ]);
  });

  it('of a manifest loads just what it names', async () => {
    await putAll(bucket.direct, ['/lake/m/a', '/lake/m/b c', '/lake/m/d'], (index) => contentOf(index, 64));
    const manifest = 's3://lake/m/a\ns3://lake/m/b c\ns3://lake/m/missing\n';
    const args = ['load', '--manifest', '-', '--wait', '--json'];
    const ended = await run(process.execPath, [program, ...args], {
      env: environmentOf(bucket.forebay),
      input: manifest,
    });
    const job = JSON.parse(ended.stdout) as JobResult;
    expect(job.objects).toEqual({ total: 3, loaded: 2, skipped: 0, failed: 1 });
    expect(job.failures).toEqual([
      { key: 's3://lake/m/missing', reason: expect.stringMatching(/NoSuchKey|NotFound/) },
    ]);
    expect((await statObject(bucket.forebay, 'lake', 'm/d')).state).toBe('unknown');
  });

  it('leaves a job going on Ctrl-C, and says how to come back', async () => {
    const gate = bucket.proxy.hold(({ path }) => path === '/lake/m/d');
    const args = ['load', 's3://lake/m/d', '--wait'];
    const waiting = startProcess(process.execPath, [program, ...args], {
      env: environmentOf(bucket.forebay),
    });
    await gate.arrived();
    const { code } = await waiting.stop('SIGINT');
    gate.release();
    const [job] = await askAdmin<JobView[]>(bucket.forebay, '/api/v1/jobs');
    expect(code).toBe(130);
    expect(waiting.log()).toContain(`forebay job ${job!.id} --wait`);
    await until('it ends by itself', async () => (await jobOf(job!.id)).state === 'done');
  });
});

describe('a copy', await needs('versitygw'), () => {
  it('from one store to another survives a kill, and has the same bytes', async () => {
    const servers: S3Server[] = [await startVersitygw(), await startVersitygw()];
    const [from, to] = servers as [S3Server, S3Server];
    await from.createBucket('src');
    await to.createBucket('dst');
    const [source, target] = [s3Mount('/src', from, 'src'), s3Mount('/dst', to, 'dst')];
    const running = await startForebay({ mounts: [source.mount, target.mount], env: source.env });
    const [writer, reader] = [new WireClient(from), new WireClient(to)];
    try {
      const sizes = [
        0,
        1,
        1000,
        300_000,
        5_000_000,
        70_000_000,
        ...Array.from({ length: 200 }, () => 20_000),
      ];
      const bodyOf = (index: number) => contentOf(index, sizes[index]!);
      await putAll(
        writer,
        sizes.map((_, index) => `/src/data/${index}`),
        bodyOf,
      );
      const body = {
        kind: 'copy',
        keys: 's3://src/data/',
        target: 's3://dst/there/',
        bytesPerSecondMax: 40_000_000,
      };
      const { id } = JSON.parse(await postAdmin(running, '/api/v1/jobs', body)) as JobView;
      const jobOf = () => askAdmin<JobView>(running, `/api/v1/jobs/${id}`);
      await until('it is under way', async () => (await jobOf()).objects.loaded > 20);
      await running.kill9();
      await running.restart();
      const ended = await forebay(running, 'job', id, '--wait', '--json');
      expect(JSON.parse(ended.stdout)).toMatchObject({ objects: { total: sizes.length, failed: 0 } });
      for (const [index] of sizes.entries()) {
        const reply = await reader.send({ path: `/dst/there/${index}` });
        const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
        expect(digest(reply.body), `object ${index}`).toBe(digest(bodyOf(index)));
      }
    } finally {
      writer.close();
      reader.close();
      await running.remove();
      for (const server of servers) await server.stop();
    }
  });
});
