/** More readers than a store has connections: each gets its first bytes, however slow those before it are. */
import { randomBytes } from 'node:crypto';
import { setImmediate as nextTick } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { gatedUfs } from './testing/gated-ufs.ts';
import { bodyOf, KiB, openObject, pageSizeBytes, refOf, TestClock, TestNodes } from './testing/kit.ts';
import { StepUfs } from './testing/step-ufs.ts';

const nodes = new TestNodes();
const connectionsMax = 4;
/** What one request brings at most where others wait. */
const turnBytes = 1024 * KiB;
const content = randomBytes(64 * pageSizeBytes + 77);
let ufs: StepUfs;
let clock: TestClock;
let fetchedBytes: number;

beforeEach(() => {
  ufs = new StepUfs();
  clock = new TestClock();
  fetchedBytes = 0;
  ufs.beforePiece = () => {
    fetchedBytes += ufs.pieceBytes;
    return nextTick();
  };
});
afterEach(() => nodes.clear());

const open = (settings = {}) =>
  nodes.open(gatedUfs(ufs, connectionsMax), {
    clock,
    settings: { readAheadPagesMax: 32, fillChunkBytes: 16 * pageSizeBytes, ...settings },
  });

describe.each([
  { what: 'a near store', latencyMs: 0, cacheSizeBytes: 1024 * 1024 * KiB },
  { what: 'a far store', latencyMs: 20, cacheSizeBytes: 1024 * 1024 * KiB },
  { what: 'a store whose pages are not kept', latencyMs: 0, cacheSizeBytes: 0 },
])('slow readers of $what', ({ latencyMs, cacheSizeBytes }) => {
  beforeEach(() => {
    ufs.beforeAnswer = () => {
      clock.advance(latencyMs);
      return undefined;
    };
  });

  it('all get their first bytes, and little more is fetched until they take them', async () => {
    const keys = Array.from({ length: 40 }, (_, at) => `large-${at}`);
    for (const key of keys) ufs.put(key, content);
    const { node } = await open({ cacheSizeBytes, memorySizeBytes: 0 });
    for (const key of keys.slice(20)) await openObject(node, refOf(key), { want: 'info' });
    const range = { kind: 'from', start: 5 * pageSizeBytes + 3 } as const;
    const opened = await Promise.all(keys.map((key) => openObject(node, refOf(key), { range })));
    // A request that is cut short has brought a piece too much; the last ones have nobody behind them.
    const ahead = connectionsMax * 33 * pageSizeBytes;
    expect(fetchedBytes).toBeLessThanOrEqual(40 * (turnBytes + ufs.pieceBytes) + ahead);
    for (const one of opened) expect((await bodyOf(one)).equals(content.subarray(range.start))).toBe(true);
    await expect.poll(() => ufs.bodiesOpen).toBe(0);
  });

  it('that hold all connections give one back to who comes later', async () => {
    const keys = Array.from({ length: connectionsMax + 1 }, (_, at) => `large-${at}`);
    for (const key of keys) ufs.put(key, content);
    const { node } = await open({ cacheSizeBytes, memorySizeBytes: 0, fillsPerReaderMax: 1 });
    const slow = await Promise.all(keys.slice(1).map((key) => openObject(node, refOf(key))));
    let before = -1;
    // Their fills have gone as far as they may, and keep their connections for a while.
    while (before !== fetchedBytes) {
      before = fetchedBytes;
      for (let turn = 0; turn < 20; turn += 1) await nextTick();
    }
    expect(ufs.bodiesOpen).toBe(connectionsMax);
    const late = await openObject(node, refOf(keys[0]!));
    for (const one of [late, ...slow]) expect((await bodyOf(one)).equals(content)).toBe(true);
  });
});
