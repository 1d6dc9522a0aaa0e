import { ForebayError } from '@forebay/core/errors';
import { Metrics } from '@forebay/core/metrics';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JobWorld, mountOf, partBytes, untilState } from '../testing/job-world.ts';
import { parseJobSpec } from './job-spec.ts';
import { declareJobMetrics } from './metrics.ts';

const keysOf = (count: number, sizeBytes = 10) =>
  Object.fromEntries(
    Array.from({ length: count }, (_, index) => [`k${String(index).padStart(5, '0')}`, sizeBytes]),
  );
const load = (more: Record<string, unknown> = {}) =>
  parseJobSpec({ kind: 'load', keys: 's3://lake', ...more });

describe('a job', () => {
  it('counts every key as loaded, skipped or failed, and tells which failed and why', async () => {
    const world = new JobWorld({
      keys: { ...keysOf(2500), k00007: 5 },
      onLoad: (key) => {
        if (key === 'k01234') throw new Error('the disk of the moon is full');
      },
    });
    world.cached.add('k00001#0');
    const jobs = await world.start();
    const { record } = await jobs.create(load());
    const { counts, expected } = await untilState(jobs, record.id, 'done');
    expect(counts.objects).toEqual({ total: 2500, loaded: 2498, skipped: 1, failed: 1 });
    expect(counts.bytes).toEqual({ total: 24_995, loaded: 24_975, skipped: 10, ufs: 24_975 });
    expect(counts.ufsRequests.read).toBe(2498);
    expect(counts.ufsRequests.list).toBe(world.lists);
    expect(expected).toEqual({ objects: 2500, bytes: 24_995 });
    expect(await jobs.failures(record.id, 0, 10)).toEqual([
      { key: 's3://lake/k01234', reason: 'the disk of the moon is full' },
    ]);
  });

  it('counts each key in the metrics once it is kept', async () => {
    const metrics = new Metrics();
    const world = new JobWorld({
      keys: keysOf(30),
      scheduler: { onKey: declareJobMetrics(metrics).count },
    });
    const jobs = await world.start();
    await untilState(jobs, (await jobs.create(load())).record.id, 'done');
    const counted = await metrics.samples('forebay_job_objects_total');
    expect(counted.filter(({ value }) => value > 0)).toMatchObject([
      { labels: { kind: 'load', result: 'loaded' }, value: 30 },
    ]);
    const bytes = await metrics.samples('forebay_job_ufs_bytes_total');
    expect(bytes.filter(({ value }) => value > 0)).toMatchObject([{ labels: { kind: 'load' }, value: 300 }]);
  });

  it('counts the jobs that are there, and those that are over, by how they ended', async () => {
    const metrics = new Metrics();
    const { ended, follow } = declareJobMetrics(metrics);
    const free = () => Promise.reject(new Error('no node answers'));
    const world = new JobWorld({ keys: keysOf(3), scheduler: { onEnd: ended, free } });
    const jobs = await world.start();
    follow(() => jobs.all().map(({ record }) => record.state));
    await untilState(jobs, (await jobs.create(load())).record.id, 'done');
    await untilState(jobs, (await jobs.create(load({ kind: 'free' }))).record.id, 'failed');
    const daily = await jobs.create(load({ schedule: '0 3 * * *' }));
    const states = (await metrics.samples('forebay_jobs')).filter(({ value }) => value > 0);
    expect(states).toEqual([{ labels: { state: 'scheduled' }, value: 1 }]);
    await jobs.cancel(daily.record.id);
    const over = (await metrics.samples('forebay_jobs_ended_total')).filter(({ value }) => value > 0);
    expect(over.map(({ labels, value }) => `${labels.kind} ${labels.state} ${value}`).sort()).toEqual([
      'free failed 1',
      'load cancelled 1',
      'load done 1',
    ]);
  });

  it.each(['load', 'verify'])('does its work on a large object part by part: %s', async (kind) => {
    const world = new JobWorld({ keys: { big: 5 * partBytes + 1 } });
    const jobs = await world.start();
    const { record } = await jobs.create(load({ kind }));
    const { counts } = await untilState(jobs, record.id, 'done');
    expect(counts.objects).toMatchObject({ total: 1, loaded: 1 });
    expect(counts.bytes.loaded).toBe(5 * partBytes + 1);
    expect([...world.loads.keys()]).toHaveLength(6);
  });

  it('loads each part on as many nodes as there are to be replicas, and counts the bytes of each', async () => {
    const world = new JobWorld({ keys: { big: partBytes + 1, a: 10, b: 10 } });
    for (const part of ['a#0', 'a#0 on 1', 'b#0']) world.cached.add(part);
    const jobs = await world.start();
    const { record } = await jobs.create(load({ replicas: 2 }));
    const { counts, expected } = await untilState(jobs, record.id, 'done');
    expect([...world.loads.keys()].sort()).toEqual([
      ...['b#0 on 1', 'big#0', 'big#0 on 1', 'big#1000', 'big#1000 on 1'],
    ]);
    expect(counts.objects).toEqual({ total: 3, loaded: 2, skipped: 1, failed: 0 });
    const big = 2 * (partBytes + 1);
    expect(counts.bytes).toEqual({ total: big + 40, loaded: big + 20, skipped: 20, ufs: partBytes + 1 });
    expect(expected).toEqual({ objects: 3, bytes: big + 40 });
  });

  it('with more replicas than there are nodes is refused as a whole', async () => {
    const world = new JobWorld({
      keys: { a: 1 },
      scheduler: { workers: { of: () => Promise.reject() as never, partBytes, nodeCount: 1 } },
    });
    const jobs = await world.start();
    const { record } = await jobs.create(load({ replicas: 2 }));
    expect(await untilState(jobs, record.id, 'failed')).toMatchObject({
      reason: '2 replicas take as many cache nodes; now there are 1',
    });
  });

  it('takes of a prefix the object of that name and what is below it, and of nested mounts what they hold', async () => {
    const world = new JobWorld({
      keys: { hot: 1, 'hot/a': 1, hotter: 1, 'hot/in/hidden': 1, 'else/b': 1 },
      mounts: [mountOf('/lake'), mountOf('/lake/hot/in', 'else/')],
    });
    const jobs = await world.start();
    const { record } = await jobs.create(load({ keys: 's3://lake/hot' }));
    await untilState(jobs, record.id, 'done');
    expect([...world.loads.keys()].sort()).toEqual(['else/b#0', 'hot#0', 'hot/a#0']);
  });

  it('tries again what may pass, and not what will not', async () => {
    const tries = new Map<string, number>();
    const world = new JobWorld({
      keys: { away: 1, busy: 1, gone: 1, lost: 1, shaky: 1 },
      onLoad: (key) => {
        const count = (tries.get(key) ?? 0) + 1;
        tries.set(key, count);
        if (key === 'busy' && count < 20) throw new ForebayError('overloaded', 'busy');
        if (key === 'away' && count < 20) throw new ForebayError('node-unavailable', 'restarts');
        if (key === 'lost') throw new ForebayError('node-unavailable', 'never comes back');
        if (key === 'shaky' && count < 3) throw new ForebayError('ufs-unavailable', 'reset');
        if (key === 'gone') throw new ForebayError('ufs-unavailable', 'always');
      },
    });
    const jobs = await world.start();
    const { record } = await jobs.create(load({ retriesMax: 2 }));
    const { counts } = await untilState(jobs, record.id, 'done');
    expect(counts.objects).toMatchObject({ loaded: 3, failed: 2 });
    expect(Object.fromEntries(tries)).toMatchObject({ away: 20, busy: 20, gone: 3, shaky: 3 });
  });

  it('is done with a key where reads look for it, also where the ring changes meanwhile', async () => {
    const asked: number[] = [];
    let ring = 1;
    const world = new JobWorld({
      keys: { a: 7 },
      ring: () => ring,
      onLoad: () => {
        asked.push(ring);
        if (ring < 3) ring += 1;
      },
    });
    const jobs = await world.start();
    const { counts } = await untilState(jobs, (await jobs.create(load())).record.id, 'done');
    expect(asked).toEqual([1, 2, 3]);
    expect(counts.objects).toEqual({ total: 1, loaded: 1, skipped: 0, failed: 0 });
    expect(counts.bytes).toMatchObject({ total: 7, loaded: 7, ufs: 7 });
  });

  it('pins before it loads', async () => {
    const world = new JobWorld({ keys: { a: 1 } });
    const jobs = await world.start();
    const { record } = await jobs.create(load({ kind: 'pin', keys: 's3://lake/a' }));
    await untilState(jobs, record.id, 'done');
    expect(world.pins).toEqual(['s3://lake/a']);
  });

  it('frees what nodes have, also of one that has to be waited for, and counts it once', async () => {
    const none = { pages: 0, bytes: 0, pinnedPages: 0, pinnedBytes: 0 };
    const tries: (readonly ((freed: typeof none) => void)[])[] = [];
    const world = new JobWorld({
      keys: {},
      scheduler: {
        free: async ({ onProgress, signal }) => {
          tries.push([onProgress]);
          if (tries.length === 1) {
            onProgress({ ...none, pages: 2, bytes: 200 });
            throw new ForebayError('node-unavailable', 'it was killed');
          }
          if (tries.length === 2) {
            onProgress({ ...none, pages: 4, bytes: 400 });
            await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
          }
          return { pages: 1, bytes: 100, pinnedPages: 5, pinnedBytes: 500 };
        },
      },
    });
    const jobs = await world.start();
    const { record } = await jobs.create(load({ kind: 'free' }));
    while (jobs.find(record.id).record.counts.pages !== 6) await tick();
    await jobs.stop();
    const next = await world.start();
    const { counts } = await untilState(next, record.id, 'done');
    expect(counts).toMatchObject({ pages: 7, bytes: { total: 1200, loaded: 700, skipped: 500 } });
  });

  it('keeps to its limit of bytes per second', async () => {
    const world = new JobWorld({ keys: keysOf(10, 100) });
    const jobs = await world.start();
    const startMs = world.clock.nowMs;
    const { record } = await jobs.create(load({ bytesPerSecondMax: 100, concurrencyMax: 1 }));
    await untilState(jobs, record.id, 'done');
    expect(world.clock.nowMs - startMs).toBe(9000);
  });

  it('is refused where no mount has its keys; of a manifest each such key fails', async () => {
    const world = new JobWorld({ keys: { a: 1 } });
    const jobs = await world.start();
    await expect(jobs.create(load({ keys: 's3://nowhere/a/' }))).rejects.toThrow('no mount covers');
    const copy = { kind: 'copy', keys: 's3://lake/', target: 's3://nowhere/' };
    await expect(jobs.create(load(copy))).rejects.toThrow('s3://nowhere/; forebay mounts lists them');
    const missing = await jobs.create({
      ...load(),
      keys: undefined as never,
      manifest: (await manifest(jobs)).id,
    });
    const { counts } = await untilState(jobs, missing.record.id, 'done');
    expect(counts.objects).toMatchObject({ total: 1, failed: 1 });
  });

  const manifest = (jobs: Awaited<ReturnType<JobWorld['start']>>) =>
    jobs.manifests.add(streamOf('s3://nowhere/a\n'), {});
});

describe('steering', () => {
  const held = () => {
    const gate = Promise.withResolvers<void>();
    const world = new JobWorld({
      keys: keysOf(50),
      onLoad: (key) => (key > 'k00009' ? gate.promise : undefined),
    });
    return { gate, world };
  };

  it('stops at a checkpoint when paused, and goes on from there', async () => {
    const { gate, world } = held();
    const jobs = await world.start();
    const { record } = await jobs.create(load({ concurrencyMax: 4 }));
    while (jobs.find(record.id).record.counts.objects.total < 10) await tick();
    const pausing = jobs.pause(record.id);
    gate.resolve();
    const paused = (await pausing).record;
    expect(paused.state).toBe('paused');
    const before = paused.counts.objects.total;
    await jobs.resume(record.id);
    const { counts } = await untilState(jobs, record.id, 'done');
    expect(before).toBeLessThan(50);
    expect(counts.objects).toMatchObject({ total: 50, failed: 0 });
  });

  it('stops also where one key holds up all others, and counts no key twice when it goes on', async () => {
    let isHeld = true;
    const world = new JobWorld({
      keys: keysOf(50),
      onLoad: async (key, { signal }) => {
        if (key === 'k00000' && isHeld) await aborted(signal);
        if (key === 'k00003' && isHeld) throw new Error('no');
      },
      scheduler: { checkpointKeysMax: 10 },
    });
    const jobs = await world.start();
    const { id } = (await jobs.create(load({ concurrencyMax: 4 }))).record;
    while (jobs.find(id).record.counts.objects.total < 9) await tick();
    const { record } = await jobs.pause(id);
    expect(record).toMatchObject({ state: 'paused', counts: { objects: { total: 0 }, bytes: { ufs: 80 } } });
    isHeld = false;
    await jobs.resume(id);
    const { counts } = await untilState(jobs, id, 'done');
    expect(counts.objects).toEqual({ total: 50, loaded: 42, skipped: 8, failed: 0 });
    expect(counts.bytes).toMatchObject({ total: 500, ufs: 500 });
    expect(Math.max(...world.loads.values())).toBe(1);
  });

  it('lists what failed up to the last checkpoint while it runs', async () => {
    const world = new JobWorld({
      keys: keysOf(20),
      onLoad: async (key, { signal }) => {
        if (key === 'k00003') throw new Error('no');
        if (key === 'k00015') await aborted(signal);
      },
    });
    const jobs = await world.start();
    const { id } = (await jobs.create(load())).record;
    while ((await jobs.failures(id, 0, 10)).length === 0) await tick();
    expect(await jobs.failures(id, 0, 10)).toEqual([{ key: 's3://lake/k00003', reason: 'no' }]);
    await jobs.cancel(id);
  });

  it('cancels, and then nothing resumes it', async () => {
    const { gate, world } = held();
    const jobs = await world.start();
    const { record } = await jobs.create(load());
    const cancelling = jobs.cancel(record.id);
    gate.resolve();
    expect((await cancelling).record.state).toBe('cancelled');
    await expect(jobs.resume(record.id)).rejects.toThrow('cancelled');
    await expect(jobs.pause(record.id)).rejects.toThrow('cancelled');
    expect((await jobs.cancel(record.id)).record.state).toBe('cancelled');
  });

  it('lets the most urgent job go first', async () => {
    const order: string[] = [];
    const gate = Promise.withResolvers<void>();
    const world = new JobWorld({
      keys: { 'low/a': 1, 'high/a': 1, 'first/a': 1 },
      onLoad: async (key) => {
        order.push(key);
        await gate.promise;
      },
      scheduler: { limits: () => ({ jobsRunningMax: 1, jobConcurrencyPerNodeMax: 1 }) },
    });
    const jobs = await world.start();
    await jobs.create(load({ keys: 's3://lake/first/' }));
    await jobs.create(load({ keys: 's3://lake/low/', priority: 'low' }));
    const { record } = await jobs.create(load({ keys: 's3://lake/high/', priority: 'high' }));
    gate.resolve();
    await untilState(jobs, record.id, 'done');
    await untilState(jobs, jobs.all()[1]!.record.id, 'done');
    expect(order).toEqual(['first/a', 'high/a', 'low/a']);
  });

  it('goes on after a stop in good order without a key lost or repeated', async () => {
    const { gate, world } = held();
    const jobs = await world.start();
    const { record } = await jobs.create(load({ concurrencyMax: 4 }));
    while (jobs.find(record.id).record.counts.objects.total < 10) await tick();
    const stopping = jobs.stop();
    gate.resolve();
    await stopping;
    const next = await world.start();
    const { counts } = await untilState(next, record.id, 'done');
    expect(counts.objects.total).toBe(50);
    expect(Math.max(...world.loads.values())).toBe(1);
  });
});

it('loses no key, and repeats no more than a checkpoint, wherever its process is killed', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 120 }),
      fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 4 }),
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 1, max: 8 }),
      async (count, kills, checkpointKeysMax, concurrencyMax) => {
        let left = Number.POSITIVE_INFINITY;
        const works = new Map<string, number>();
        const world: JobWorld = new JobWorld({
          keys: keysOf(count),
          onLoad: async (key) => {
            works.set(key, (works.get(key) ?? 0) + 1);
            left -= 1;
            if (left === 0) world.kill();
            await tick();
          },
          scheduler: { checkpointKeysMax },
        });
        let jobs = await world.start();
        const { record } = await jobs.create(load({ concurrencyMax }));
        for (const after of kills) {
          left = after;
          while (left > 0 && jobs.find(record.id).record.state !== 'done') await tick();
          jobs = await world.start();
          left = Number.POSITIVE_INFINITY;
        }
        const { counts } = await untilState(jobs, record.id, 'done');
        expect(counts.objects).toMatchObject({ total: count, failed: 0 });
        expect(counts.objects.loaded + counts.objects.skipped).toBe(count);
        expect(works.size).toBe(count);
        expect(Math.max(0, ...world.loads.values())).toBe(1);
        const repeated = [...works.values()].reduce((sum, times) => sum + times - 1, 0);
        expect(repeated).toBeLessThanOrEqual(kills.length * checkpointKeysMax);
      },
    ),
    { numRuns: 60 },
  );
});

it('counts each key of a move once, and removes none that was not copied, wherever it is killed', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 80 }),
      fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 4 }),
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 1, max: 8 }),
      async (count, kills, checkpointKeysMax, concurrencyMax) => {
        let left = Number.POSITIVE_INFINITY;
        const killable = async () => {
          left -= 1;
          if (left === 0) world.kill();
          await tick();
        };
        const world: JobWorld = new JobWorld({
          ...{ keys: keysOf(count), onCopy: killable, onRemove: killable },
          mounts: [mountOf('/lake'), mountOf('/there')],
          scheduler: { checkpointKeysMax },
        });
        const move = { kind: 'move', keys: 's3://lake/', target: 's3://there/', concurrencyMax };
        let jobs = await world.start();
        const { record } = await jobs.create(parseJobSpec(move));
        for (const after of kills) {
          left = after;
          while (left > 0 && jobs.find(record.id).record.state !== 'done') await tick();
          jobs = await world.start();
          left = Number.POSITIVE_INFINITY;
        }
        const { counts, moving } = await untilState(jobs, record.id, 'done');
        expect(counts.objects).toEqual({ total: count, loaded: count, skipped: 0, failed: 0 });
        expect(counts.bytes).toMatchObject({ total: count * 10, loaded: count * 10, ufs: count * 10 });
        expect(world.removed.size).toBe(count);
        expect(moving).toBeUndefined();
      },
    ),
    { numRuns: 60 },
  );
});

it('of a move tells which sources stay, and why', async () => {
  const world = new JobWorld({
    keys: keysOf(5),
    mounts: [mountOf('/lake'), mountOf('/there')],
    onRemove: (key) => {
      if (key === 'k00003') throw new Error('the lock on it holds');
    },
  });
  const jobs = await world.start();
  const { record } = await jobs.create(
    parseJobSpec({ kind: 'move', keys: 's3://lake/', target: 's3://there/' }),
  );
  const { counts } = await untilState(jobs, record.id, 'done');
  expect(counts.objects).toEqual({ total: 5, loaded: 4, skipped: 0, failed: 1 });
  expect(await jobs.failures(record.id, 0, 10)).toEqual([
    { key: 's3://lake/k00003', reason: 'it was copied: the lock on it holds' },
  ]);
});

it('waits for the successor of a node that is gone, however few retries it has', async () => {
  const tries = new Map<string, number>();
  const world = new JobWorld({
    keys: { a: 1 },
    onLoad: (key) => {
      const count = (tries.get(key) ?? 0) + 1;
      tries.set(key, count);
      if (count < 10) throw new ForebayError('node-unavailable', 'it was killed');
    },
  });
  const jobs = await world.start();
  const { record } = await jobs.create(load({ retriesMax: 0 }));
  expect((await untilState(jobs, record.id, 'done')).counts.objects.loaded).toBe(1);
});

function tick(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

async function* streamOf(text: string): AsyncGenerator<Uint8Array, void> {
  yield Buffer.from(text);
}
