import type { Mount } from '@forebay/core/mount';
import { compareUtf8 } from '@forebay/core/utf8-order';
import { faultyUfs } from '@forebay/ufs/faulty';
import { memoryUfs } from '@forebay/ufs/memory';
import type { Ufs } from '@forebay/ufs/ufs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyKey, anyPath, anyStored, modelOf, type Stored, visibleKeys } from '../testing/listing-world.ts';
import { testMount } from '../testing/test-mount.ts';
import { listNamespace, type NamespaceListRequest } from './list-objects.ts';

interface World {
  readonly mounts: readonly Mount[];
  readonly ufsOf: (mount: Mount) => Ufs;
  /** Every key that a client sees, by brute force. */
  readonly keys: readonly string[];
}

async function worldOf(stored: readonly Stored[]): Promise<World> {
  const mounts: Mount[] = [];
  const ufses = new Map<Mount, Ufs>();
  for (const { keyPrefix, ufsPrefix, keys } of stored) {
    const mount = testMount({ bucket: 'b', keyPrefix, ufsPrefix });
    const objects = Object.fromEntries(keys.map((key) => [ufsPrefix + key, key]));
    // A neighbour outside the mount's prefix must never show up.
    mounts.push(mount);
    ufses.set(mount, memoryUfs({ ...objects, ...(ufsPrefix && { '!outside': 'x' }) }));
  }
  const keys = visibleKeys(stored);
  return { mounts, ufsOf: (mount) => ufses.get(mount)!, keys };
}

async function allPages(world: World, query: Omit<NamespaceListRequest, 'mounts' | 'ufsOf'>) {
  const texts: string[] = [];
  let after = query.after;
  for (let page = 0; page < 500; page += 1) {
    const listing = await listNamespace({ ...world, ...query, after });
    const own = [...listing.objects.map(({ key }) => key), ...listing.commonPrefixes].sort(compareUtf8);
    expect(own.length).toBeLessThanOrEqual(query.maxKeys);
    expect(listing.last).toBe(own.at(-1));
    texts.push(...own);
    if (!listing.truncated) return texts;
    expect(own.length).toBe(query.maxKeys);
    after = listing.last!;
  }
  throw new Error('the listing does not end');
}

describe('listing a bucket with nested mounts', () => {
  it('equals a listing of all visible keys, however it is cut into pages', async () => {
    await fc.assert(
      fc.asyncProperty(
        anyStored,
        fc.record({
          prefix: fc.oneof(fc.constant(''), anyKey, anyPath),
          delimiter: fc.constantFrom(undefined, '/', 'a', '/a', 'a/', '//', 'é'),
          after: fc.oneof(fc.constant(''), anyKey, anyPath),
          maxKeys: fc.constantFrom(1, 2, 3, 7, 1000),
        }),
        async (mounts, query) => {
          const world = await worldOf(mounts);
          expect(await allPages(world, query)).toEqual(modelOf(world.keys, query));
        },
      ),
      { numRuns: 400 },
    );
  });

  it('asks the UFS once for a page of a bucket without nested mounts', async () => {
    const names = ['a', 'b/1', 'b/2', 'c', 'd'];
    const ufs = faultyUfs(memoryUfs(Object.fromEntries(names.map((name) => [name, name]))));
    const mounts = [testMount({ bucket: 'b', keyPrefix: '', ufsPrefix: '' })];
    const query = { mounts, ufsOf: () => ufs, prefix: '', delimiter: '/', after: '' };
    const first = await listNamespace({ ...query, maxKeys: 2 });
    expect(first.objects.map((object) => object.key)).toEqual(['a']);
    expect(first).toMatchObject({ commonPrefixes: ['b/'], truncated: true, last: 'b/' });
    const second = await listNamespace({ ...query, after: 'b/', maxKeys: 2 });
    expect(second.objects.map((object) => object.key)).toEqual(['c', 'd']);
    expect(second.truncated).toBe(false);
    expect(ufs.countOf('list')).toBe(2);
  });

  it('does not show a common prefix that only hidden keys would give', async () => {
    const world = await worldOf([
      { keyPrefix: '', ufsPrefix: '', keys: ['a/hidden/1', 'b'] },
      { keyPrefix: 'a/hidden/', ufsPrefix: '', keys: [] },
    ]);
    expect(await allPages(world, { prefix: '', delimiter: '/', after: '', maxKeys: 1000 })).toEqual(['b']);
  });

  it('answers nothing, not truncated, for max-keys 0', async () => {
    const world = await worldOf([{ keyPrefix: '', ufsPrefix: '', keys: ['a'] }]);
    const listing = await listNamespace({ ...world, prefix: '', after: '', maxKeys: 0 });
    expect(listing).toMatchObject({ objects: [], commonPrefixes: [], truncated: false });
  });
});
