/** What a node has stored, as hand-off goes through it, and what it takes over from others. */
import { randomBytes } from 'node:crypto';
import type { KeptObject } from '@forebay/core/kept-pages';
import { versionOf } from '@forebay/core/object';
import { type FaultyUfs, faultyUfs } from '@forebay/ufs/faulty';
import { memoryUfs } from '@forebay/ufs/memory';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { LocalCacheNode } from './local-cache-node.ts';
import { openObject, pageSizeBytes, readAll, refOf, TestNodes, testMount } from './testing/kit.ts';

const nodes = new TestNodes();
const contents = new Map([
  ['large', randomBytes(5 * pageSizeBytes + 77)],
  ['small', randomBytes(900)],
]);
const signal = new AbortController().signal;
let ufs: FaultyUfs;

beforeEach(() => {
  ufs = faultyUfs(memoryUfs(Object.fromEntries(contents)));
});
afterEach(() => nodes.clear());

async function keptBy(node: LocalCacheNode): Promise<Map<string, KeptObject>> {
  const kept = new Map<string, KeptObject>();
  await node.pages.each(async (object) => {
    expect(kept.has(object.path)).toBe(false);
    kept.set(object.path, object);
  }, signal);
  return kept;
}

it('tells every version that is stored, with the indexes of its pages', async () => {
  const { node } = await nodes.open(ufs);
  await readAll(node, refOf('small'));
  const range = { kind: 'span', start: 2 * pageSizeBytes, endExclusive: 4 * pageSizeBytes } as const;
  await openObject(node, refOf('large'), { want: 'info' });
  await readAll(node, refOf('large'), range);
  const kept = await keptBy(node);
  expect([...kept.keys()].sort()).toEqual(['lake/large', 'lake/small']);
  expect(kept.get('lake/large')!.indexes).toEqual([2, 3]);
  expect(kept.get('lake/small')!.indexes).toEqual([0]);
  expect(kept.get('lake/small')!.hot).toEqual([]);
  expect(versionOf(kept.get('lake/large')!.info)).toBe(versionOf(await ufs.head('large')));
});

it('tells which pages were asked for again, but for the newest', async () => {
  const names = Array.from({ length: 20 }, (_, at) => `small-${at}`);
  ufs = faultyUfs(memoryUfs(Object.fromEntries(names.map((name) => [name, randomBytes(900)]))));
  // Hits of objects in memory are no matter of pages on disk.
  const { node } = await nodes.open(ufs, { settings: { memorySizeBytes: 0 } });
  for (const name of names) await readAll(node, refOf(name));
  await expect.poll(async () => (await keptBy(node)).size).toBe(names.length);
  for (const name of ['small-2', 'small-19']) await readAll(node, refOf(name));
  const hot = [...(await keptBy(node)).values()].filter((kept) => kept.hot.length > 0);
  expect(hot.map(({ path, hot: indexes }) => [path, indexes])).toEqual([['lake/small-2', [0]]]);
});

it('tells nothing of what is mounted no more, or with pages of another size', async () => {
  const mounts = [testMount()];
  const { node } = await nodes.open(ufs, { mounts });
  await readAll(node, refOf('small'));
  mounts[0] = testMount({ pageSizeBytes: 2 * pageSizeBytes });
  expect(await keptBy(node)).toEqual(new Map());
  mounts.pop();
  expect(await keptBy(node)).toEqual(new Map());
  expect(node.pages.find('lake/small', '/lake')).toBeUndefined();
});

it('stops where it is told to', async () => {
  const { node } = await nodes.open(ufs);
  for (const key of contents.keys()) await readAll(node, refOf(key));
  const abort = new AbortController();
  let told = 0;
  const walk = node.pages.each(async () => {
    told += 1;
    abort.abort(new Error('enough'));
  }, abort.signal);
  await expect(walk).rejects.toThrow('enough');
  expect(told).toBe(1);
});

it('keeps pages that it is given, though nobody asked it for them, and serves them without a GET', async () => {
  const mounts = [testMount({ minUses: 3 })];
  const { node } = await nodes.open(ufs, { mounts });
  for (const [key, bytes] of contents) {
    const object = node.pages.find(`lake/${key}`, '/lake')!;
    const { etag, sizeBytes, versionId } = await ufs.head(key);
    const info = { sizeBytes, etag, versionId, lastModifiedMs: 0, headers: [], checksumsKnown: false };
    for (let index = 0; index * pageSizeBytes < sizeBytes; index += 1) {
      const page = bytes.subarray(index * pageSizeBytes, (index + 1) * pageSizeBytes);
      expect(node.pages.has(object, info, index)).toBe(false);
      expect(await node.pages.put({ object, info, index, bytes: page })).toBe(true);
      expect(node.pages.has(object, info, index)).toBe(true);
    }
    await openObject(node, refOf(key, mounts[0]), { want: 'info' });
    const read = await readAll(node, refOf(key, mounts[0]));
    expect([read.cache, read.bytes.equals(bytes)]).toEqual(['HIT', true]);
  }
  expect(ufs.countOf('get')).toBe(0);
  const [known] = (await keptBy(node)).values();
  expect(known!.indexes.length).toBeGreaterThan(0);
});
