/** A far store is asked for several chunks of a large object at once; here a read takes 20 ms of clock. */
import { randomBytes } from 'node:crypto';
import { setImmediate as nextTick } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bodyOf, openObject, pageSizeBytes, readAll, refOf, TestClock, TestNodes } from './testing/kit.ts';
import { gate, type StepRequest, StepUfs } from './testing/step-ufs.ts';

const nodes = new TestNodes();
const chunkBytes = 2 * pageSizeBytes;
const content = randomBytes(16 * pageSizeBytes + 77);
const object = refOf('large');
let ufs: StepUfs;
let clock: TestClock;

beforeEach(() => {
  ufs = new StepUfs();
  clock = new TestClock();
  ufs.put('large', content);
  ufs.beforeAnswer = () => {
    clock.advance(20);
    return undefined;
  };
});
afterEach(() => nodes.clear());

const open = (settings = {}) =>
  nodes.open(ufs.asUfs(), { clock, settings: { readAheadPagesMax: 8, ...settings } });
const spanOf = ({ range }: StepRequest) =>
  range?.kind === 'span' ? [range.start / pageSizeBytes, range.endExclusive / pageSizeBytes] : range;
const ticks = async (count: number) => {
  for (let turn = 0; turn < count; turn += 1) await nextTick();
};

describe('a large object at a far store', () => {
  it('begins with one plain request, and then comes in chunks at once, in order for its reader', async () => {
    const first = gate();
    ufs.beforePiece = (request, offset) =>
      request === ufs.requests[0] && offset > 0 ? first.wait() : undefined;
    const { node } = await open();
    const opened = await openObject(node, object);
    await ticks(20);
    expect(ufs.requests.map(spanOf)).toEqual([undefined, [2, 4], [4, 6], [6, 8], [8, 10]]);
    first.open();
    expect((await bodyOf(opened)).equals(content)).toBe(true);
    const asked = ufs.requests.slice(1).map((request) => spanOf(request) as number[]);
    expect(asked.map(([start]) => start)).toEqual([2, 4, 6, 8, 10, 12, 14, 16]);
    expect(ufs.bodiesOpen).toBe(0);
  });

  it('is fetched each page once, however many read it', async () => {
    const bodies = new Map<number, number>();
    ufs.beforePiece = (request, offset) => {
      const start = request.range?.kind === 'span' ? request.range.start : 0;
      const page = Math.floor((start + offset) / pageSizeBytes);
      if ((start + offset) % pageSizeBytes === 0) bodies.set(page, (bodies.get(page) ?? 0) + 1);
      return undefined;
    };
    const { node } = await open();
    const reads = await Promise.all([1, 2, 3, 4].map(() => readAll(node, object)));
    for (const { bytes } of reads) expect(bytes.equals(content)).toBe(true);
    // The plain request sends a piece or so of the second chunk before it is given up.
    const again = [...bodies].filter(([page, count]) => count > 1 && page !== 2);
    expect(again).toEqual([]);
  });

  it('keeps to its requests per reader, and to those ahead per UFS', async () => {
    let open_ = 0;
    let most = 0;
    ufs.beforePiece = async () => {
      open_ = ufs.bodiesOpen;
      most = Math.max(most, open_);
    };
    const two = await open({ fillsPerReaderMax: 2 });
    expect((await readAll(two.node, object)).bytes.equals(content)).toBe(true);
    expect(most).toBeLessThanOrEqual(3);
    ufs.requests.length = 0;
    const none = await open({ fillsAheadPerUfsMax: 0 });
    await openObject(none.node, object, { want: 'info' });
    expect((await readAll(none.node, object)).bytes.equals(content)).toBe(true);
    expect(ufs.requests.length).toBeGreaterThan(1);
  });

  it('stops all its requests when its reader leaves, and finishes what had begun', async () => {
    const held = gate();
    ufs.beforePiece = (request) => (request === ufs.requests[0] ? undefined : held.wait());
    const { node } = await open();
    const leaver = new AbortController();
    const opened = await openObject(node, object, { signal: leaver.signal });
    await held.reached;
    leaver.abort();
    held.open();
    await expect(bodyOf(opened)).rejects.toThrow();
    await expect.poll(async () => (await node.stats()).fillsInFlight).toBe(0);
    expect(ufs.bodiesOpen).toBe(0);
    expect((await node.stat({ object, want: 'bytes' })).pages.cached).toBeLessThan(8);
  });

  it('is read in a version and no other, whichever of its requests meets the change', async () => {
    const { node } = await open();
    await openObject(node, object, { want: 'info' });
    const held = gate();
    ufs.beforeRead = (request) => (spanOf(request)?.toString() === '4,6' ? held.wait() : undefined);
    const opened = await openObject(node, object);
    await held.reached;
    ufs.put('large', randomBytes(content.byteLength));
    held.open();
    let at = 0;
    const reading = (async () => {
      for await (const piece of opened.body as AsyncIterable<Uint8Array>) {
        expect(content.subarray(at, at + piece.byteLength).equals(piece)).toBe(true);
        at += piece.byteLength;
      }
    })();
    await expect(reading).rejects.toThrow('gone from the UFS');
    expect(at).toBeLessThan(content.byteLength);
  });
});

it('asks a near store for a large object once', async () => {
  ufs.beforeAnswer = () => undefined;
  const { node } = await open();
  expect((await readAll(node, object)).bytes.equals(content)).toBe(true);
  expect(ufs.requests).toHaveLength(1);
});

it('asks a far store for a small object once, and for a small range of a large one too', async () => {
  ufs.put('small', content.subarray(0, chunkBytes));
  const { node } = await open();
  await readAll(node, refOf('small'));
  const range = { kind: 'span', start: 0, endExclusive: 100 } as const;
  await readAll(node, object, range);
  expect(ufs.requests.map(spanOf)).toEqual([undefined, [0, 1]]);
});
