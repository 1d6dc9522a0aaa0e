import { MountTable } from '@forebay/core/mount';
import { afterEach, expect, it } from 'vitest';
import { pageSizeBytes, readAll, TestNodes, testMount } from './testing/kit.ts';
import { StepUfs } from './testing/step-ufs.ts';

const nodes = new TestNodes();
afterEach(() => nodes.clear());

const mounts = [
  testMount(),
  testMount({ path: '/pond', bucket: 'pond', ufs: { scheme: 'file', directory: '/pond', prefix: '' } }),
];
const table = new MountTable(mounts);

/** A node that has read these keys, each so many pages less one byte. */
async function nodeWith(keys: readonly (readonly [bucket: string, key: string, pages: number])[]) {
  const ufs = new StepUfs();
  const { node } = await nodes.open(ufs.asUfs(), {
    mounts,
    settings: { memorySizeBytes: 3 * pageSizeBytes },
  });
  for (const [bucket, key, pages] of keys) {
    const object = table.resolve(bucket, key)!;
    ufs.put(object.ufsKey, Buffer.alloc(pages * pageSizeBytes - 1, 'x'));
    await readAll(node, object);
    await expect
      .poll(async () => (await node.stat({ object, want: 'bytes' })).pages.cached, { interval: 1 })
      .toBe(pages);
  }
  const below = (path: string) => node.shelf.below({ path, signal: new AbortController().signal });
  return { node, below };
}

it('tells what is stored below a path by the next name, and nothing of others', async () => {
  const { below } = await nodeWith([
    ['lake', 'images/train/1', 1],
    ['lake', 'images/train/2', 2],
    ['lake', 'images/test/1', 1],
    ['lake', 'images.txt', 1],
    ['pond', 'images/train/1', 1],
  ]);
  const { groups, complete } = await below('lake/images/');
  expect(complete).toBe(true);
  expect(Object.fromEntries(groups)).toEqual({
    'train/': { objects: 2, pages: 3, bytes: 3 * pageSizeBytes - 2 },
    'test/': { objects: 1, pages: 1, bytes: pageSizeBytes - 1 },
  });
  expect([...(await below('lake/')).groups.keys()].sort()).toEqual(['images.txt', 'images/']);
  expect((await below('lake/none/')).groups.size).toBe(0);
});

it('maps the pages of an object, of its version alone', async () => {
  const { node } = await nodeWith([['lake', 'a', 5]]);
  const object = table.resolve('lake', 'a')!;
  const { info } = await node.stat({ object, want: 'info' });
  const map = node.shelf.pageMap(object, info!);
  expect(map).toMatchObject({ total: 5, cached: 5, cachedBytes: 5 * pageSizeBytes - 1, pagesPerCell: 1 });
  expect(map.disk.length).toBe(5);
  for (const cell of [0, 1, 2, 3, 4]) expect(map.disk[cell]! + map.memory[cell]!).toBeGreaterThan(0);
  const other = node.shelf.pageMap(object, { ...info!, etag: '"other"' });
  expect(other).toMatchObject({ cached: 0, cachedBytes: 0, disk: [0, 0, 0, 0, 0] });
});

it('counts only pages that it owns, and tells how many others it has', async () => {
  const { node } = await nodeWith([
    ['lake', 'images/b', 1],
    ['lake', 'images/a', 3],
  ]);
  const ofFirstTwo = (index: number) => index < 2;
  const { info } = await node.stat({ object: table.resolve('lake', 'images/a')!, want: 'info' });
  const map = node.shelf.pageMap(table.resolve('lake', 'images/a')!, info!, ofFirstTwo);
  expect(map).toMatchObject({ total: 3, cached: 2, copies: 1, cachedBytes: 2 * pageSizeBytes });
  const signal = new AbortController().signal;
  const groupsOf = async (owns: (path: string) => ((index: number) => boolean) | undefined) =>
    Object.fromEntries((await node.shelf.below({ path: 'lake/images/', signal, owns })).groups);
  expect(await groupsOf((path) => (path === 'lake/images/a' ? ofFirstTwo : undefined))).toEqual({
    a: { objects: 1, pages: 2, bytes: 2 * pageSizeBytes },
  });
  expect(await groupsOf(() => (index) => index === 1)).toEqual({
    a: { objects: 0, pages: 1, bytes: pageSizeBytes },
  });
});

it('puts neighbouring pages into one cell where there are too many to show', async () => {
  const { node } = await nodeWith([]);
  const version = { etag: '"e"', sizeBytes: 1_000_000 * pageSizeBytes, versionId: undefined };
  const { memory, pagesPerCell, total } = node.shelf.pageMap(table.resolve('lake', 'huge')!, version);
  expect(total).toBe(1_000_000);
  expect(memory.length).toBeLessThanOrEqual(512);
  expect(memory.length * pagesPerCell).toBeGreaterThanOrEqual(total);
});
