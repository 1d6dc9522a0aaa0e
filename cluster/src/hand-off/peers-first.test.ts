/** Bytes come from nodes that may have them, and are exact whatever these do. */
import { Metrics } from '@forebay/core/metrics';
import { placementKeyOf } from '@forebay/core/mount';
import type { ObjectInfo } from '@forebay/core/object';
import type { RangeRequest } from '@forebay/core/range';
import { type FaultyUfs, faultyUfs } from '@forebay/ufs/faulty';
import { memoryUfs } from '@forebay/ufs/memory';
import type { Ufs, UfsReadOptions } from '@forebay/ufs/ufs';
import { originOf } from '@forebay/ufs/ufs-origin';
import { beforeEach, describe, expect, it } from 'vitest';
import { Random } from '../../../test/support/random.ts';
import { ExpectedVersions } from './expected-versions.ts';
import { FormerOwners } from './former-owners.ts';
import { declareHandOffMetrics } from './metrics.ts';
import { PagePeers } from './page-peer.ts';
import { PeersFirst } from './peers-first.ts';
import {
  epochOf,
  FakeClock,
  FakePeer,
  KiB,
  lake,
  memberOf,
  type PeerFault,
  pageSizeBytes,
} from './testing/fakes.ts';

const content = new Random(7).bytes(11 * pageSizeBytes + 123);
const wholeRange = { kind: 'span', start: 0, endExclusive: content.byteLength } as const;
const allPages = Array.from({ length: 12 }, (_, index) => index);
let store: FaultyUfs;
let peers: Record<'a' | 'b', FakePeer>;
let clock: FakeClock;
let former: FormerOwners;
let expected: ExpectedVersions;
let ufs: Ufs;
let info: ObjectInfo;

beforeEach(async () => {
  store = faultyUfs(memoryUfs({ large: content }));
  peers = { a: new FakePeer(), b: new FakePeer() };
  clock = new FakeClock();
  former = new FormerOwners({ nodeId: 'me', clock, keptMs: 60_000 });
  expected = new ExpectedVersions();
  info = await store.head('large');
  // All segments of the object were with others, and are with this node by now.
  former.learn(epochOf(1, [memberOf('a'), memberOf('b')], pageSizeBytes));
  former.learn(epochOf(2, [memberOf('me')], pageSizeBytes));
  store.resetCounts();
  const reads = new PeersFirst(store, lake, {
    former,
    expected,
    metrics: declareHandOffMetrics(new Metrics()),
    took: () => {},
    peers: new PagePeers({
      peerOf: async ({ nodeId }) => peers[nodeId as 'a' | 'b'],
      clock,
      inFlightMax: 4,
      answerMs: 20,
      silenceMs: 20,
    }),
  });
  ufs = reads.ufs;
});

async function read(range: RangeRequest | undefined, options: UfsReadOptions = {}) {
  const opened = await ufs.get('large', { range, ifMatch: info.etag, known: info, ...options });
  const pieces: Buffer[] = [];
  const origins = new Set<string>();
  for await (const piece of opened.body) {
    pieces.push(Buffer.from(piece));
    origins.add(originOf(opened));
  }
  return { bytes: Buffer.concat(pieces), origins: [...origins], opened };
}

const placementKey = placementKeyOf({ mount: lake, ufsKey: 'large' });
const askedReads = () => [...peers.a.asked, ...peers.b.asked];

describe('a range whose pages others had', () => {
  it('comes from them, each segment from who owned it, and nothing from the UFS', async () => {
    for (const peer of [peers.a, peers.b]) peer.has(info, content, allPages);
    const { bytes, origins } = await read(wholeRange);
    expect(bytes.equals(content)).toBe(true);
    expect(origins).toEqual(['peer']);
    expect(store.readCount).toBe(0);
    const owners = allPages.map((segment) => former.of(placementKey, segment)[0]!.nodeId);
    expect(new Set(owners)).toEqual(new Set(['a', 'b']));
    expect(askedReads()).toHaveLength(12);
    expect(askedReads().every(({ cachedOnly, info: { etag } }) => cachedOnly && etag === info.etag)).toBe(
      true,
    );
    expect(peers.a.bodiesOpen + peers.b.bodiesOpen).toBe(0);
  });

  it('comes from the UFS but for the pages that they have, also behind some that they have not', async () => {
    for (const peer of [peers.a, peers.b]) peer.has(info, content, [0, 1, 3, 7, 8, 9, 10]);
    former.learn(epochOf(3, [memberOf('a')]));
    former.learn(epochOf(4, [memberOf('me')]));
    const { bytes } = await read(wholeRange);
    expect(bytes.equals(content)).toBe(true);
    // Pages 2, 4, 5, 6 and 11.
    expect(store.readBytes).toBe(4 * pageSizeBytes + 123);
  });

  it('comes from the UFS where they have another version', async () => {
    for (const peer of [peers.a, peers.b]) peer.has({ ...info, etag: '"other"' }, content, allPages);
    const { bytes, origins } = await read(wholeRange);
    expect(bytes.equals(content)).toBe(true);
    expect(origins).toEqual(['ufs']);
  });

  it('is asked for in one UFS request where nobody has anything of it any more', async () => {
    former.noteDone('a', epochOf(2, []));
    former.noteDone('b', epochOf(2, []));
    expect((await read(wholeRange)).bytes.equals(content)).toBe(true);
    expect(store.readCount).toBe(1);
    expect(askedReads()).toEqual([]);
  });

  it('asks nobody once the change is long ago', async () => {
    clock.nowMs += 60_000;
    await read(wholeRange);
    expect(askedReads()).toEqual([]);
  });

  it('is refused where the UFS has another version by now, and no byte of it is told', async () => {
    const request = {
      sizeBytes: 1,
      headers: [],
      body: (async function* () {
        yield Buffer.from('x');
      })(),
    };
    await store.put('large', request);
    await expect(read(wholeRange)).rejects.toMatchObject({ answer: { status: 412 } });
  });

  it('leaves a node that hangs alone for a while', async () => {
    peers.a.fault = () => ({ kind: 'hangs', afterBytes: 0 });
    peers.b.fault = () => ({ kind: 'hangs', afterBytes: 0 });
    // Those that fail together are one failure.
    await Promise.all([1, 2, 3].map(() => read(wholeRange)));
    const asked = askedReads().length;
    expect(asked).toBeGreaterThanOrEqual(2);
    expect((await read(wholeRange)).bytes.equals(content)).toBe(true);
    expect(askedReads()).toHaveLength(asked);
    clock.nowMs += 1_000;
    await read(wholeRange);
    expect(askedReads()).toHaveLength(asked + 2);
    clock.nowMs += 1_999;
    await read(wholeRange);
    expect(askedReads()).toHaveLength(asked + 2);
  });

  it('is left with nothing open where its reader leaves', async () => {
    for (const peer of [peers.a, peers.b]) peer.has(info, content, allPages);
    const opened = await ufs.get('large', { range: wholeRange, ifMatch: info.etag, known: info });
    const body = opened.body[Symbol.asyncIterator]();
    await body.next();
    await body.return?.();
    await new Promise((resolve) => setImmediate(resolve));
    expect(peers.a.bodiesOpen + peers.b.bodiesOpen).toBe(0);
    expect((await body.next()).done).toBe(true);
  });
});

describe('an object that is new here', () => {
  it('takes a HEAD and no GET where the node before has what the UFS still has', async () => {
    for (const peer of [peers.a, peers.b]) peer.has(info, content, allPages);
    const { bytes, opened } = await read(undefined, { known: undefined, ifMatch: undefined });
    expect(bytes.equals(content)).toBe(true);
    expect(opened.info.etag).toBe(info.etag);
    expect([store.countOf('head'), store.readCount]).toEqual([1, 0]);
  });

  it('takes a HEAD where this node was given its pages', async () => {
    expected.note({ mount: lake, ufsKey: 'large' }, info);
    const opened = await ufs.get('large', { range: wholeRange });
    expect(opened.range).toEqual({ start: 0, endExclusive: content.byteLength });
    expect([store.countOf('head'), store.readCount]).toEqual([1, 0]);
    await opened.body[Symbol.asyncIterator]().return?.();
    expect(askedReads()).toEqual([]);
  });

  it('is read from the UFS where it has changed there', async () => {
    for (const peer of [peers.a, peers.b]) peer.has({ ...info, etag: '"old"' }, content, allPages);
    const { bytes, origins } = await read(undefined, { known: undefined, ifMatch: undefined });
    expect(bytes.equals(content)).toBe(true);
    expect(origins).toEqual(['ufs']);
    expect(store.readCount).toBe(1);
  });

  it('is refused in the words of a GET where it is gone', async () => {
    expected.note({ mount: lake, ufsKey: 'nothing' }, info);
    await expect(ufs.get('nothing')).rejects.toMatchObject({ answer: { status: 404, code: 'NoSuchKey' } });
    expect(store.readCount).toBe(1);
  });
});

const faults: readonly PeerFault[] = [
  'none',
  'throws',
  'hangs',
  'short',
  'stalls',
  'breaks',
  'long',
  'beyond',
  'before',
  'odd-piece',
  'no-body',
];

it('gives exact bytes whatever peers do, at any offset', async () => {
  const random = new Random(20_26);
  for (let round = 0; round < 150; round += 1) {
    for (const peer of [peers.a, peers.b]) {
      peer.has(info, content, random.some(allPages, 0.8));
      peer.fault = () => ({ kind: random.pick(faults), afterBytes: random.int(4 * pageSizeBytes) });
    }
    const start = random.int(content.byteLength);
    const endExclusive = Math.min(content.byteLength, start + 1 + random.int(600 * KiB));
    const range = { kind: 'span', start, endExclusive } as const;
    const { bytes } = await read(range);
    expect(bytes.equals(content.subarray(start, endExclusive)), `round ${round}`).toBe(true);
    // Failures do not keep the next round from asking.
    clock.nowMs += 1_000;
    former.learn(epochOf(2 * round + 3, [memberOf('a'), memberOf('b')]));
    former.learn(epochOf(2 * round + 4, [memberOf('me')]));
    clock.nowMs += 59_000;
  }
  expect(store.readCount).toBeGreaterThan(10);
  expect(askedReads().length).toBeGreaterThan(150);
});
