/**
 * A load of very many small objects on three nodes, in the middle of which the scheduler and one node are
 * killed. `FOREBAY_TEST_LOAD_OBJECTS` is how many: `npm run test:load` takes 200,000.
 */
import type { JobView } from '@forebay/registry/jobs/job-view';
import { cpuMicros } from 'forebay/bench/process-cpu';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Cluster } from '../support/cluster/cluster.ts';
import type { Member } from '../support/cluster/member.ts';
import { openNetwork } from '../support/cluster/network.ts';
import { type Redis, startRedis } from '../support/redis.ts';
import { needs } from '../support/tools.ts';
import { until } from '../support/until.ts';
import { WireClient } from '../support/wire-client.ts';
import { bodiesOf, keyAt, LoadUfs, sizeBytes } from './load-ufs.ts';

const objectCount = Number(process.env.FOREBAY_TEST_LOAD_OBJECTS ?? 5000);
const prefix = 'many/';
const checkpointKeysMax = 1000;
const broken = {
  [keyAt(prefix, Math.floor(objectCount * 0.4))]: { status: 403, code: 'AccessDenied' },
  [keyAt(prefix, Math.floor(objectCount * 0.7))]: { status: 500, code: 'InternalError' },
};
const longMs = 3_600_000;

interface NodeView {
  readonly handOff?: { readonly state: string };
}

type Failures = { readonly failures: readonly { readonly key: string; readonly reason: string }[] };

describe(`a load of ${objectCount} objects`, await needs('redis'), () => {
  let redis: Redis;
  let ufs: LoadUfs;
  let cluster: Cluster;
  beforeAll(async () => {
    const network = openNetwork();
    redis = await startRedis(network.host);
    ufs = await LoadUfs.start({ host: network.host, bucket: 'lake', prefix, count: objectCount, broken });
    const place = `endpoint=${ufs.endpoint}&region=us-east-1&pathStyle=true&credentials=env:UFS`;
    cluster = await Cluster.start({
      ...{ nodes: 3, gateways: 1, registries: 2, redisUrl: redis.url, network, env: ufs.env },
      mounts: [{ path: '/lake', ufs: `s3://lake?${place}&ttl=1d` }],
    });
  });
  afterAll(async () => {
    await cluster?.stop();
    await ufs?.stop();
    await redis?.stop();
  });

  const jobOf = (id: string) => cluster.ask<JobView>('GET', `/api/v1/jobs/${id}`);
  const doneOf = (id: string) =>
    until(
      'the job is over',
      async () => {
        const job = await jobOf(id);
        return job.endedAt !== undefined && job;
      },
      longMs,
    );
  const untilTotal = (id: string, share: number) =>
    until(
      `${share} of the keys are done with`,
      async () => (await jobOf(id)).objects.total >= share * objectCount,
      longMs,
    );

  it('has exact numbers, though its scheduler and a node are killed midway', {
    timeout: longMs,
  }, async () => {
    const cpu = new CpuOf({ registries: cluster.registries, nodes: cluster.nodes }, ufs.pid);
    const body = { kind: 'load', keys: `s3://lake/${prefix}`, concurrencyMax: 64 };
    const startedMs = performance.now();
    const { id } = await cluster.ask<JobView>('POST', '/api/v1/jobs', body);
    await untilTotal(id, 1 / 3);
    const active = await activeOf(cluster.registries);
    await cpu.kill9(active);
    active.start();
    await untilTotal(id, 1 / 2);
    await cpu.kill9(cluster.nodes[1]!);
    // By then the ring has done without it, and others have loaded what would be its own.
    await untilTotal(id, 3 / 4);
    cluster.nodes[1]!.start();
    const job = await doneOf(id);
    cpu.report(objectCount, performance.now() - startedMs);

    expect(job).toMatchObject({ state: 'done', expected: { objects: objectCount } });
    const { total, loaded, skipped, failed } = job.objects;
    expect({ total, sum: loaded + skipped + failed }).toEqual({ total: objectCount, sum: objectCount });
    const { failures } = await cluster.ask<Failures>('GET', `/api/v1/jobs/${id}/failures?limit=1000`);
    expect(failures.map(({ key }) => key).sort()).toEqual(
      Object.keys(broken).map((key) => `s3://lake/${key}`),
    );
    expect(failures.map(({ reason }) => reason)).toEqual([
      expect.stringContaining('AccessDenied'),
      expect.stringContaining('InternalError'),
    ]);
    expect(job.bytes.total).toBe(objectCount * sizeBytes);

    const { gets, bytes } = await ufs.counts();
    const asked = [...gets].filter(([key]) => !(key in broken));
    const repeated = asked.reduce((sum, [, count]) => sum + count - 1, 0);
    process.stderr.write(`load: ${JSON.stringify({ objects: job.objects, repeated })}\n`);
    expect(asked.length).toBe(objectCount - failed);
    expect(repeated).toBeLessThanOrEqual(2 * checkpointKeysMax);
    // What the job does not know of came for those that were killed, after a checkpoint.
    expect(bytes - job.bytes.ufs).toBeGreaterThanOrEqual(0);
    expect(bytes - job.bytes.ufs).toBeLessThanOrEqual(2 * checkpointKeysMax * sizeBytes);
  });

  it('has cached what it says, byte for byte', { timeout: longMs }, async () => {
    await until('every node has what is its own', async () => {
      const nodes = await cluster.ask<NodeView[]>('GET', '/api/v1/nodes');
      return nodes.filter(({ handOff }) => handOff?.state === 'done').length === 3;
    });
    const { id } = await cluster.ask<JobView>('POST', '/api/v1/jobs', {
      ...{ kind: 'verify', keys: `s3://lake/${prefix}`, concurrencyMax: 64 },
    });
    const { objects } = await doneOf(id);
    const { failures } = await cluster.ask<Failures>('GET', `/api/v1/jobs/${id}/failures?limit=1000`);
    expect(failures).toEqual(
      Object.keys(broken).map((key) => ({ key: `s3://lake/${key}`, reason: 'it is not cached' })),
    );
    expect(objects.loaded).toBe(objectCount - failures.length);
    const before = await ufs.counts();
    const client = new WireClient(cluster.endpoint(0));
    const bodyOf = bodiesOf(objectCount);
    for (let index = 0; index < objectCount; index += Math.ceil(objectCount / 500)) {
      const key = keyAt(prefix, index);
      if (key in broken) continue;
      const { status, body } = await client.send({ path: `/lake/${key}` });
      expect(status).toBe(200);
      expect(body.equals(bodyOf(index)), key).toBe(true);
    }
    client.close();
    expect((await ufs.counts()).gets).toEqual(before.gets);
  });
});

async function activeOf(registries: readonly Member[]): Promise<Member> {
  return until('a registry is active', async () => {
    for (const registry of registries) if (await registry.isReady()) return registry;
    return undefined;
  });
}

type Members = Readonly<Record<'registries' | 'nodes', readonly Member[]>>;

/** CPU of the processes from now on, those that are killed on the way included. */
class CpuOf {
  readonly #members: Members;
  readonly #ufsPid: number;
  readonly #before = new Map<number, number>();
  readonly #killed = new Map<Member, number>();

  constructor(members: Members, ufsPid: number) {
    this.#members = members;
    this.#ufsPid = ufsPid;
    const pids = [...members.registries, ...members.nodes].map(({ pid }) => pid);
    for (const pid of [...pids, ufsPid]) this.#before.set(pid, cpuMicros(pid) ?? 0);
  }

  async kill9(member: Member): Promise<void> {
    this.#killed.set(member, this.#sinceStart(member.pid));
    await member.kill9();
  }

  #sinceStart(pid: number): number {
    return (cpuMicros(pid) ?? 0) - (this.#before.get(pid) ?? 0);
  }

  report(objects: number, elapsedMs: number): void {
    const of = (members: readonly Member[]) =>
      members.reduce(
        (sum, member) => sum + this.#sinceStart(member.pid) + (this.#killed.get(member) ?? 0),
        0,
      );
    const nodes = of(this.#members.nodes);
    const micros = (us: number) => `${Math.round(us / objects)} us`;
    const figures = {
      objects,
      seconds: Math.round(elapsedMs / 1000),
      objectsPerSecond: Math.round((objects * 1000) / elapsedMs),
      cpuPerObject: {
        nodes: micros(nodes),
        registries: micros(of(this.#members.registries)),
        ufs: micros(this.#sinceStart(this.#ufsPid)),
      },
      objectsPerSecondPerNodeCore: Math.round((objects * 1_000_000) / nodes),
    };
    process.stderr.write(`load: ${JSON.stringify(figures, undefined, 1)}\n`);
  }
}
