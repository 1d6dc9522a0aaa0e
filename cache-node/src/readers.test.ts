import { randomBytes } from 'node:crypto';
import { setImmediate as nextTick } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { bodyOf, openAny, openObject, pageSizeBytes, readAll, refOf, TestNodes } from './testing/kit.ts';
import { gate, laxUfs, StepUfs } from './testing/step-ufs.ts';

const nodes = new TestNodes();
let ufs: StepUfs;

beforeEach(() => {
  ufs = new StepUfs();
});
afterEach(() => nodes.clear());

const object = refOf('models/a.bin');
const fivePages = randomBytes(4 * pageSizeBytes + 1000);

describe('a reader who has left', () => {
  it('before its info came leaves the node to the others, whatever its UFS waits for', async () => {
    ufs.put(object.ufsKey, fivePages);
    const answer = gate();
    ufs.beforeAnswer = answer.wait;
    ufs.beforePiece = () => nextTick();
    const { node } = await nodes.open(ufs.asUfs());
    const leaver = new AbortController();
    const left = openAny(node, object, { signal: leaver.signal });
    const stays = readAll(node, object);
    await answer.reached;
    leaver.abort();
    answer.open();
    await expect(left).rejects.toThrow();
    expect((await stays).bytes).toEqual(fivePages);
  });

  it('just as its answer came does not take along who comes after', async () => {
    ufs.put(object.ufsKey, fivePages);
    const leaver = new AbortController();
    const piece = gate();
    ufs.beforeAnswer = (request) => {
      if (request === ufs.requests[0]) leaver.abort();
      return undefined;
    };
    // As in a real store, a body ends with the request that it answers.
    ufs.beforePiece = async (request) => {
      if (request !== ufs.requests[0]) return;
      await piece.wait();
      throw leaver.signal.reason;
    };
    const { node } = await nodes.open(ufs.asUfs());
    await expect(openAny(node, object, { signal: leaver.signal })).rejects.toThrow();
    const stays = readAll(node, object);
    await nextTick();
    piece.open();
    expect((await stays).bytes).toEqual(fivePages);
    await expect.poll(() => ufs.bodiesOpen).toBe(0);
  });

  it('before it even asked sends no request, also where the info is known', async () => {
    ufs.put(object.ufsKey, fivePages);
    ufs.beforePiece = () => nextTick();
    const { node } = await nodes.open(ufs.asUfs());
    const signal = AbortSignal.abort();
    await expect(openAny(node, object, { signal })).rejects.toThrow();
    await openObject(node, object, { want: 'info' });
    await expect(openAny(node, object, { signal })).rejects.toThrow();
    expect(ufs.requests.map((request) => request.op)).toEqual(['head']);
  });

  it('is not waited for once it has all its bytes', async () => {
    ufs.put(object.ufsKey, fivePages);
    ufs.pieceBytes = pageSizeBytes;
    const { node } = await nodes.open(ufs.asUfs(), { settings: { readAheadPagesMax: 0 } });
    const leaver = new AbortController();
    const whole = openObject(node, object, { signal: leaver.signal });
    const small = await openObject(node, object, { range: { kind: 'span', start: 0, endExclusive: 5 } });
    expect(await bodyOf(small)).toEqual(fivePages.subarray(0, 5));
    const opened = await whole;
    leaver.abort();
    await expect(bodyOf(opened)).rejects.toThrow();
    await expect.poll(async () => (await node.stats()).fillsInFlight).toBe(0);
  });

  it('leaves the page in flight to be finished also where the store sends a piece of nothing', async () => {
    ufs.put(object.ufsKey, fivePages);
    const inner = ufs.asUfs();
    const held = gate();
    async function* withEmptyPieces(body: AsyncIterable<Uint8Array>) {
      for await (const piece of body) {
        yield piece;
        await held.wait();
        yield new Uint8Array(0);
      }
    }
    const get: typeof inner.get = async (key, options) => {
      const opened = await inner.get(key, options);
      return { ...opened, body: withEmptyPieces(opened.body) };
    };
    const { node } = await nodes.open({ ...inner, get });
    const range = { kind: 'span', start: pageSizeBytes, endExclusive: pageSizeBytes + 1 } as const;
    expect((await readAll(node, object, range)).bytes).toEqual(
      fivePages.subarray(range.start, range.endExclusive),
    );
    held.open();
    await expect.poll(async () => (await node.stats()).fillsInFlight).toBe(0);
    expect((await node.stat({ object, want: 'bytes' })).pages.cached).toBe(1);
  });

  it('takes no store that ignores ranges all the way to its page', async () => {
    ufs.put(object.ufsKey, fivePages);
    let furthest = 0;
    const first = gate();
    ufs.beforePiece = (_, offset) => {
      furthest = Math.max(furthest, offset);
      return offset === 0 ? first.wait() : nextTick();
    };
    const { node } = await nodes.open(laxUfs(ufs, { range: undefined }));
    await openObject(node, object, { want: 'info' });
    const leaver = new AbortController();
    const range = { kind: 'from', start: 4 * pageSizeBytes } as const;
    const left = openAny(node, object, { range, signal: leaver.signal });
    await first.reached;
    leaver.abort();
    first.open();
    await expect(left).rejects.toThrow();
    await expect.poll(async () => (await node.stats()).fillsInFlight).toBe(0);
    expect(ufs.count('get')).toBe(1);
    expect(furthest).toBeLessThan(pageSizeBytes);
  });
});

describe('coalescing', () => {
  it('says so of all but one where an expired object is read by many', async () => {
    ufs.put(object.ufsKey, fivePages);
    const { node, clock } = await nodes.open(ufs.asUfs());
    await openObject(node, object, { want: 'info' });
    clock.advance(60_000);
    const answer = gate();
    ufs.beforeAnswer = answer.wait;
    const reads = [1, 2, 3].map(() => readAll(node, object));
    await answer.reached;
    answer.open();
    const caches = (await Promise.all(reads)).map((read) => read.cache);
    expect(caches.sort()).toEqual(['COALESCED', 'COALESCED', 'MISS']);
  });

  it('joins no ranged request for the checksums of the whole object', async () => {
    ufs.put(object.ufsKey, fivePages);
    const { node } = await nodes.open(ufs.asUfs());
    const answer = gate();
    ufs.beforeAnswer = answer.wait;
    const ranged = readAll(node, object, { kind: 'span', start: 0, endExclusive: 10 });
    await answer.reached;
    const { signal } = new AbortController();
    const whole = node.open({ object, want: 'bytes', needChecksums: true, signal });
    answer.open();
    await ranged;
    const opened = await whole;
    expect(opened).toMatchObject({ kind: 'object', info: { checksumsKnown: true } });
    if (opened.kind === 'object') expect(await bodyOf(opened)).toEqual(fivePages);
  });

  it('asks the UFS once, however many readers miss the same object together', async () => {
    ufs.put(object.ufsKey, fivePages);
    const answer = gate();
    ufs.beforeAnswer = answer.wait;
    const { node } = await nodes.open(ufs.asUfs());
    const reads = Array.from({ length: 100 }, () => readAll(node, object));
    await answer.reached;
    answer.open();
    const results = await Promise.all(reads);
    expect(results.every((read) => read.bytes.equals(fivePages))).toBe(true);
    expect(results.map((read) => read.cache).sort()[0]).toBe('COALESCED');
    expect(results.filter((read) => read.cache === 'MISS')).toHaveLength(1);
    expect(ufs.requests).toHaveLength(1);
  });

  it('fills each page once for readers that come while it is being filled', async () => {
    ufs.put(object.ufsKey, fivePages);
    const middle = gate();
    ufs.beforePiece = (_, offset) => (offset === pageSizeBytes ? middle.wait() : undefined);
    const { node } = await nodes.open(ufs.asUfs());
    const first = readAll(node, object);
    await middle.reached;
    const late = readAll(node, object);
    const range = { kind: 'span', start: 3 * pageSizeBytes, endExclusive: 3 * pageSizeBytes + 5 } as const;
    const further = readAll(node, object, range);
    middle.open();
    expect((await first).bytes).toEqual(fivePages);
    expect((await late).bytes).toEqual(fivePages);
    expect((await further).bytes).toEqual(fivePages.subarray(range.start, range.endExclusive));
    expect(ufs.requests).toHaveLength(1);
  });

  it('does not let a reader who leaves cancel the others', async () => {
    ufs.put(object.ufsKey, fivePages);
    const answer = gate();
    ufs.beforeAnswer = answer.wait;
    const { node } = await nodes.open(ufs.asUfs());
    const leaver = new AbortController();
    const left = openAny(node, object, { signal: leaver.signal }).catch((error: unknown) => error);
    const stays = readAll(node, object);
    await answer.reached;
    leaver.abort();
    answer.open();
    expect((await stays).bytes).toEqual(fivePages);
    await left;
    expect(ufs.requests).toHaveLength(1);
  });

  it('finishes the page in flight when the last reader leaves, and asks for no more', async () => {
    ufs.put(object.ufsKey, fivePages);
    const second = gate();
    ufs.beforePiece = (_, offset) => (offset === pageSizeBytes + ufs.pieceBytes ? second.wait() : undefined);
    const { node } = await nodes.open(ufs.asUfs(), { settings: { readAheadPagesMax: 1 } });
    const leaver = new AbortController();
    const opened = await openObject(node, object, { signal: leaver.signal });
    await second.reached;
    leaver.abort();
    second.open();
    await expect(bodyOf(opened)).rejects.toThrow();
    await expect.poll(async () => (await node.stats()).fillsInFlight).toBe(0);
    expect((await node.stat({ object, want: 'bytes' })).pages.cached).toBe(2);
    expect(ufs.bodiesOpen).toBe(0);
  });

  it('runs no further ahead of a slow reader than its read-ahead', async () => {
    const large = randomBytes(20 * pageSizeBytes);
    ufs.put(object.ufsKey, large);
    let furthest = 0;
    ufs.beforePiece = (_, offset) => {
      furthest = Math.max(furthest, offset);
      return undefined;
    };
    const { node } = await nodes.open(ufs.asUfs(), { settings: { readAheadPagesMax: 2 } });
    const opened = await openObject(node, object);
    await expect.poll(async () => (await node.stat({ object, want: 'bytes' })).pages.cached).toBe(3);
    expect(furthest).toBeLessThanOrEqual(3 * pageSizeBytes);
    expect(await bodyOf(opened)).toEqual(large);
    expect(ufs.requests).toHaveLength(1);
  });
});

describe('a slow reader', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('keeps a connection to the UFS for a while only, and gets the rest where it went on', async () => {
    const large = randomBytes(20 * pageSizeBytes);
    ufs.put(object.ufsKey, large);
    const { node } = await nodes.open(ufs.asUfs(), { settings: { readAheadPagesMax: 2 } });
    const opened = await openObject(node, object);
    await expect.poll(() => vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(9_999);
    expect(ufs.bodiesOpen).toBe(1);
    vi.advanceTimersByTime(1);
    await expect.poll(() => ufs.bodiesOpen).toBe(0);
    expect((await node.stats()).fillsInFlight).toBe(0);
    expect(await bodyOf(opened)).toEqual(large);
    expect(ufs.requests).toMatchObject([{ range: undefined }, { range: { start: 3 * pageSizeBytes } }]);
    expect(vi.getTimerCount()).toBe(0);
  });
});
