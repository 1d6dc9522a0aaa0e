import { randomBytes } from 'node:crypto';
import type { WorkOutcome } from '@forebay/core/job-worker';
import type { ObjectInfo } from '@forebay/core/object';
import { faultyUfs } from '@forebay/ufs/faulty';
import { memoryUfs } from '@forebay/ufs/memory';
import { afterEach, describe, expect, it } from 'vitest';
import { pageSizeBytes, readAll, refOf, TestNodes, testMount } from '../testing/kit.ts';

const nodes = new TestNodes();
const all = { start: 0, endExclusive: Number.MAX_SAFE_INTEGER };
const { signal } = new AbortController();
const bytes = randomBytes(5 * pageSizeBytes + 7);
afterEach(() => nodes.clear());

const listedOf = async (ufs: ReturnType<typeof memoryUfs>, key: string) => {
  const { entries } = await ufs.list({ prefix: key, maxKeys: 1 });
  return entries[0]!;
};
const figuresOf = (outcome: WorkOutcome) => {
  const { kind, ufsRequests, ufsBytes } = outcome;
  return { kind, ufsRequests, ufsBytes };
};

describe('load', () => {
  it('brings info and every page in one UFS request where the size is known', async () => {
    const ufs = faultyUfs(memoryUfs({ a: bytes }));
    const { node } = await nodes.open(ufs);
    const listed = await listedOf(ufs, 'a');
    const outcome = await node.load({ object: refOf('a'), listed, range: all, signal });
    expect(figuresOf(outcome)).toEqual({ kind: 'done', ufsRequests: 1, ufsBytes: bytes.byteLength });
    const { pages } = await node.stat({ object: refOf('a'), want: 'bytes' });
    expect([pages.cached, pages.total]).toEqual([6, 6]);
    const read = await readAll(node, refOf('a'));
    expect(read.bytes.equals(bytes)).toBe(true);
    expect(read.cache).toBe('HIT');
  });

  it('asks the UFS nothing for what is cached, also where its info is old and a listing confirms it', async () => {
    const ufs = faultyUfs(memoryUfs({ a: bytes }));
    const { node, clock } = await nodes.open(ufs);
    const listed = await listedOf(ufs, 'a');
    await node.load({ object: refOf('a'), listed, range: all, signal });
    clock.advance(3_600_000);
    const outcome = await node.load({ object: refOf('a'), listed, range: all, signal });
    expect(figuresOf(outcome)).toEqual({ kind: 'cached', ufsRequests: 0, ufsBytes: 0 });
  });

  it('brings only what is missing of an object', async () => {
    const ufs = faultyUfs(memoryUfs({ a: bytes }));
    const { node } = await nodes.open(ufs, { settings: { readAheadPagesMax: 0 } });
    await readAll(node, refOf('a'), { kind: 'span', start: pageSizeBytes, endExclusive: 2 * pageSizeBytes });
    const outcome = await node.load({ object: refOf('a'), range: all, signal });
    const ufsBytes = bytes.byteLength - pageSizeBytes;
    expect(figuresOf(outcome)).toEqual({ kind: 'done', ufsRequests: 2, ufsBytes });
  });

  it('loads a part, and the next one by its info', async () => {
    const ufs = faultyUfs(memoryUfs({ a: bytes }));
    const { node } = await nodes.open(ufs);
    const object = refOf('a');
    const middle = 2 * pageSizeBytes;
    const first = await node.load({ object, range: { start: 0, endExclusive: middle }, signal });
    expect(figuresOf(first)).toEqual({ kind: 'done', ufsRequests: 1, ufsBytes: middle });
    const info = first.kind === 'refused' ? undefined : first.info;
    const range = { start: middle, endExclusive: bytes.byteLength };
    const rest = await node.load({ object, info, range, signal });
    expect(figuresOf(rest)).toMatchObject({ kind: 'done', ufsRequests: 1 });
    expect((await readAll(node, object)).cache).toBe('HIT');
  });

  it('loads info alone', async () => {
    const ufs = faultyUfs(memoryUfs({ a: bytes }));
    const { node } = await nodes.open(ufs);
    const outcome = await node.load({ object: refOf('a'), signal });
    expect(figuresOf(outcome)).toEqual({ kind: 'done', ufsRequests: 1, ufsBytes: 0 });
    expect(await node.stat({ object: refOf('a'), want: 'info' })).toMatchObject({ fresh: true });
  });

  it('tells what it would do, and asks nothing', async () => {
    const { node } = await nodes.open(faultyUfs(memoryUfs({})));
    const request = { object: refOf('a'), range: all, dryRun: true, signal };
    const listed = { sizeBytes: 7, etag: '"e"' };
    expect(figuresOf(await node.load({ ...request, listed }))).toEqual({
      ...{ kind: 'done', ufsRequests: 1, ufsBytes: 7 },
    });
  });

  it('says why it refuses what is never kept', async () => {
    const ufs = faultyUfs(memoryUfs({ a: bytes }));
    const mount = testMount({ maxObjectSizeBytes: 10 });
    const { node } = await nodes.open(ufs, { mounts: [mount] });
    const outcome = await node.load({ object: refOf('a', mount), range: all, signal });
    expect(outcome).toMatchObject({ kind: 'refused', reason: expect.stringContaining('maxObjectSize') });
  });

  it('throws what the UFS answers for a key that is not there', async () => {
    const { node } = await nodes.open(faultyUfs(memoryUfs({})));
    await expect(node.load({ object: refOf('a'), range: all, signal })).rejects.toThrow('NoSuchKey');
  });

  it('leaves what it fetched out of the amplification of the mount', async () => {
    const mount = testMount({ amplificationMax: 1 });
    const { node, metrics } = await nodes.open(faultyUfs(memoryUfs({ a: bytes })), { mounts: [mount] });
    await node.load({ object: refOf('a', mount), range: all, signal });
    const samples = await metrics.samples('forebay_read_amplification_ratio');
    expect(samples.every(({ value }) => value === 0)).toBe(true);
  });
});

describe('verify', () => {
  it('is content with an object whose pages are all stored, and of the version that was listed', async () => {
    const ufs = faultyUfs(memoryUfs({ a: bytes }));
    const { node } = await nodes.open(ufs);
    const listed = await listedOf(ufs, 'a');
    await node.load({ object: refOf('a'), range: all, signal });
    expect(await node.verify({ object: refOf('a'), listed, range: all, signal })).toMatchObject({
      kind: 'done',
      bytes: bytes.byteLength,
    });
    await ufs.put('a', { sizeBytes: 1, body: [Buffer.from('b')] as never, headers: [] });
    expect(
      await node.verify({ object: refOf('a'), listed: await listedOf(ufs, 'a'), range: all, signal }),
    ).toMatchObject({ kind: 'refused', reason: expect.stringContaining('another version') });
  });

  it('looks at a part by the info of the one before, and at pages that came without info by the listing', async () => {
    const ufs = faultyUfs(memoryUfs({ a: bytes }));
    const [from, to] = [await nodes.open(ufs), await nodes.open(ufs)];
    const object = refOf('a');
    const listed = await listedOf(ufs, 'a');
    const { info } = (await from.node.load({ object, listed, range: all, signal })) as { info: ObjectInfo };
    for (let index = 0; index < 6; index += 1) {
      const page = bytes.subarray(index * pageSizeBytes, (index + 1) * pageSizeBytes);
      await to.node.pages.put({ object, info, index, bytes: page });
    }
    const known = { kind: 'done', bytes: bytes.byteLength };
    expect(await to.node.verify({ object, listed, range: all, signal })).toMatchObject(known);
    const range = { start: 4 * pageSizeBytes, endExclusive: bytes.byteLength };
    const part = await to.node.verify({ object, listed, info, range, signal });
    expect(part).toMatchObject({ kind: 'done', bytes: pageSizeBytes + 7 });
    const other = { ...listed, etag: '"another"' };
    expect(await to.node.verify({ object, listed: other, range: all, signal })).toMatchObject({
      reason: 'it is not cached',
    });
  });

  it('counts what is missing', async () => {
    const ufs = faultyUfs(memoryUfs({ a: bytes }));
    const { node } = await nodes.open(ufs, { settings: { readAheadPagesMax: 0 } });
    const object = refOf('a');
    expect(await node.verify({ object, range: all, signal })).toMatchObject({ reason: 'it is not cached' });
    await readAll(node, object, { kind: 'span', start: 0, endExclusive: pageSizeBytes });
    expect(await node.verify({ object, range: all, signal })).toMatchObject({
      reason: '5 of 6 pages are missing or damaged',
    });
  });
});
