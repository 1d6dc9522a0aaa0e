import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '@forebay/core/log';
import { type RenewalRequest, registryLeaseMs } from '@forebay/core/membership';
import { Metrics } from '@forebay/core/metrics';
import { parseMount } from '@forebay/core/mount-uri';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ActiveRegistry } from './active-registry.ts';
import { type Coordination, type Lock, NotActive } from './coordination.ts';
import { declareRegistryMetrics } from './metrics.ts';
import { SqliteCoordination } from './sqlite-coordination.ts';

let directory: string;
let nowMs: number;
let shared: Coordination;
let opened: ActiveRegistry[];
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'forebay-active-'));
  [nowMs, opened] = [1000, []];
  shared = await SqliteCoordination.open(join(directory, 'registry.sqlite'), clock);
});
afterEach(async () => {
  for (const registry of opened) registry.close();
  await shared.close();
  rmSync(directory, { recursive: true });
});

const clock = { wallMs: () => nowMs, monotonicMs: () => nowMs };
const mountOf = (text: string) => parseMount(text, { pageSizeBytes: 1 << 20, createdAtMs: 1 });

async function takeLock(): Promise<Lock> {
  return (await shared.acquire({ token: 't', address: 'here:9001' }, 60_000))!;
}

async function open(lock: Lock, over: Coordination = shared): Promise<ActiveRegistry> {
  const gauges = { isActive: true, membership: undefined, nodes: [], leases: 0, softMembers: 0 };
  const registry = await ActiveRegistry.open(over, lock, {
    ...{ clusterSecret: 'a secret of the test', mounts: [], rules: [], users: [], segmentBytes: 64 },
    root: undefined,
    makeRoot: () => ({ accessKey: 'ROOT', secretKey: 'root-secret-key' }),
    restoreMount: ({ path, uri }) => mountOf(`${path}=${uri}`),
    counters: declareRegistryMetrics(new Metrics(), () => gauges),
    ...{ clock, log: silentLog },
  });
  opened.push(registry);
  return registry;
}

/** A first renewal of a node by the newest epoch. */
function renewalOf(registry: ActiveRegistry, nodeId: string): RenewalRequest {
  const { number, registry: name } = registry.machine.membership()!.epoch;
  return {
    ...{ nodeId, incarnation: 'i', address: `${nodeId}:1`, adminAddress: `${nodeId}:2`, weight: 1 },
    ...{ holdsLock: true, wish: 'active', epoch: number, registry: name, lastGrant: undefined },
  };
}

async function withEpoch(registry: ActiveRegistry): Promise<ActiveRegistry> {
  nowMs += registryLeaseMs;
  registry.tick();
  await registry.confirmed();
  return registry;
}

it('a registry that has lost the lock answers no role and changes nothing', async () => {
  const first = await withEpoch(await open(await takeLock()));
  await first.registry.mount(mountOf('/lake=s3://lake'));
  const request = renewalOf(first, 'n1');
  await shared.release(first.lock);
  const second = await open(await takeLock());
  await expect(first.renew(request)).rejects.toThrow(NotActive);
  await expect(first.viewText(undefined, { ms: 0 })).rejects.toThrow(NotActive);
  await expect(first.drain('n1', 'draining')).rejects.toThrow(NotActive);
  await expect(first.registry.mount(mountOf('/late=s3://late'))).rejects.toThrow(NotActive);
  expect(first.registry.view().mounts.mounts).toHaveLength(1);
  // The other goes on from what the first one stored: the epoch, the mounts, the root user.
  expect(await second.renew(request)).toMatchObject({ granted: true });
  expect(second.registry.view().mounts.resolve('lake', 'x')).toBeDefined();
  expect(second.registry.view().revision).toBeGreaterThan(first.registry.view().revision);
  expect(second.root).toEqual(first.root);
});

it('an epoch is stored before anybody is told of it', async () => {
  const held = Promise.withResolvers<void>();
  let writes = 0;
  const slow: Coordination = {
    ...boundTo(shared),
    write: async (lock, key, value) => {
      if (key === 'membership') {
        writes += 1;
        await held.promise;
      }
      return shared.write(lock, key, value);
    },
  };
  const registry = await open(await takeLock(), slow);
  const view = registry.viewText({ state: 'none', revision: 0 }, { ms: 0 });
  expect(await view).toBeDefined();
  nowMs += registryLeaseMs;
  registry.tick();
  let told = false;
  const answer = registry.renew(renewalOf(registry, 'n1')).then((given) => {
    told = true;
    return given;
  });
  await new Promise(setImmediate);
  expect([writes, told]).toEqual([1, false]);
  held.resolve();
  expect(await answer).toMatchObject({ granted: true });
  expect(JSON.parse((await shared.read('membership'))!)).toMatchObject({ epoch: { number: 1 } });
});

it('one look at the lock serves all that ask meanwhile', async () => {
  let looks = 0;
  const counting: Coordination = {
    ...boundTo(shared),
    isHeld: async (lock) => {
      looks += 1;
      await new Promise(setImmediate);
      return shared.isHeld(lock);
    },
  };
  const registry = await withEpoch(await open(await takeLock(), counting));
  looks = 0;
  const nodes = Array.from({ length: 100 }, (_, index) => `n${index}`);
  const answers = await Promise.all(nodes.map((nodeId) => registry.renew(renewalOf(registry, nodeId))));
  expect(answers.every(({ granted }) => granted)).toBe(true);
  expect(looks).toBeLessThan(3);
});

it('who waits for news is answered when there are some, and when the registry is active no more', async () => {
  const registry = await open(await takeLock());
  const { state, view } = JSON.parse((await registry.viewText(undefined, { ms: 0 }))!.text);
  const after = { state, revision: view.revision };
  expect(await registry.viewText(after, { ms: 1 })).toBeUndefined();
  const news = registry.viewText(after, { ms: 60_000 });
  await registry.registry.mount(mountOf('/lake=s3://lake'));
  expect((await news)!.text).toContain('"/lake"');
  const late = registry.viewText({ state, revision: registry.registry.view().revision }, { ms: 60_000 });
  registry.close();
  await expect(late).rejects.toThrow(NotActive);
});

function boundTo(target: Coordination): Coordination {
  return {
    read: (key) => target.read(key),
    write: (...of) => target.write(...of),
    acquire: (...of) => target.acquire(...of),
    extend: (...of) => target.extend(...of),
    isHeld: (lock) => target.isHeld(lock),
    release: (lock) => target.release(lock),
    holder: () => target.holder(),
    close: () => target.close(),
  };
}
