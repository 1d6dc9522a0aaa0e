import type { Homes } from '@forebay/core/homes';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openObject, readAll, refOf, TestNodes, testMount } from './testing/kit.ts';
import { gate, StepUfs } from './testing/step-ufs.ts';

/** Home of all keys or of none. */
class TestHomes implements Homes {
  stamp = 5;
  home = true;
  settled = true;
  doubtful = false;
  /** Stamps before this one are of an earlier tenure. */
  since = 5;

  isHome(): boolean {
    return this.home;
  }

  isSettled(): boolean {
    return this.settled;
  }

  isUnbroken(_: string, stamp: number): boolean {
    return stamp >= this.since;
  }

  isDoubtful(): boolean {
    return this.doubtful;
  }
}

const nodes = new TestNodes();
const object = refOf('a');
let ufs: StepUfs;
let homes: TestHomes;

beforeEach(() => {
  ufs = new StepUfs();
  ufs.put('a', 'one');
  homes = new TestHomes();
});
afterEach(() => nodes.clear());

const open = async () => (await nodes.open(ufs.asUfs(), { homes })).node;
const { signal } = new AbortController();

describe('a node that is not the home', () => {
  it('reads the info from the UFS for each request, installs nothing, and still serves pages', async () => {
    const node = await open();
    await readAll(node, object);
    homes.home = false;
    for (let read = 0; read < 2; read += 1) expect((await readAll(node, object)).cache).toBe('REVALIDATED');
    expect(ufs.requests.map(({ op }) => op)).toEqual(['get', 'head', 'head']);
    ufs.put('a', 'two');
    expect((await readAll(node, object)).bytes.toString()).toBe('two');
    homes.home = true;
    homes.since = homes.stamp += 1;
    const asked = ufs.requests.length;
    expect((await readAll(node, object)).bytes.toString()).toBe('two');
    expect(ufs.requests).toHaveLength(asked + 1);
  });

  it('does the same with keys that a lost gateway may be writing', async () => {
    const node = await open();
    await readAll(node, object);
    homes.doubtful = true;
    for (let read = 0; read < 2; read += 1) expect((await readAll(node, object)).cache).toBe('REVALIDATED');
    expect(ufs.requests.map(({ op }) => op)).toEqual(['get', 'head', 'head']);
    homes.doubtful = false;
    expect((await readAll(node, object)).cache).toBe('HIT');
  });

  it('joins no request under way', async () => {
    const node = await open();
    homes.home = false;
    const held = gate();
    ufs.beforeAnswer = held.wait;
    const reads = [openObject(node, object, { want: 'info' }), openObject(node, object, { want: 'info' })];
    await expect.poll(() => ufs.requests.length).toBe(2);
    held.open();
    for (const { cache } of await Promise.all(reads)) expect(cache).toBe('MISS');
  });

  it('uses nothing of its earlier tenures of the key, on no mount', async () => {
    const immutable = refOf('a', testMount({ path: '/for-good', freshness: 'immutable' }));
    const node = await open();
    for (const each of [object, immutable]) {
      homes.since = homes.stamp;
      await readAll(node, each);
      expect((await readAll(node, each)).cache).toBe('HIT');
      homes.since = homes.stamp += 2;
      expect((await readAll(node, each)).cache).toBe('REVALIDATED');
      expect((await readAll(node, each)).cache).toBe('HIT');
    }
  });

  it('keeps what it knows through epochs in which it stays the home', async () => {
    const node = await open();
    await readAll(node, object);
    homes.stamp += 1;
    expect((await readAll(node, object)).cache).toBe('HIT');
  });

  it('refuses who asks by an older epoch, and answers who knows as much as it does', async () => {
    const node = await open();
    const ask = (epoch: number) => node.open({ object, want: 'info', signal, epoch });
    expect(await ask(4)).toMatchObject({ cache: 'MISS' });
    homes.home = false;
    await expect(ask(4)).rejects.toMatchObject({ kind: 'not-home' });
    for (const epoch of [5, 6]) expect(await ask(epoch)).toMatchObject({ kind: 'object' });
  });
});

describe('a read of the UFS that began in another tenure', () => {
  it.each([
    ['before the node was the home', () => (homes.home = false), () => (homes.home = true)],
    ['before another was', () => {}, () => (homes.since = homes.stamp += 2)],
  ])('installs nothing: %s', async (_, before, after) => {
    const node = await open();
    const held = gate();
    ufs.beforeAnswer = held.wait;
    before();
    const read = openObject(node, object, { want: 'info' });
    await expect.poll(() => ufs.requests.length).toBe(1);
    after();
    held.open();
    await read;
    ufs.put('a', 'two and more');
    expect((await openObject(node, object, { want: 'info' })).info.sizeBytes).toBe(12);
  });

  it('installs nothing after a lapse, and what was installed before it is not used', async () => {
    const node = await open();
    const held = gate();
    await openObject(node, refOf('b', object.mount)).catch(() => {});
    ufs.beforeAnswer = held.wait;
    const read = openObject(node, object, { want: 'info' });
    await expect.poll(() => ufs.requests.length).toBe(2);
    node.forgetInfo();
    held.open();
    await read;
    ufs.put('b', 'there now');
    ufs.put('a', 'two and more');
    expect((await openObject(node, object, { want: 'info' })).info.sizeBytes).toBe(12);
    expect((await openObject(node, refOf('b', object.mount))).info.sizeBytes).toBe(9);
  });
});

describe('a fence', () => {
  it('counts only at the home of just its epoch', async () => {
    const node = await open();
    await node.beginWrite([object], 'f', 5);
    expect(await node.endWrite([object], 'f', 'known', 5)).toEqual({ fenceId: 'f', ended: true });
    const refused = async (epoch: number | undefined) => {
      await expect(node.beginWrite([object], 'g', epoch)).rejects.toMatchObject({ kind: 'not-home' });
      await expect(node.endWrite([object], 'g', 'known', epoch)).rejects.toMatchObject({ kind: 'not-home' });
    };
    for (const epoch of [4, 6, undefined]) await refused(epoch);
    homes.home = false;
    await refused(5);
    expect((await node.stats()).fencesOpen).toBe(0);
  });

  it('on a whole bucket needs a settled epoch, and no more', async () => {
    const node = await open();
    homes.home = false;
    await node.beginBucketWrite(object.mount, 'f', 5);
    await node.endBucketWrite(object.mount, 'f', 'known', 5);
    homes.settled = false;
    await expect(node.beginBucketWrite(object.mount, 'g', 5)).rejects.toMatchObject({ kind: 'not-home' });
    await expect(node.endBucketWrite(object.mount, 'g', 'known', 5)).rejects.toMatchObject({
      kind: 'not-home',
    });
  });

  it('that ends where it does not count any more is closed there, and what was known is dropped', async () => {
    const node = await open();
    await openObject(node, object, { want: 'info' });
    await node.beginWrite([object], 'f', 5);
    homes.stamp = 6;
    await expect(node.endWrite([object], 'f', 'known', 5)).rejects.toMatchObject({ kind: 'not-home' });
    expect((await node.stats()).fencesOpen).toBe(0);
    expect((await openObject(node, object, { want: 'info' })).cache).toBe('MISS');
  });
});
