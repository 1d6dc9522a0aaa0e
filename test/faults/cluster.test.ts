/**
 * A cluster of real processes that loses a node, a hung node, its registries and their Redis, while clients
 * read: no read fails that the UFS could answer, and writes are refused rather than risked.
 */
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runConsistency } from '../consistency/run.ts';
import { Random } from '../support/random.ts';
import { needs } from '../support/tools.ts';
import { until } from '../support/until.ts';
import { LoadedCluster } from './loaded-cluster.ts';

const seed = Math.floor(Math.random() * 2 ** 31);
const random = new Random(seed);
/** A lease as the registry counts it, and a renewal more. */
const leaseMs = 15_000;
/** How long all registries are gone. */
const outageSeconds = Number(process.env.FOREBAY_TEST_OUTAGE_SECONDS ?? 20);

describe(`a cluster under read load (seed ${seed})`, () => {
  let lake: LoadedCluster;
  beforeAll(async () => {
    lake = await LoadedCluster.start({ nodes: 3, gateways: 2 });
  });
  afterAll(() => lake?.stop());

  it('kill -9 of a node: no read fails, and a lease later they are as quick as before', async () => {
    const load = lake.load(random);
    await wait(5_000);
    const before = load.take();
    const node = random.pick(lake.cluster.nodes);
    await node.kill9();
    await wait(leaseMs);
    const during = load.take();
    await wait(5_000);
    const after = load.take();
    node.start();
    await node.untilReady();
    await load.stop();
    console.log('kill -9:', JSON.stringify({ before, during, after }));
    expect(load.failures).toEqual([]);
    expect(after.p99Ms).toBeLessThan(Math.max(200, 4 * before.p99Ms));
  });

  it('a node that hangs: no read fails, and none waits for minutes', async () => {
    const load = lake.load(random);
    await wait(3_000);
    const node = random.pick(lake.cluster.nodes);
    load.take();
    node.pause();
    await wait(leaseMs);
    const during = load.take();
    node.resume();
    await wait(3_000);
    await load.stop();
    console.log('SIGSTOP:', JSON.stringify({ during, after: load.take() }));
    expect(load.failures).toEqual([]);
    expect(during.reads).toBeGreaterThan(0);
  });

  it(
    `no registry for ${outageSeconds} s: reads go on, writes are refused until it is back`,
    async () => {
      const load = lake.load(random, 4, 100);
      await wait(5_000);
      expect(await lake.write()).toBe(200);
      const before = load.take();
      for (const registry of lake.cluster.registries) await registry.kill9();
      const endsAtMs = performance.now() + outageSeconds * 1000;
      await until('writes are refused', async () => (await lake.write()) === 503, 90_000);
      const during = [load.take()];
      while (performance.now() < endsAtMs) {
        await wait(Math.min(60_000, endsAtMs - performance.now()));
        during.push(load.take());
        expect(await lake.write()).toBe(503);
      }
      for (const registry of lake.cluster.registries) registry.start();
      const startedAtMs = performance.now();
      await until('writes are taken', async () => (await lake.write()) === 200, 90_000);
      const writesAfterMs = Math.round(performance.now() - startedAtMs);
      load.take();
      await wait(5_000);
      const after = load.take();
      await load.stop();
      console.log('no registry:', JSON.stringify({ before, during, after, writesAfterMs }));
      expect(load.failures).toEqual([]);
      expect(Math.min(...during.map(({ reads }) => reads))).toBeGreaterThan(0);
      expect(after.p99Ms).toBeLessThan(Math.max(200, 4 * before.p99Ms));
    },
    outageSeconds * 1000 + 300_000,
  );
});

describe(`a cluster whose registries share a Redis (seed ${seed})`, await needs('redis'), () => {
  let lake: LoadedCluster;
  beforeAll(async () => {
    lake = await LoadedCluster.start({ nodes: 2, gateways: 1, registries: 2, redis: true });
  });
  afterAll(() => lake?.stop());

  it('Redis gone and back: no read fails, and writes are taken again', async () => {
    const load = lake.load(random, 4);
    expect(await lake.write()).toBe(200);
    await lake.redis!.kill9();
    await wait(20_000);
    await lake.redis!.start();
    await until('writes are taken', async () => (await lake.write()) === 200, 90_000);
    await load.stop();
    expect(load.failures).toEqual([]);
  });

  it('a registry killed: the other takes over', async () => {
    const load = lake.load(random, 4);
    const [first] = lake.cluster.registries;
    await first!.kill9();
    await until('writes are taken', async () => (await lake.write()) === 200, 90_000);
    first!.start();
    await wait(leaseMs);
    expect(await lake.write()).toBe(200);
    await load.stop();
    expect(load.failures).toEqual([]);
  });
});

it(`the consistency checker finds nodes whose leases never end (seed ${seed})`, async () => {
  const broken = join(import.meta.dirname, '../consistency/without-leases.ts');
  const { violations } = await runConsistency({
    ...{ seed, nodes: 3, gateways: 2, registries: 1, operations: 2_000, operationsPerSecond: 40 },
    faults: { only: 'gateway and node cut from the rest' },
    mainOf: (role) => (role === 'cache-node' ? broken : undefined),
  });
  expect(violations.length).toBeGreaterThan(0);
});
