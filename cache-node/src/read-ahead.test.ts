/** What is read ahead, and what is not: by the requests that a store sees. */
import { randomBytes } from 'node:crypto';
import { setImmediate as nextTick } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { pageSizeBytes, readAll, refOf, TestNodes, testMount } from './testing/kit.ts';
import { gate, StepUfs } from './testing/step-ufs.ts';

const KiB = 1024;
const nodes = new TestNodes();
let ufs: StepUfs;
beforeEach(() => {
  ufs = new StepUfs();
});
afterEach(() => nodes.clear());

const content = randomBytes(100 * pageSizeBytes);
const object = refOf('data', testMount({ amplificationMax: Number.POSITIVE_INFINITY }));
const settings = { readAheadPagesMax: 8 };
type Node = Awaited<ReturnType<TestNodes['open']>>['node'];

async function read(node: Node, start: number, length: number, of = object): Promise<string> {
  const range = { kind: 'span', start, endExclusive: start + length } as const;
  const { bytes, cache } = await readAll(node, of, range);
  expect(bytes.equals(content.subarray(start, start + length))).toBe(true);
  await expect.poll(async () => (await node.stats()).fillsInFlight).toBe(0);
  for (let turn = 0; turn < 5; turn += 1) await nextTick();
  return cache;
}

describe('read-ahead', () => {
  it('turns small reads in a row into few requests', async () => {
    ufs.put('data', content);
    const { node } = await nodes.open(ufs.asUfs(), { settings });
    const caches: string[] = [];
    for (let at = 0; at < 40; at += 1) caches.push(await read(node, at * pageSizeBytes, pageSizeBytes));
    expect(caches.slice(2).filter((cache) => cache !== 'HIT')).toEqual([]);
    expect(ufs.requests.length).toBeLessThan(30);
  });

  it('fetches nothing beyond random reads', async () => {
    ufs.put('data', content);
    const { node } = await nodes.open(ufs.asUfs(), { settings });
    const pages = [50, 3, 87, 20, 41, 9, 66];
    for (const page of pages) await read(node, page * pageSizeBytes + 5, 100);
    expect((await node.stat({ object, want: 'bytes' })).pages.cached).toBe(pages.length);
  });

  it('brings the next part of a stride', async () => {
    ufs.put('data', content);
    const { node } = await nodes.open(ufs.asUfs(), { settings });
    const caches: string[] = [];
    for (let at = 0; at < 8; at += 1) caches.push(await read(node, (2 + 10 * at) * pageSizeBytes, 30_000));
    expect(caches.slice(3)).toEqual(['HIT', 'HIT', 'HIT', 'HIT', 'HIT']);
  });

  it('leaves alone what a request under way will bring, also where its reader is not that far yet', async () => {
    const pageBytes = 1024 * KiB;
    ufs.put('large', Buffer.alloc(16 * pageBytes));
    const { node } = await nodes.open(ufs.asUfs(), {
      settings: { ...settings, cacheSizeBytes: 1024 * pageBytes, fillsInFlightBytesMax: 64 * pageBytes },
    });
    const large = refOf('large', testMount({ pageSizeBytes: pageBytes }));
    const reading = async (first: number) => {
      const range = {
        kind: 'span',
        start: first * pageBytes,
        endExclusive: (first + 4) * pageBytes,
      } as const;
      return (await readAll(node, large, range)).bytes;
    };
    await reading(0);
    const held = gate();
    ufs.beforePiece = held.wait;
    // Its request is for pages 8 to 11; it has not got to the last of them.
    const second = reading(8);
    await held.reached;
    const first = reading(4);
    await expect.poll(() => ufs.requests.length).toBeGreaterThan(2);
    held.open();
    for (const bytes of [await first, await second]) expect(bytes).toHaveLength(4 * pageBytes);
    const asked = ufs.requests.map(({ range }) => (range?.kind === 'span' ? range.start : 0) / pageBytes);
    expect(asked.filter((page) => page > 8 && page < 12)).toEqual([]);
  });

  it('stops when its reader leaves', async () => {
    ufs.put('data', content);
    const { node } = await nodes.open(ufs.asUfs(), { settings });
    await read(node, 0, pageSizeBytes);
    const leaver = new AbortController();
    ufs.beforePiece = () => nextTick();
    const range = { kind: 'span', start: pageSizeBytes, endExclusive: 2 * pageSizeBytes } as const;
    const opened = await node.open({ object, want: 'bytes', range, signal: leaver.signal });
    leaver.abort();
    if (opened.kind === 'object' && opened.body && !(opened.body instanceof Uint8Array)) {
      await opened.body[Symbol.asyncIterator]().return?.();
    }
    await expect.poll(async () => (await node.stats()).fillsInFlight).toBe(0);
    expect((await node.stat({ object, want: 'bytes' })).pages.cached).toBeLessThan(5);
  });

  it('ends where one page is more than the budget of bytes in flight', async () => {
    ufs.put('data', content);
    const { node, metrics } = await nodes.open(ufs.asUfs(), {
      settings: { ...settings, fillsInFlightBytesMax: 1, cacheSizeBytes: 0 },
    });
    // Each read waits until nothing is in flight any more.
    for (let at = 0; at < 12; at += 1) await read(node, at * pageSizeBytes, pageSizeBytes);
    const [inFlight] = await metrics.samples('forebay_fill_bytes_in_flight');
    expect(inFlight?.value).toBe(0);
  });

  it('is off where it is set to none', async () => {
    ufs.put('data', content);
    const { node } = await nodes.open(ufs.asUfs(), { settings: { readAheadPagesMax: 0 } });
    for (let at = 0; at < 5; at += 1) await read(node, at * pageSizeBytes, pageSizeBytes);
    expect(ufs.requests).toHaveLength(5);
  });
});

describe('amplification', () => {
  const bounded = testMount({ amplificationMax: 1.2, pageSizeBytes: 1024 * KiB });
  const large = refOf('data', bounded);

  it('of small random reads stays under the bound, and a page that is asked for again is kept', async () => {
    ufs.put('data', content);
    ufs.pieceBytes = 64 * KiB;
    let sentBytes = 0;
    const store = ufs.asUfs();
    const get: typeof store.get = async (key, options) => {
      const opened = await store.get(key, options);
      sentBytes += opened.range.endExclusive - opened.range.start;
      return opened;
    };
    const big = randomBytes(64 * 1024 * KiB);
    ufs.put('data', big);
    const { node, metrics } = await nodes.open(
      { ...store, get },
      { settings: { ...settings, cacheSizeBytes: 1024 ** 3 } },
    );
    const order = Array.from({ length: 64 }, (_, at) => (at * 37) % 64);
    let served = 0;
    for (const page of order) {
      const start = page * 1024 * KiB + 300_000;
      const range = { kind: 'span', start, endExclusive: start + 50_000 } as const;
      const { bytes } = await readAll(node, large, range);
      expect(bytes.equals(big.subarray(start, start + 50_000))).toBe(true);
      served += 50_000;
    }
    expect(sentBytes).toBeLessThanOrEqual(1.2 * served + 8 * 1024 * KiB);
    expect(await metrics.text()).toMatch(/^forebay_read_amplification\{mount="\/lake"\} [1-4]/m);
    const last = order.at(-1)! * 1024 * KiB;
    const again = { kind: 'span', start: last, endExclusive: last + 100 } as const;
    expect((await readAll(node, large, again)).cache).toBe('MISS');
    await expect.poll(async () => (await readAll(node, large, again)).cache).toBe('HIT');
  });

  it('of first reads of many objects stays under the bound too, one request each', async () => {
    const file = randomBytes(4 * 1024 * KiB);
    const keys = Array.from({ length: 40 }, (_, at) => `file-${at}`);
    for (const key of keys) ufs.put(key, file);
    ufs.pieceBytes = 64 * KiB;
    const { node } = await nodes.open(ufs.asUfs(), { settings: { ...settings, cacheSizeBytes: 1024 ** 3 } });
    for (const [at, key] of keys.entries()) {
      const suffix = { kind: 'suffix', lengthBytes: 20_000 } as const;
      const span = { kind: 'span', start: 1_200_000, endExclusive: 1_300_000 } as const;
      const { bytes } = await readAll(node, refOf(key, bounded), at % 2 ? suffix : span);
      const expected = at % 2 ? file.subarray(-20_000) : file.subarray(span.start, span.endExclusive);
      expect(bytes.equals(expected)).toBe(true);
    }
    expect(ufs.requests).toHaveLength(keys.length);
    const narrow = ufs.requests.filter(
      ({ range }) => range?.kind === 'suffix' && range.lengthBytes === 20_000,
    );
    expect(narrow.length).toBeGreaterThan(10);
    expect(ufs.bodiesOpen).toBe(0);
  });
});

it('asks for a known span as a span, from the first byte on', async () => {
  ufs.put('data', content);
  const { node } = await nodes.open(ufs.asUfs(), { settings });
  await read(node, 0, 3 * pageSizeBytes + 7);
  expect(ufs.requests.map(({ range }) => range)).toEqual([
    { kind: 'span', start: 0, endExclusive: 4 * pageSizeBytes },
  ]);
});
