import type { Mount } from '@forebay/core/mount';
import { compareUtf8 } from '@forebay/core/utf8-order';
import { faultyUfs } from '@forebay/ufs/faulty';
import { memoryUfs } from '@forebay/ufs/memory';
import type { Ufs } from '@forebay/ufs/ufs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { testMount } from '../testing/test-mount.ts';
import { listNamespace, type NamespaceListRequest } from './list-objects.ts';

interface Stored {
  /** Inside the bucket, as clients see it: empty, or ends with `/`. */
  readonly keyPrefix: string;
  readonly ufsPrefix: string;
  /** Behind `ufsPrefix`. */
  readonly keys: readonly string[];
}

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
  const prefixes = stored.map(({ keyPrefix }) => keyPrefix);
  const ownerOf = (key: string) =>
    prefixes.filter((prefix) => key.startsWith(prefix)).sort((a, b) => b.length - a.length)[0];
  const keys = stored
    .flatMap(({ keyPrefix, keys: own }) => own.map((key) => ({ key: keyPrefix + key, keyPrefix })))
    .filter(({ key, keyPrefix }) => key !== '' && ownerOf(key) === keyPrefix)
    .map(({ key }) => key)
    .sort(compareUtf8);
  return { mounts, ufsOf: (mount) => ufses.get(mount)!, keys };
}

/** What S3 lists, without pages: each text once, in order. */
function modelOf(
  keys: readonly string[],
  query: { prefix: string; delimiter?: string | undefined; after: string },
) {
  const texts: string[] = [];
  for (const key of keys) {
    if (!key.startsWith(query.prefix)) continue;
    const at = query.delimiter === undefined ? -1 : key.indexOf(query.delimiter, query.prefix.length);
    const text = at < 0 ? key : key.slice(0, at + query.delimiter!.length);
    if (compareUtf8(text, query.after) > 0 && texts.at(-1) !== text) texts.push(text);
  }
  return texts;
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

const segment = fc.constantFrom('a', 'b', 'a0', 'é', '\u{10000}', '\u{ffff}', '-');
const path = fc.array(segment, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));
const key = fc.oneof(
  path,
  path.map((text) => `${text}/`),
  fc.constantFrom('a//b', '/a', 'a/./b', 'a/../b', ' ', '+', '%2F', 'a\\b', '\u{10ffff}'),
);
const stored: fc.Arbitrary<Stored[]> = fc
  .tuple(
    fc.boolean(),
    fc.uniqueArray(path, { maxLength: 4 }),
    fc.array(fc.uniqueArray(key, { maxLength: 8 }), { minLength: 5, maxLength: 5 }),
    fc.constantFrom('', 'data/', 'x/y/'),
  )
  .map(([hasRoot, nested, keys, ufsPrefix]) =>
    [...(hasRoot ? [''] : []), ...nested.map((text) => `${text}/`)].map((keyPrefix, index) => ({
      keyPrefix,
      ufsPrefix,
      keys: keys[index % keys.length]!,
    })),
  );

describe('listing a bucket with nested mounts', () => {
  it('equals a listing of all visible keys, however it is cut into pages', async () => {
    await fc.assert(
      fc.asyncProperty(
        stored,
        fc.record({
          prefix: fc.oneof(fc.constant(''), key, path),
          delimiter: fc.constantFrom(undefined, '/', 'a', '/a', 'a/', '//', 'é'),
          after: fc.oneof(fc.constant(''), key, path),
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
