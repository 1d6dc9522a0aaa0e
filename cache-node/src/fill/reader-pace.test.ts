/** What is fetched ahead of readers, by what they take. */
import { randomBytes } from 'node:crypto';
import { setImmediate as nextTick } from 'node:timers/promises';
import type { OpenedObject } from '@forebay/core/cache-node';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openObject, refOf, TestClock, TestNodes, testMount } from '../testing/kit.ts';
import { StepUfs } from '../testing/step-ufs.ts';

const MiB = 1024 * 1024;
const mount = testMount({ pageSizeBytes: MiB });
const object = refOf('large', mount);
const content = randomBytes(96 * MiB);
const nodes = new TestNodes();
let ufs: StepUfs;
let clock: TestClock;
let fetchedBytes: number;

beforeEach(() => {
  ufs = new StepUfs();
  ufs.put('large', content);
  ufs.pieceBytes = 256 * 1024;
  clock = new TestClock();
  fetchedBytes = 0;
  ufs.beforePiece = () => {
    fetchedBytes += ufs.pieceBytes;
    return nextTick();
  };
});
afterEach(() => nodes.clear());

async function openNode() {
  const settings = {
    readAheadPagesMax: 32,
    cacheSizeBytes: 1024 * MiB,
    memorySizeBytes: 0,
    fillsInFlightBytesMax: 64 * MiB,
    diskWriteQueueBytesMax: 64 * MiB,
  };
  const { node } = await nodes.open(ufs.asUfs(), { clock, settings, mounts: [mount] });
  return node;
}

/** Until nothing more is fetched. */
async function settled(): Promise<number> {
  for (let before = -1; before !== fetchedBytes; ) {
    before = fetchedBytes;
    for (let turn = 0; turn < 50; turn += 1) await nextTick();
  }
  return fetchedBytes / MiB;
}

/** Takes so much, and each MiB of it in so many milliseconds. */
async function take(opened: OpenedObject, bytes: number, msPerMiB: number): Promise<void> {
  const pieces = (opened.body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
  for (let taken = 0; taken < bytes; ) {
    const { value } = await pieces.next();
    expect(content.subarray(taken, taken + value.byteLength).equals(value)).toBe(true);
    taken += value.byteLength;
    clock.advance((value.byteLength / MiB) * msPerMiB);
  }
}

it('is little for readers of many places that have taken little, whoever asked for the object first', async () => {
  const node = await openNode();
  // At no regular distances: that would be a pattern to read ahead of.
  const places = [0, 9, 27, 41, 62, 80].map((at) => at * MiB + 5);
  const ranges = places.map((start) => ({ kind: 'from', start }) as const);
  await Promise.all(ranges.map((range) => openObject(node, object, { range })));
  // The page it is at, two ahead, and what comes before a request is cut short.
  expect(await settled()).toBeLessThanOrEqual(places.length * 4);
});

it('is much for one that is fast, and little for one that is slow, once its sockets are full', async () => {
  const fast = await openNode();
  await take(await openObject(fast, object), 8 * MiB, 10);
  expect(await settled()).toBeGreaterThanOrEqual(8 + 32);
  fetchedBytes = 0;
  const slow = await openNode();
  const opened = await openObject(slow, object);
  await take(opened, 4 * MiB, 1);
  expect(await settled()).toBeLessThanOrEqual(4 + 3.5);
});

it('shrinks for one that has become slow', async () => {
  const node = await openNode();
  const opened = await openObject(node, object);
  const pieces = (opened.body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
  let taken = 0;
  const takeTo = async (end: number, msPerPiece: number) => {
    while (taken < end) {
      taken += (await pieces.next()).value.byteLength;
      clock.advance(msPerPiece);
    }
  };
  await takeTo(8 * MiB, 1);
  await settled();
  await takeTo(40 * MiB, 4_000);
  const atThen = await settled();
  expect(atThen).toBeLessThanOrEqual(40 + 4);
  await pieces.return?.();
});
