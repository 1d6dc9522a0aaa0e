/**
 * Reads through a gateway of a cluster: exact bytes, whatever nodes do, and nobody waits for a node longer
 * than it lives.
 */
import type { AbsentObject, OpenedObject } from '@forebay/core/cache-node';
import { ForebayError, isKind } from '@forebay/core/errors';
import { describe, expect, it } from 'vitest';
import { Random } from '../../test/support/random.ts';
import { bytesOf, objectAt, TestCluster } from './testing/test-cluster.ts';
import type { BodyFault, TestOwner } from './testing/test-owner.ts';

const nodeIds = ['a', 'b', 'c', 'd'];
const segmentBytes = 4096;

async function clusterWith(content: Buffer, ids: readonly string[] = nodeIds): Promise<TestCluster> {
  const cluster = new TestCluster(ids, segmentBytes);
  await cluster.put('k', content);
  return cluster;
}

const contentOf = (sizeBytes: number) => new Random(sizeBytes).bytes(sizeBytes);

describe('a read through the ring', () => {
  it('asks the home, and each further segment of its owner, in order', async () => {
    const content = contentOf(10 * segmentBytes + 17);
    const cluster = await clusterWith(content);
    expect(await cluster.read('k')).toEqual(content);
    const [home] = cluster.ownersOf('k');
    expect(home!.opens.map(({ epoch }) => epoch)).toEqual([1]);
    const reads = [...cluster.owners.values()].flatMap((owner) =>
      owner.reads.map(({ range }) => ({ owner, segment: Math.floor(range.start / segmentBytes) })),
    );
    for (const { owner, segment } of reads) expect(owner).toBe(cluster.ownersOf('k', segment)[0]);
    expect(reads.length).toBeGreaterThan(5);
    expect(cluster.ufs.readCount).toBe(0);
    expect(cluster.bodiesOpen).toBe(0);
  });

  it('hands on what is at hand as it is', async () => {
    const cluster = await clusterWith(Buffer.alloc(0));
    const opened = await cluster.open('k');
    expect(opened.kind === 'object' && opened.body).toEqual(new Uint8Array(0));
    expect(await cluster.open('none')).toMatchObject({ kind: 'absent', answer: { code: 'NoSuchKey' } });
  });

  it('goes past all nodes where no membership is known, with the same answers', async () => {
    const content = contentOf(9000);
    const cluster = await clusterWith(content);
    cluster.gatewayView = undefined;
    expect(await cluster.read('k')).toEqual(content);
    const range = { kind: 'span', start: 5, endExclusive: 5000 } as const;
    expect(await cluster.read('k', { range })).toEqual(content.subarray(5, 5000));
    const opened = await cluster.open('k', { conditions: { ifMatch: '"other"' } });
    expect(opened).toMatchObject({ condition: { failed: 'If-Match' }, nodeId: 'gateway', body: undefined });
    expect(await cluster.open('none')).toMatchObject({ kind: 'absent' });
    expect([...cluster.owners.values()].flatMap(({ opens }) => opens)).toEqual([]);
  });

  it('learns of a newer ring from the node that it asks', async () => {
    const content = contentOf(3000);
    const cluster = await clusterWith(content, ['a', 'b']);
    const old = cluster.ownersOf('k')[0]!;
    const others = ['c', 'd', 'e', 'f', 'g', 'h'];
    cluster.form(others);
    expect(await cluster.read('k')).toEqual(content);
    expect(old.opens.map(({ epoch }) => epoch)).toEqual([1]);
    expect(cluster.ownersOf('k')[0]!.opens.map(({ epoch }) => epoch)).toEqual([2]);
    expect(cluster.refreshes).toBe(1);
  });

  it('answers from the UFS where the ring is old and the registry says nothing', async () => {
    const content = contentOf(3000);
    const cluster = await clusterWith(content, ['a', 'b']);
    cluster.form(['c']);
    cluster.registryAnswers = () => Promise.reject(new Error('away'));
    expect(await cluster.read('k')).toEqual(content);
    expect(cluster.ufsBytes).toBe(content.length);
  });
});

describe('a home that gives no answer', () => {
  it.each(['dead', 'broken'] as const)('is %s: its successor is asked', async (state) => {
    const content = contentOf(9000);
    const cluster = await clusterWith(content);
    const [home, successor] = cluster.ownersOf('k');
    home!.state = state;
    expect(await cluster.read('k')).toEqual(content);
    expect(successor!.opens).toHaveLength(1);
    expect(await cluster.countOf('forebay_failovers_total', { where: 'node' })).toBeGreaterThan(0);
  });

  it('is avoided for a while, and asked again once it answers a ping', async () => {
    const content = contentOf(100);
    const cluster = await clusterWith(content);
    const [home, successor] = cluster.ownersOf('k');
    home!.state = 'dead';
    await cluster.read('k');
    await cluster.read('k');
    expect(home!.opens).toHaveLength(1);
    expect(successor!.opens).toHaveLength(2);
    await cluster.time.pass(60_000);
    await cluster.read('k');
    expect(home!.opens).toHaveLength(1);
    home!.revive();
    await cluster.time.pass(60_000);
    await cluster.read('k');
    await cluster.read('k');
    expect(home!.opens).toHaveLength(2);
  });

  it('hangs: another answers within a moment, and all go back to it when it is heard again', async () => {
    const content = contentOf(100);
    const cluster = await clusterWith(content);
    const [home, successor] = cluster.ownersOf('k');
    await cluster.read('k');
    home!.state = 'hung';
    const beforeMs = cluster.time.nowMs;
    expect(await cluster.read('k')).toEqual(content);
    expect(cluster.time.nowMs - beforeMs).toBeLessThan(500);
    expect(await cluster.read('k')).toEqual(content);
    expect(successor!.opens).toHaveLength(2);
    home!.revive();
    await cluster.time.pass(1);
    await cluster.read('k');
    expect(home!.opens).toHaveLength(3);
    expect(successor!.opens).toHaveLength(2);
  });

  it('is slow and lives: nobody else is asked', async () => {
    const content = contentOf(100);
    const cluster = await clusterWith(content);
    const [home, successor] = cluster.ownersOf('k');
    home!.slow = () => cluster.time.sleep(30_000);
    expect(await cluster.read('k')).toEqual(content);
    expect(successor!.opens).toEqual([]);
    expect(cluster.ufs.readCount).toBe(0);
  });

  it('is one of two that are gone: the third owner is read from, and not the UFS', async () => {
    const content = contentOf(20_000);
    const cluster = await clusterWith(content);
    const dead = cluster.ownersOf('k', 1).slice(0, 2);
    for (const owner of dead) owner.state = 'dead';
    const range = { kind: 'span', start: segmentBytes, endExclusive: segmentBytes + 100 } as const;
    expect(await cluster.read('k', { range })).toEqual(content.subarray(segmentBytes, segmentBytes + 100));
    expect(await cluster.countOf('forebay_failovers_total', { where: 'ufs' })).toBe(0);
  });

  it('is one of many that are all gone: the UFS answers', async () => {
    const content = contentOf(20_000);
    const cluster = await clusterWith(content);
    for (const owner of cluster.owners.values()) owner.state = 'dead';
    expect(await cluster.read('k')).toEqual(content);
    expect(await cluster.countOf('forebay_failovers_total', { where: 'ufs' })).toBe(1);
  });

  it('is told of no client that left, and neither is anybody else', async () => {
    const cluster = await clusterWith(contentOf(100));
    for (const owner of cluster.owners.values()) owner.state = 'hung';
    cluster.ufs.hold();
    const left = new AbortController();
    const asked = { object: objectAt('k'), want: 'bytes', signal: left.signal } as const;
    const opening = cluster.node.open(asked);
    await cluster.time.until(cluster.ufs.whenHeld(1));
    left.abort(new Error('left'));
    await expect(opening).rejects.toThrow('left');
  });
});

describe('what the UFS or a node refuses', () => {
  it('is no reason to ask another', async () => {
    const cluster = await clusterWith(contentOf(100));
    const [home, successor] = cluster.ownersOf('k');
    home!.slow = () => Promise.reject(new ForebayError('overloaded', 'too much'));
    await expect(cluster.open('k')).rejects.toMatchObject({ kind: 'overloaded' });
    expect(successor!.opens).toEqual([]);
  });

  it('cuts a body whose object has changed', async () => {
    const cluster = await clusterWith(contentOf(20_000));
    const [home] = cluster.ownersOf('k');
    home!.faultAt = (offset) => (offset === 100 ? 'changed' : undefined);
    await expect(cluster.read('k')).rejects.toMatchObject({ kind: 'version-changed' });
    expect(cluster.bodiesOpen).toBe(0);
  });
});

describe('a body that breaks off', () => {
  it('goes on at every offset, and its reader sees nothing of it', async () => {
    const content = contentOf(300);
    for (let at = 0; at < content.length; at += 1) {
      const cluster = await clusterWith(content);
      const [home] = cluster.ownersOf('k');
      home!.faultAt = (offset) => (offset === at ? 'break' : undefined);
      expect((await cluster.read('k')).equals(content), `at ${at}`).toBe(true);
      expect(cluster.bodiesOpen).toBe(0);
    }
  });

  it('gives exact bytes or none, whatever fails, wherever, while rings and objects change', async () => {
    let brokenOff = 0;
    for (let seed = 1; seed <= 150; seed += 1) {
      const random = new Random(seed);
      const content = random.bytes(1 + random.int(8 * segmentBytes));
      const cluster = await clusterWith(content);
      const other = random.bytes(content.length);
      let changes = 0;
      const disturb = (owner: TestOwner) => {
        if (random.chance(0.2)) owner.state = random.pick(['dead', 'hung', 'broken']);
        const at = random.int(content.length);
        const fault = random.pick<BodyFault>(['break', 'hang', 'short', 'ufs']);
        if (random.chance(0.6)) owner.faultAt = (offset) => (offset === at ? fault : undefined);
      };
      for (const owner of cluster.owners.values()) disturb(owner);
      const start = random.int(content.length);
      const endExclusive = start + 1 + random.int(content.length - start);
      const reading = cluster.open('k', { range: { kind: 'span', start, endExclusive } });
      const opened = await reading;
      if (opened.kind === 'absent' || !opened.body || opened.body instanceof Uint8Array)
        throw new Error('odd');
      const pieces: Buffer[] = [];
      const read = async () => {
        for await (const piece of opened.body as AsyncIterable<Uint8Array>) {
          pieces.push(Buffer.from(piece));
          if (random.chance(0.05)) cluster.form(random.some(nodeIds.concat('e', 'f'), 0.7).concat('g'));
          if (random.chance(0.02)) {
            changes += 1;
            await cluster.put('k', other);
          }
        }
      };
      const failure = await cluster.time.until(read()).catch((error: unknown) => error);
      const bytes = Buffer.concat(pieces);
      expect(bytes.equals(content.subarray(start, start + bytes.length)), `seed ${seed}`).toBe(true);
      if (failure) brokenOff += 1;
      if (failure)
        expect([isKind(failure, 'version-changed'), changes > 0], `seed ${seed}`).toEqual([true, true]);
      else expect(bytes.length, `seed ${seed}`).toBe(endExclusive - start);
      expect(cluster.bodiesOpen, `seed ${seed}`).toBe(0);
    }
    expect(brokenOff).toBeGreaterThan(5);
  });

  it('hangs while its node lives no longer: it goes on elsewhere within seconds', async () => {
    const content = contentOf(3000);
    const cluster = await clusterWith(content);
    const [home] = cluster.ownersOf('k');
    home!.faultAt = (offset) => {
      if (offset === 1000) home!.state = 'hung';
      return undefined;
    };
    expect(await cluster.read('k')).toEqual(content);
    expect(cluster.time.nowMs).toBeLessThan(3000);
  });

  it('is left without a trace', async () => {
    const cluster = await clusterWith(contentOf(20 * segmentBytes));
    const opened = await cluster.open('k');
    if (opened.kind === 'absent' || !opened.body || opened.body instanceof Uint8Array) throw new Error('odd');
    const pieces = opened.body[Symbol.asyncIterator]();
    await cluster.time.until(pieces.next());
    await pieces.return?.();
    await cluster.time.pass(100);
    expect(cluster.bodiesOpen).toBe(0);
    expect(await cluster.time.until(pieces.next())).toMatchObject({ done: true });
  });

  it('is not gone on with where its version has no strong name', async () => {
    const cluster = await clusterWith(contentOf(3000));
    const [home] = cluster.ownersOf('k');
    const { head } = cluster.store;
    cluster.store.head = async (...asked) => ({
      ...(await head.apply(cluster.store, asked)),
      etag: 'W/"weak"',
    });
    home!.faultAt = (offset) => (offset === 1000 ? 'break' : undefined);
    await expect(cluster.read('k')).rejects.toMatchObject({ kind: 'node-unavailable' });
  });
});

describe('a segment that is read by many', () => {
  it('is read at the less loaded of its first two owners; one that is read by few, at the first', async () => {
    const cluster = await clusterWith(contentOf(20 * segmentBytes));
    const readsAt = async (segment: number, count: number) => {
      const start = segment * segmentBytes;
      for (let done = 0; done < count; done += 1) {
        const opened = await cluster.open('k', {
          range: { kind: 'span', start, endExclusive: start + 2000 },
        });
        if (opened.kind === 'absent' || !opened.body || opened.body instanceof Uint8Array)
          throw new Error('odd');
        await cluster.time.until(opened.body[Symbol.asyncIterator]().next());
      }
      return cluster
        .ownersOf('k', segment)
        .map(({ reads }) => reads.filter(({ range }) => range.start === start).length);
    };
    // The home gives what it owns itself.
    const isElsewhere = (segment: number) => cluster.ownersOf('k', segment)[0] !== cluster.ownersOf('k')[0];
    const [hot, cold] = Array.from({ length: 19 }, (_, index) => index + 1).filter(isElsewhere);
    expect(await readsAt(cold!, 5)).toEqual([5, 0, 0, 0]);
    const [first, second, ...others] = await readsAt(hot!, 100);
    expect(others).toEqual([0, 0]);
    expect(first! + second!).toBe(100);
    expect(second!).toBeGreaterThan(35);
  });
});

describe('an open without a promise', () => {
  const never = new AbortController().signal;
  const askSoon = (cluster: TestCluster) => {
    const told = Promise.withResolvers<OpenedObject | AbsentObject>();
    const request = { object: objectAt('k'), want: 'bytes', signal: never } as const;
    const leave = cluster.node.openSoon(request, (opened, error) => {
      if (opened) told.resolve(opened);
      else told.reject(error);
    });
    return { leave, told: told.promise };
  };

  it('needs a node that is connected, and one that answers', async () => {
    const cluster = await clusterWith(contentOf(100));
    expect(askSoon(cluster).leave).toBeUndefined();
    await cluster.read('k');
    const [home] = cluster.ownersOf('k');
    const { leave, told } = askSoon(cluster);
    expect(leave).toBeDefined();
    expect(await cluster.time.until(told)).toMatchObject({ kind: 'object', nodeId: home!.nodeId });
    expect(home!.opens.at(-1)!.epoch).toBe(1);
    home!.state = 'dead';
    await cluster.read('k');
    expect(askSoon(cluster).leave).toBeUndefined();
  });

  it.each(['dead', 'hung', 'broken'] as const)('goes on elsewhere where the home is %s', async (state) => {
    const content = contentOf(5000);
    const cluster = await clusterWith(content);
    await cluster.read('k');
    const [home, successor] = cluster.ownersOf('k');
    home!.state = state;
    const opened = await cluster.time.until(askSoon(cluster).told);
    expect(opened.nodeId).toBe(successor!.nodeId);
    const body = opened.kind === 'object' ? opened.body : undefined;
    expect(await cluster.time.until(bytesOf(body))).toEqual(content);
  });

  it('is told of nothing once its client has left', async () => {
    const cluster = await clusterWith(contentOf(5000));
    await cluster.read('k');
    let isTold = false;
    const { leave, told } = askSoon(cluster);
    const tell = () => {
      isTold = true;
    };
    told.then(tell, tell);
    leave!();
    await cluster.time.pass(1000);
    expect(isTold).toBe(false);
    expect(await cluster.countOf('forebay_node_requests_in_flight', {})).toBe(0);
  });
});

describe('a home whose info is older than the object', () => {
  const elsewhere = (cluster: TestCluster) =>
    Array.from({ length: 9 }, (_, index) => index + 1).find(
      (segment) => cluster.ownersOf('k', segment)[0] !== cluster.ownersOf('k')[0],
    )!;

  it('is told so by who asks an owner first, and the read starts over', async () => {
    const cluster = await clusterWith(contentOf(10 * segmentBytes));
    for (const owner of cluster.owners.values()) owner.remembers = true;
    await cluster.read('k');
    const changed = contentOf(10 * segmentBytes + 1);
    await cluster.put('k', changed);
    const start = elsewhere(cluster) * segmentBytes + 5;
    const range = { kind: 'span', start, endExclusive: start + 3 * segmentBytes } as const;
    expect(await cluster.read('k', { range })).toEqual(changed.subarray(start, start + 3 * segmentBytes));
    expect(cluster.bodiesOpen).toBe(0);
  });

  it('is told so by a body that had to be cut, and the next one is whole', async () => {
    const cluster = await clusterWith(contentOf(10 * segmentBytes));
    for (const owner of cluster.owners.values()) owner.remembers = true;
    await cluster.read('k');
    const changed = contentOf(10 * segmentBytes + 1);
    const opened = await cluster.open('k');
    await cluster.put('k', changed);
    const body = opened.kind === 'object' ? opened.body : undefined;
    await expect(cluster.time.until(bytesOf(body))).rejects.toMatchObject({ kind: 'version-changed' });
    expect(await cluster.read('k')).toEqual(changed);
  });

  it('is passed by where the object never stands still', async () => {
    const cluster = await clusterWith(contentOf(10 * segmentBytes));
    const [home] = cluster.ownersOf('k');
    let changes = 0;
    for (const owner of cluster.owners.values()) {
      owner.slow = async () => {
        if (owner === home) return;
        changes += 1;
        await cluster.put('k', contentOf(10 * segmentBytes + changes));
      };
    }
    const start = elsewhere(cluster) * segmentBytes;
    const range = { kind: 'span', start, endExclusive: start + 10 } as const;
    const bytes = await cluster.read('k', { range });
    expect(bytes).toEqual(contentOf(10 * segmentBytes + changes).subarray(start, start + 10));
    expect(cluster.ufsBytes).toBe(10);
  });
});
