/** What readers hold of memory: pieces, never pages; and nothing in the end. */
import { randomBytes } from 'node:crypto';
import { setImmediate as nextTick } from 'node:timers/promises';
import type { OpenedObject } from '@forebay/core/cache-node';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  bodyOf,
  openObject,
  pageSizeBytes,
  readAll,
  refOf,
  type TestNode,
  TestNodes,
} from './testing/kit.ts';
import { StepUfs } from './testing/step-ufs.ts';

const KiB = 1024;
const nodes = new TestNodes();
let ufs: StepUfs;
beforeEach(() => {
  ufs = new StepUfs();
});
afterEach(() => nodes.clear());

async function gaugeOf({ metrics }: TestNode, name: string): Promise<number> {
  return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(await metrics.text())?.[1]);
}

const lent = (test: TestNode) => gaugeOf(test, 'forebay_buffers_lent_bytes');
const inFlight = (test: TestNode) => gaugeOf(test, 'forebay_fill_bytes_in_flight');

describe('200 slow readers of as many objects', () => {
  it.each([
    { what: 'of a store that keeps pages', cacheSizeBytes: 1024 * 1024 * KiB },
    { what: 'of a store that keeps none', cacheSizeBytes: 0 },
  ])(
    'hold a piece each and no page: $what',
    async ({ cacheSizeBytes }) => {
      const content = randomBytes(4 * pageSizeBytes);
      const keys = Array.from({ length: 200 }, (_, at) => `large-${at}`);
      for (const key of keys) ufs.put(key, content);
      const fillsInFlightBytesMax = 32 * pageSizeBytes;
      const settings = { cacheSizeBytes, memorySizeBytes: 0, fillsInFlightBytesMax };
      const test = await nodes.open(ufs.asUfs(), { settings });
      const opened: OpenedObject[] = await Promise.all(keys.map((key) => openObject(test.node, refOf(key))));
      for (let turn = 0; turn < 200; turn += 1) await nextTick();
      expect(await inFlight(test)).toBeLessThanOrEqual(fillsInFlightBytesMax);
      expect(await lent(test)).toBeLessThanOrEqual(fillsInFlightBytesMax + 200 * pageSizeBytes);
      for (const one of opened) expect((await bodyOf(one)).equals(content)).toBe(true);
      await expect.poll(() => lent(test)).toBe(0);
      expect(await inFlight(test)).toBe(0);
    },
    60_000,
  );
});

describe('where the store keeps nothing', () => {
  it('readers that come together still cost one request, and each goes at its own pace', async () => {
    const content = randomBytes(5 * pageSizeBytes);
    ufs.put('a', content);
    const settings = { cacheSizeBytes: 0, memorySizeBytes: 0 };
    const test = await nodes.open(ufs.asUfs(), { settings });
    const slow = await openObject(test.node, refOf('a'));
    const quick = await Promise.all([1, 2, 3].map(() => readAll(test.node, refOf('a'))));
    for (const { bytes } of quick) expect(bytes.equals(content)).toBe(true);
    expect((await bodyOf(slow)).equals(content)).toBe(true);
    await expect.poll(() => lent(test)).toBe(0);
    expect(ufs.requests).toHaveLength(1);
  });

  it('runs no more than a page ahead of its reader', async () => {
    ufs.put('a', randomBytes(12 * pageSizeBytes));
    let furthest = 0;
    ufs.beforePiece = (_, offset) => {
      furthest = Math.max(furthest, offset);
      return undefined;
    };
    const settings = { cacheSizeBytes: 0, memorySizeBytes: 0, readAheadPagesMax: 8 };
    const { node } = await nodes.open(ufs.asUfs(), { settings });
    const opened = await openObject(node, refOf('a'));
    for (let turn = 0; turn < 100; turn += 1) await nextTick();
    expect(furthest).toBeLessThanOrEqual(2 * pageSizeBytes);
    await bodyOf(opened);
  });
});

it('gives back what was lent to a reader who left, also in the middle of a piece', async () => {
  ufs.put('a', randomBytes(12 * pageSizeBytes));
  const test = await nodes.open(ufs.asUfs());
  const leaver = new AbortController();
  const opened = await openObject(test.node, refOf('a'), { signal: leaver.signal });
  const pieces = (opened.body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
  await pieces.next();
  leaver.abort();
  await pieces.return?.();
  await expect.poll(() => lent(test)).toBe(0);
  expect(await inFlight(test)).toBe(0);
});

it('lends no memory to a small body, which is the reader’s for ever', async () => {
  const content = randomBytes(5000);
  ufs.put('small', content);
  const test = await nodes.open(ufs.asUfs());
  const opened = await openObject(test.node, refOf('small'));
  expect(opened.body).toBeInstanceOf(Uint8Array);
  ufs.put('other', randomBytes(5000));
  await readAll(test.node, refOf('other'));
  expect(content.equals(opened.body as Uint8Array)).toBe(true);
  await expect.poll(() => lent(test)).toBe(0);
  expect(ufs.requests).toHaveLength(2);
});
