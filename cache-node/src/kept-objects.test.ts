import { CachePolicies } from '@forebay/core/cache-policy';
import type { Freed } from '@forebay/core/freeing';
import { matchesKey, parseKeyPattern } from '@forebay/core/key-pattern';
import { MountTable } from '@forebay/core/mount';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { pageSizeBytes, readAll, TestNodes, testMount } from './testing/kit.ts';
import { StepUfs } from './testing/step-ufs.ts';

const nodes = new TestNodes();
afterEach(() => nodes.clear());

/** One bucket in two mounts, one of them below the other, and another bucket. */
const mounts = [
  testMount(),
  testMount({
    path: '/lake/deep',
    keyPrefix: 'deep/',
    ufs: { scheme: 'file', directory: '/deep', prefix: '' },
  }),
  testMount({ path: '/pond', bucket: 'pond', ufs: { scheme: 'file', directory: '/pond', prefix: '' } }),
];
const table = new MountTable(mounts);

async function openWorld() {
  const ufs = new StepUfs();
  const policies = new CachePolicies();
  // Neither tier holds all of it, so that pages lie here and there.
  const settings = { memorySizeBytes: 6 * pageSizeBytes };
  const { node } = await nodes.open(ufs.asUfs(), { policies, mounts, settings });
  const read = async (bucket: string, key: string, pages = 1) => {
    const object = table.resolve(bucket, key)!;
    ufs.put(object.ufsKey, Buffer.alloc(pages * pageSizeBytes - 1, 'x'));
    await readAll(node, object);
    await expect.poll(async () => (await pagesOf(bucket, key)).cached, { interval: 1 }).toBe(pages);
  };
  const statOf = (bucket: string, key: string) =>
    node.stat({ object: table.resolve(bucket, key)!, want: 'bytes' });
  const pagesOf = async (bucket: string, key: string) => (await statOf(bucket, key)).pages;
  const free = (
    text: string,
    how: { pinned?: boolean; dryRun?: boolean; signal?: AbortSignal } = {},
  ): Promise<Freed> =>
    node.free({
      keys: parseKeyPattern(text),
      pinned: how.pinned ?? false,
      dryRun: how.dryRun ?? false,
      signal: how.signal ?? new AbortController().signal,
      onProgress: () => {},
    });
  return { ufs, node, policies, read, statOf, pagesOf, free };
}

describe('to free', () => {
  it('drops exactly the pages of the keys that are named, and counts them', async () => {
    const key = fc.string({ unit: fc.constantFrom('a', 'b', '/'), minLength: 1, maxLength: 4 });
    const keys = fc.uniqueArray(
      fc.tuple(fc.constantFrom('', 'deep/'), key).map((parts) => parts.join('')),
      {
        minLength: 1,
        maxLength: 10,
      },
    );
    const pattern = fc.tuple(fc.constantFrom('', 'deep/', 'de'), key, fc.constantFrom('', '/', '*'));
    await fc.assert(
      fc.asyncProperty(keys, pattern, async (given, parts) => {
        const world = await openWorld();
        for (const [index, name] of given.entries()) await world.read('lake', name, (index % 3) + 1);
        await world.read('pond', given[0]!);
        const named = parseKeyPattern(`s3://lake/${parts.join('')}`);
        const all = given.map((name, index) => ({ name, pages: (index % 3) + 1 }));
        const gone = all.filter(({ name }) => matchesKey(named, 'lake', name));
        const pages = gone.reduce((sum, one) => sum + one.pages, 0);
        const expected = {
          pages,
          bytes: pages * pageSizeBytes - gone.length,
          pinnedPages: 0,
          pinnedBytes: 0,
        };
        expect(await world.free(named.text, { dryRun: true })).toEqual(expected);
        expect(await world.free(named.text)).toEqual(expected);
        for (const one of all) {
          const stat = await world.statOf('lake', one.name);
          const isGone = gone.includes(one);
          expect(stat.info === undefined, one.name).toBe(isGone);
          if (!isGone) expect(stat.pages.cached, one.name).toBe(one.pages);
        }
        expect((await world.pagesOf('pond', given[0]!)).cached).toBe(1);
        expect(await world.free(named.text)).toEqual({ ...expected, pages: 0, bytes: 0 });
        await nodes.clear();
      }),
      { numRuns: 15 },
    );
  });

  it('leaves what is pinned, and counts it, unless it is to go too', async () => {
    const { policies, read, pagesOf, free } = await openWorld();
    await read('lake', 'hot/a', 2);
    await read('lake', 'cold', 3);
    policies.update({ pins: [{ keys: parseKeyPattern('s3://lake/hot/'), pinnedAtMs: 0 }] });
    const pinned = { pinnedPages: 2, pinnedBytes: 2 * pageSizeBytes - 1 };
    expect(await free('s3://lake')).toEqual({ pages: 3, bytes: 3 * pageSizeBytes - 1, ...pinned });
    expect((await pagesOf('lake', 'hot/a')).cached).toBe(2);
    expect(await free('s3://lake', { pinned: true })).toMatchObject({ pages: 2, pinnedPages: 0 });
  });

  it('asks nothing of the UFS, and lets reads begin anew', async () => {
    const { ufs, read, free } = await openWorld();
    await read('lake', 'a', 2);
    const before = ufs.requests.length;
    await free('s3://lake/a');
    expect(ufs.requests.length).toBe(before);
    await read('lake', 'a', 2);
    expect(ufs.requests.length).toBe(before + 1);
  });

  it('stops where nobody waits for it any more', async () => {
    const { read, pagesOf, free } = await openWorld();
    await read('lake', 'a', 2);
    const reason = new Error('left');
    await expect(free('s3://lake', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect((await pagesOf('lake', 'a')).cached).toBe(2);
  });
});
