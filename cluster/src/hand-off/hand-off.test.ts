/** Nodes of one process that join, drain and fail: pages are with their new owners before anybody asks. */
import { setTimeout as wait } from 'node:timers/promises';
import { silentLog } from '@forebay/core/log';
import type { Epoch, RingMember } from '@forebay/core/membership';
import { Metrics } from '@forebay/core/metrics';
import { placementKeyOf } from '@forebay/core/mount';
import { ringOf, segmentKeyOf } from '@forebay/core/ring';
import { faultyUfs } from '@forebay/ufs/faulty';
import { memoryUfs } from '@forebay/ufs/memory';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Random } from '../../../test/support/random.ts';
import { HandOff } from './hand-off.ts';
import type { PagePeer } from './page-peer.ts';
import { FakeKeptPages } from './testing/fake-kept-pages.ts';
import { epochOf, FakeClock, lake, memberOf, pageSizeBytes } from './testing/fakes.ts';

interface Node {
  readonly handOff: HandOff;
  readonly pages: FakeKeptPages;
  readonly metrics: Metrics;
}

/** Small ones of one page, and one of several segments. */
const objects = new Map<string, Buffer>();
const random = new Random(11);
for (let index = 0; index < 60; index += 1) objects.set(`small-${index}`, random.bytes(1_000 + index));
objects.set('large', random.bytes(30 * pageSizeBytes + 5));
const pageCount = 60 + 31;

let nodes: Map<string, Node>;
let unreachable: Set<string>;
let store: ReturnType<typeof faultyUfs>;

beforeEach(() => {
  nodes = new Map();
  unreachable = new Set();
  store = faultyUfs(memoryUfs(Object.fromEntries(objects)));
});
afterEach(async () => {
  for (const { handOff } of nodes.values()) await handOff.close();
});

async function peerOf({ nodeId }: RingMember): Promise<PagePeer> {
  const node = nodes.get(nodeId);
  if (!node || unreachable.has(nodeId)) throw new Error(`${nodeId} cannot be reached`);
  return node.pages.asPeer(async (name, parameters, { signal = new AbortController().signal } = {}) =>
    node.handOff.calls[name]!(structuredClone(parameters), { signal }),
  );
}

function start(nodeId: string, bytesPerSecond = 1024 * 1024 * 1024): Node {
  const metrics = new Metrics();
  const pages = new FakeKeptPages();
  const handOff = new HandOff({
    nodeId,
    peerOf,
    metrics,
    clock: new FakeClock(),
    log: silentLog,
    bytesPerSecond,
    retryMs: 5,
  });
  handOff.start(pages);
  const node = { handOff, pages, metrics };
  nodes.set(nodeId, node);
  return node;
}

function tell(epoch: Epoch, settled = true): void {
  for (const { handOff } of nodes.values()) handOff.follow({ epoch, settled });
}

async function settledOn(state: string, ...ids: string[]): Promise<void> {
  const of = (nodeId: string) => nodes.get(nodeId)!.handOff.progress.state;
  while (!ids.every((nodeId) => of(nodeId) === state)) await wait(1);
}

/** Every page at its owner. */
async function place(epoch: Epoch): Promise<void> {
  const ring = ringOf(epoch);
  for (const [key, bytes] of objects) {
    const object = { mount: lake, ufsKey: key };
    const info = await store.head(key);
    for (let index = 0; index * pageSizeBytes < bytes.byteLength; index += 1) {
      const { nodeId } = ring.homeOf(segmentOf(key, index, epoch))!;
      const page = bytes.subarray(index * pageSizeBytes, (index + 1) * pageSizeBytes);
      await nodes.get(nodeId)!.pages.put({ object, info, index, bytes: page });
    }
  }
  store.resetCounts();
}

function segmentOf(key: string, index: number, { segmentBytes }: Epoch): string {
  const placementKey = placementKeyOf({ mount: lake, ufsKey: key });
  return segmentKeyOf(placementKey, Math.floor((index * pageSizeBytes) / segmentBytes));
}

/** Pages that are not, byte for byte, at the node that owns them. */
function missing(epoch: Epoch): string[] {
  const ring = ringOf(epoch);
  const wrong: string[] = [];
  for (const [key, bytes] of objects) {
    for (let index = 0; index * pageSizeBytes < bytes.byteLength; index += 1) {
      const { nodeId } = ring.homeOf(segmentOf(key, index, epoch))!;
      const page = nodes.get(nodeId)!.pages.bytesOf(key, index);
      const expected = bytes.subarray(index * pageSizeBytes, (index + 1) * pageSizeBytes);
      if (!page || !expected.equals(page)) wrong.push(`${nodeId}: ${key} ${index}`);
    }
  }
  return wrong;
}

const two = epochOf(1, [memberOf('a'), memberOf('b')]);
const three = epochOf(2, [memberOf('a'), memberOf('b'), memberOf('c')]);

async function twoNodes(): Promise<void> {
  start('a');
  start('b');
  tell(two);
  await settledOn('done', 'a', 'b');
  await place(two);
}

describe('a node that joins', () => {
  it('is given all that it owns, and nothing else, without the UFS', async () => {
    await twoNodes();
    const { pages } = start('c');
    tell(three);
    await settledOn('done', 'a', 'b');
    expect(missing(three)).toEqual([]);
    const ring = ringOf(three);
    const owned = [...nodes.get('a')!.pages.names, ...nodes.get('b')!.pages.names].filter((name) => {
      const [key, index] = name.split(' ');
      return ring.homeOf(segmentOf(key!, Number(index), three))!.nodeId === 'c';
    });
    expect(pages.names).toEqual(owned.sort());
    expect(pages.pageCount).toBeGreaterThan(pageCount / 6);
    expect(store.readCount).toBe(0);
  });

  it('is given first what was read again', async () => {
    await twoNodes();
    const gained = (nodeId: string) =>
      nodes
        .get(nodeId)!
        .pages.keys.filter((key) => ringOf(three).homeOf(segmentOf(key, 0, three))!.nodeId === 'c');
    const [giver] = gained('a').length >= gained('b').length ? ['a'] : ['b'];
    const small = gained(giver!).filter((key) => key !== 'large');
    const hot = small.slice(-8);
    expect(small.length).toBeGreaterThan(hot.length);
    for (const key of hot) nodes.get(giver!)!.pages.hot.add(`${key} 0`);
    const { pages } = start('c');
    tell(three);
    await settledOn('done', 'a', 'b', 'c');
    const order = pages.keys.filter((key) => small.includes(key));
    // Four at a time are on their way.
    expect(hot).toEqual(expect.arrayContaining(order.slice(0, hot.length - 3)));
    expect(missing(three)).toEqual([]);
    const { bytes, bytesTotal } = nodes.get(giver!)!.handOff.progress;
    expect(bytes).toBe(bytesTotal);
  });

  it('waits for the epoch to settle', async () => {
    await twoNodes();
    const { pages } = start('c');
    tell(three, false);
    await wait(20);
    expect(pages.pageCount).toBe(0);
    expect(nodes.get('a')!.handOff.progress.state).toBe('waiting');
    tell(three);
    await settledOn('done', 'a', 'b');
    expect(missing(three)).toEqual([]);
  });

  it('asks nobody any more once it was offered everything', async () => {
    await twoNodes();
    const { handOff } = start('c');
    tell(three);
    await settledOn('done', 'a', 'b');
    for (const { pages } of [nodes.get('a')!, nodes.get('b')!]) {
      pages.read = async () => {
        throw new Error('asked');
      };
    }
    const ring = ringOf(three);
    const own = [...objects.keys()].find((key) => ring.homeOf(segmentOf(key, 0, three))!.nodeId === 'c')!;
    const known = await store.head(own);
    const opened = await handOff.ufsOf(lake, store).get(own, { ifMatch: known.etag, known });
    for await (const piece of opened.body) expect(piece.byteLength).toBeGreaterThan(0);
    expect(store.readCount).toBe(1);
    expect(await nodes.get('c')!.metrics.text()).not.toContain('forebay_peer_reads_total{result="failed"}');
  });
});

describe('a node that drains', () => {
  const drained = epochOf(3, [memberOf('a'), memberOf('b', 'draining'), memberOf('c')]);

  it('hands over everything, and tells how far it is', async () => {
    await twoNodes();
    start('c');
    tell(three);
    await settledOn('done', 'a', 'b', 'c');
    tell(drained);
    await settledOn('drained', 'b');
    expect(missing(drained)).toEqual([]);
    const { objectsTotal, bytesTotal, ...progress } = nodes.get('b')!.handOff.progress;
    expect(progress).toMatchObject({ epoch: 3, objects: objectsTotal, bytes: bytesTotal });
    expect(objectsTotal).toBeGreaterThan(5);
    expect(store.readCount).toBe(0);
  });

  it('goes on where one that should take pages was away', async () => {
    await twoNodes();
    start('c');
    tell(three);
    await settledOn('done', 'a', 'b', 'c');
    unreachable.add('a');
    tell(drained);
    await settledOn('waiting', 'b');
    unreachable.delete('a');
    await settledOn('drained', 'b');
    expect(missing(drained)).toEqual([]);
  });
});

it('starts over for what is left where the members change while pages are moved', async () => {
  await twoNodes();
  const { pages } = start('c');
  let taken = 0;
  pages.mayKeep = () => {
    taken += 1;
    if (taken === 5) tell(epochOf(3, [memberOf('b'), memberOf('c')]));
    return true;
  };
  tell(three);
  await settledOn('done', 'a', 'b', 'c');
  expect(missing(epochOf(3, [memberOf('b'), memberOf('c')]))).toEqual([]);
});

it('gives back what it was given to do while another was away for a moment', async () => {
  for (const nodeId of ['n1', 'n2']) start(nodeId);
  const both = [memberOf('n1'), memberOf('n2')];
  tell(epochOf(1, both));
  await settledOn('done', 'n1', 'n2');
  const alone = epochOf(2, [memberOf('n1')]);
  tell(alone, false);
  await place(alone);
  const after = epochOf(3, both);
  tell(after);
  await settledOn('done', 'n1', 'n2');
  expect(missing(after)).toEqual([]);
});

it('takes what it has room for, and leaves the rest', async () => {
  await twoNodes();
  const { pages, metrics } = start('c');
  pages.mayKeep = (index) => index % 2 === 0;
  tell(three);
  await settledOn('done', 'a', 'b');
  expect(pages.names.every((name) => Number(name.split(' ')[1]) % 2 === 0)).toBe(true);
  expect(await metrics.text()).toMatch(/forebay_hand_off_pages_total{result="refused"} [1-9]/);
});

it('moves nothing at a rate of 0, and reads come from others all the same', async () => {
  await twoNodes();
  const { pages, handOff } = start('c', 0);
  tell(three);
  await settledOn('done', 'a', 'b');
  expect(pages.pageCount).toBe(0);
  expect(handOff.progress.state).toBe('off');
  const ring = ringOf(three);
  const own = [...objects.keys()].find((key) => ring.homeOf(segmentOf(key, 0, three))!.nodeId === 'c')!;
  const known = await store.head(own);
  const opened = await handOff.ufsOf(lake, store).get(own, { ifMatch: known.etag, known });
  for await (const piece of opened.body) expect(objects.get(own)!.equals(piece)).toBe(true);
  expect(store.readCount).toBe(0);
});

it('keeps to its rate', async () => {
  start('a');
  tell(epochOf(1, [memberOf('a')]));
  await settledOn('done', 'a');
  await place(epochOf(1, [memberOf('a')]));
  // A quarter of a second's worth at once, and the clock of the test stands still.
  const { pages } = start('c', 8 * pageSizeBytes);
  tell(epochOf(2, [memberOf('a', 'draining'), memberOf('c')]));
  while (pages.pageCount < 4) await wait(1);
  await wait(50);
  const bytes = pages.names.filter((name) => name.startsWith('large')).length * pageSizeBytes;
  expect(bytes).toBeLessThanOrEqual(6 * pageSizeBytes);
});
