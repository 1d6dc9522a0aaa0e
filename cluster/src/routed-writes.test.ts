/** Fences through a gateway of a cluster: each counts at the home of its epoch, or the client is told no. */
import { describe, expect, it } from 'vitest';
import { lake, objectAt, TestCluster } from './testing/test-cluster.ts';
import type { TestOwner } from './testing/test-owner.ts';
import type { RenewWriter } from './writer-lease.ts';

const nodeIds = ['a', 'b', 'c'];
const keys = Array.from({ length: 20 }, (_, index) => `k${index}`);
const objects = keys.map(objectAt);

/** Keys whose begin, or end, counted at their home of the current epoch. */
function countedAt(cluster: TestCluster, event: 'begin' | 'end'): string[] {
  return keys.filter((key) => {
    const home: TestOwner = cluster.ownersOf(key)[0]!;
    return home.writes.some(
      (line) => line.startsWith(`${event} f `) && /[^ ]+ f ([^ ]*)/.exec(line)![1]!.split(',').includes(key),
    );
  });
}

const writesOf = (cluster: TestCluster) => [...cluster.owners.values()].flatMap(({ writes }) => writes);

describe('the fences of a write', () => {
  it('go to every home once, with its own objects', async () => {
    const cluster = new TestCluster(nodeIds);
    await cluster.time.until(cluster.node.beginWrite(objects, 'f'));
    expect(countedAt(cluster, 'begin')).toEqual(keys);
    const receipt = await cluster.time.until(cluster.node.endWrite(objects, 'f', 'known'));
    expect(receipt).toEqual({ fenceId: 'f', ended: true });
    expect(countedAt(cluster, 'end')).toEqual(keys);
    expect(writesOf(cluster)).toHaveLength(6);
  });

  it('that got no answer are begun again under another name, and all names are ended', async () => {
    const cluster = new TestCluster(['a']);
    const owner = cluster.owner('a');
    owner.state = 'dead';
    const beginning = cluster.node.beginWrite(objects, 'f');
    await cluster.time.pass(1);
    owner.revive();
    await cluster.time.until(beginning);
    await cluster.time.until(cluster.node.endWrite(objects, 'f', 'known'));
    const told = owner.writes.map((line) => line.split(' ').slice(0, 2).join(' '));
    expect(told).toEqual(['begin f.1', 'end f', 'end f.1']);
    await cluster.time.until(cluster.node.beginWrite(objects, 'g'));
    expect(owner.writes.at(-1)).toContain('begin g k');
  });

  it('are closed also where they were begun at a home that is none any more', async () => {
    for (const isOfBucket of [false, true]) {
      const cluster = new TestCluster(nodeIds);
      const { node, time } = cluster;
      await time.until(isOfBucket ? node.beginBucketWrite(lake, 'f') : node.beginWrite(objects, 'f'));
      cluster.form(['d', 'e']);
      cluster.gatewayView = cluster.membership;
      await time.until(
        isOfBucket ? node.endBucketWrite(lake, 'f', 'known') : node.endWrite(objects, 'f', 'known'),
      );
      await time.pass(1000);
      for (const { fences } of cluster.owners.values()) expect([...fences]).toEqual([]);
    }
  });

  it('ask nobody where nothing is named', async () => {
    const cluster = new TestCluster(nodeIds);
    await cluster.node.beginWrite([], 'f');
    await cluster.node.endWrite([], 'f', 'known');
    expect(writesOf(cluster)).toEqual([]);
  });

  it('are grouped anew where the ring has changed', async () => {
    const cluster = new TestCluster(nodeIds);
    cluster.form(['a', 'd', 'e']);
    await cluster.time.until(cluster.node.beginWrite(objects, 'f'));
    expect(countedAt(cluster, 'begin')).toEqual(keys);
    cluster.form(['b', 'e', 'f']);
    await cluster.time.until(cluster.node.endWrite(objects, 'f', 'unknown'));
    expect(countedAt(cluster, 'end')).toEqual(keys);
    expect(writesOf(cluster).some((line) => line.endsWith(' unknown'))).toBe(true);
  });

  it('wait for an epoch to settle', async () => {
    const cluster = new TestCluster(nodeIds);
    cluster.form(['a', 'b'], { settled: false });
    const beginning = cluster.node.beginWrite(objects, 'f');
    await cluster.time.pass(5_000);
    expect(writesOf(cluster).filter((line) => !line.startsWith('carry'))).toEqual([]);
    cluster.settle();
    await cluster.time.until(beginning);
    expect(countedAt(cluster, 'begin')).toEqual(keys);
  });

  it('are refused where no home can be told, and what stood is taken back', async () => {
    const cluster = new TestCluster(nodeIds);
    const [dead, ...alive] = [...cluster.owners.values()];
    dead!.state = 'dead';
    const beginning = cluster.time.until(cluster.node.beginWrite(objects, 'f'));
    await expect(beginning).rejects.toMatchObject({ kind: 'overloaded', retryAfterMs: 1000 });
    expect(cluster.time.nowMs).toBeGreaterThan(19_000);
    expect(cluster.time.nowMs).toBeLessThan(23_000);
    await cluster.time.pass(1000);
    for (const { writes } of alive) {
      const [begun, ...ended] = writes.map((line) => line.split(' '));
      expect(begun![0]).toBe('begin');
      expect(ended.map(([event]) => event)).not.toContain('begin');
      expect(ended.map(([, name]) => name)).toContain(begun![1]);
    }
  });

  it('are refused where no membership is known', async () => {
    const cluster = new TestCluster(nodeIds);
    cluster.gatewayView = undefined;
    cluster.registryAnswers = () => Promise.reject(new Error('away'));
    const beginning = cluster.time.until(cluster.node.beginWrite(objects, 'f'));
    await expect(beginning).rejects.toMatchObject({ kind: 'overloaded' });
    const ending = cluster.time.until(cluster.node.endWrite(objects, 'f', 'known'));
    await expect(ending).rejects.toMatchObject({ kind: 'state-unknown' });
  });

  it('do not wait for a registry that hangs longer than they must', async () => {
    const cluster = new TestCluster(nodeIds);
    cluster.form(['a', 'b'], { settled: false });
    cluster.registryAnswers = () => new Promise(() => {});
    const beginning = cluster.time.until(cluster.node.beginWrite(objects, 'f'));
    await expect(beginning).rejects.toMatchObject({ kind: 'overloaded' });
    expect(cluster.time.nowMs).toBeLessThan(23_000);
  });

  it('reach a home that hung or died, once it is back', async () => {
    for (const state of ['hung', 'dead'] as const) {
      const cluster = new TestCluster(nodeIds);
      const owner = cluster.owner('a');
      owner.state = state;
      const ending = cluster.node.endWrite(objects, 'f', 'known');
      await cluster.time.pass(15_000);
      owner.revive();
      await cluster.time.until(ending);
      expect(countedAt(cluster, 'end')).toEqual(keys);
    }
  });
});

describe('a write under way while the ring changes', () => {
  const acknowledged: (string | number)[] = [];
  function changing() {
    acknowledged.length = 0;
    const renewWriter: RenewWriter = async ({ epoch, wish }) => {
      acknowledged.push(wish === 'leaving' ? wish : epoch);
      return true;
    };
    return new TestCluster(nodeIds, 4096, { renewWriter });
  }
  const change = (cluster: TestCluster) => {
    cluster.form(['a', 'd', 'e'], { settled: false });
    cluster.gatewayView = cluster.membership;
  };

  it('is fenced at its new homes before the gateway acknowledges the epoch', async () => {
    const cluster = changing();
    await cluster.time.until(cluster.node.beginWrite(objects, 'f'));
    cluster.owner('d').state = 'dead';
    change(cluster);
    await cluster.time.pass(8_000);
    expect(new Set(acknowledged)).toEqual(new Set([1]));
    cluster.owner('d').revive();
    await cluster.time.pass(20_000);
    expect(acknowledged.at(-1)).toBe(2);
    const homes = new Set(keys.map((key) => cluster.ownersOf(key)[0]!));
    for (const home of homes) expect([...home.fences].some((name) => name.startsWith('f'))).toBe(true);
    cluster.settle();
    await cluster.time.until(cluster.node.endWrite(objects, 'f', 'known'));
    await cluster.time.pass(1_000);
    for (const { fences } of cluster.owners.values()) expect([...fences]).toEqual([]);
  });

  it('of which nobody knows how it ended marks them too, and for as long as it may take effect', async () => {
    const cluster = changing();
    await cluster.time.until(cluster.node.beginWrite(objects, 'f'));
    await cluster.time.until(cluster.node.endWrite(objects, 'f', 'unknown'));
    change(cluster);
    await cluster.time.pass(8_000);
    expect(acknowledged.at(-1)).toBe(2);
    expect(cluster.owner('d').marks).toContain('end f unknown');
    await cluster.node.leave();
    expect(acknowledged).not.toContain('leaving');
  });

  it('is begun by nobody who has no lease', async () => {
    const cluster = new TestCluster(nodeIds, 4096, { renewWriter: async () => false });
    const beginning = cluster.time.until(cluster.node.beginWrite(objects, 'f'));
    await expect(beginning).rejects.toMatchObject({ kind: 'overloaded' });
    expect(writesOf(cluster).filter((line) => line.startsWith('begin'))).toEqual([]);
  });

  it('that is over lets the lease be given up after a while, and another is taken up by the next', async () => {
    const cluster = changing();
    await cluster.time.until(cluster.node.beginWrite(objects, 'f'));
    await cluster.time.pass(60_000);
    expect(acknowledged.at(-1)).toBe(1);
    await cluster.time.until(cluster.node.endWrite(objects, 'f', 'known'));
    await cluster.time.pass(60_000);
    expect(acknowledged.at(-1)).toBe('leaving');
    await cluster.time.until(cluster.node.beginWrite(objects, 'g'));
    expect(acknowledged.at(-1)).toBe(1);
  });

  it('that is over is no reason to wait for a gateway that leaves', async () => {
    const cluster = changing();
    await cluster.time.until(cluster.node.beginWrite(objects, 'f'));
    await cluster.time.until(cluster.node.endWrite(objects, 'f', 'known'));
    await cluster.node.leave();
    expect(acknowledged.at(-1)).toBe('leaving');
  });
});

describe('the fence on a bucket', () => {
  it('stands at every active member', async () => {
    const cluster = new TestCluster(nodeIds);
    await cluster.time.until(cluster.node.beginBucketWrite(lake, 'f'));
    const receipt = await cluster.time.until(cluster.node.endBucketWrite(lake, 'f', 'known'));
    expect(receipt).toEqual({ fenceId: 'f', ended: true });
    for (const nodeId of nodeIds) {
      expect(cluster.owner(nodeId).writes).toEqual(['begin f /lake', 'end f /lake known']);
    }
  });

  it('is set again at all of another epoch that came meanwhile', async () => {
    const cluster = new TestCluster(nodeIds);
    let isFirst = true;
    cluster.owner('b').slow = async () => {
      if (!isFirst) return;
      isFirst = false;
      cluster.form(['a', 'b', 'd']);
      cluster.gatewayView = cluster.membership;
    };
    await cluster.time.until(cluster.node.beginBucketWrite(lake, 'f'));
    for (const nodeId of ['a', 'b', 'd']) {
      expect(cluster.owner(nodeId).writes.at(-1)).toBe('begin f /lake');
    }
  });

  it('is refused where one member cannot be told', async () => {
    const cluster = new TestCluster(nodeIds);
    cluster.owner('c').state = 'dead';
    const beginning = cluster.time.until(cluster.node.beginBucketWrite(lake, 'f'));
    await expect(beginning).rejects.toMatchObject({ kind: 'overloaded' });
  });
});

describe('what concerns all nodes', () => {
  it('sums what they say, and leaves out who says nothing', async () => {
    const cluster = new TestCluster(nodeIds);
    cluster.owner('c').state = 'dead';
    const stats = await cluster.time.until(cluster.node.stats());
    expect(stats).toMatchObject({ nodeId: 'gateway', pages: 10, fencesOpen: 2 });
  });

  it('frees at each of them, tells who gave no answer, and fails where nobody does', async () => {
    const cluster = new TestCluster(nodeIds);
    const seen: number[] = [];
    const request = {
      ...{ keys: {} as never, pinned: false, dryRun: false, signal: new AbortController().signal },
      onProgress: ({ pages }: { pages: number }) => seen.push(pages),
    };
    expect(await cluster.time.until(cluster.node.free(request))).toMatchObject({ pages: 6, bytes: 30 });
    expect(seen.at(-1)).toBeGreaterThan(2);
    cluster.owner('a').state = 'dead';
    expect(await cluster.time.until(cluster.node.free(request))).toMatchObject({
      pages: 4,
      silent: [{ nodeId: 'a', reason: 'a is dead' }],
    });
    for (const owner of cluster.owners.values()) owner.state = 'dead';
    await expect(cluster.time.until(cluster.node.free(request))).rejects.toMatchObject({
      kind: 'node-unavailable',
    });
  });

  it('is ready with a ring and one node that answers', async () => {
    const cluster = new TestCluster(nodeIds);
    cluster.owner('a').state = 'dead';
    expect(await cluster.time.until(cluster.node.notReady())).toEqual([]);
    for (const owner of cluster.owners.values()) owner.state = 'dead';
    expect(await cluster.time.until(cluster.node.notReady())).toEqual(['no cache node can be reached']);
    cluster.gatewayView = undefined;
    expect(await cluster.node.notReady()).toHaveLength(1);
  });
});
