/** Versions of a bucket with nested mounts, page by page, compared with all of them sorted at once. */
import type { Mount } from '@forebay/core/mount';
import { compareUtf8 } from '@forebay/core/utf8-order';
import type { UfsVersionsRequest } from '@forebay/ufs/ufs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { testMount } from '../testing/test-mount.ts';
import { groupOf } from './key-intervals.ts';
import { type Lister, listNamespace } from './list-objects.ts';

interface Version {
  readonly key: string;
  readonly versionId: string;
}

/** Keys with their version ids, newest first. */
type Stored = readonly (readonly [key: string, versionIds: readonly string[]])[];

interface Query {
  readonly prefix: string;
  readonly delimiter: string | undefined;
  readonly after: string;
  readonly afterVersion: string | undefined;
}

/** Versions and groups behind the query's markers, in order. */
function modelOf(versions: readonly Version[], query: Query): (Version | string)[] {
  const lines: (Version | string)[] = [];
  const marker = versions.findIndex(
    ({ key, versionId }) => key === query.after && versionId === query.afterVersion,
  );
  for (const [index, version] of versions.entries()) {
    if (!version.key.startsWith(query.prefix)) continue;
    const group = groupOf(version.key, query.prefix, query.delimiter);
    const order = compareUtf8(group ?? version.key, query.after);
    const isLater = order === 0 && group === undefined && marker >= 0 && index > marker;
    if (order <= 0 && !isLater) continue;
    if (group === undefined) lines.push(version);
    else if (lines.at(-1) !== group) lines.push(group);
  }
  return lines;
}

function sorted(stored: Stored): Version[] {
  return [...stored]
    .sort(([a], [b]) => compareUtf8(a, b))
    .flatMap(([key, versionIds]) => versionIds.map((versionId) => ({ key, versionId })));
}

/** A store of versions that lists them by the contract of `Ufs.listVersions`. */
function storeOf(versions: readonly Version[]): Lister<Version> & { readonly pages: () => number } {
  let pages = 0;
  const list = async (request: UfsVersionsRequest) => {
    pages += 1;
    const { prefix, delimiter, startAfter = '', startAfterVersion, maxKeys } = request;
    const query = { prefix, delimiter, after: startAfter, afterVersion: startAfterVersion };
    const lines = modelOf(versions, query);
    const page = lines.slice(0, maxKeys);
    return {
      entries: page.filter((line) => typeof line !== 'string'),
      commonPrefixes: page.filter((line) => typeof line === 'string'),
      truncated: lines.length > page.length,
    };
  };
  return { list, pages: () => pages };
}

interface World {
  readonly mounts: readonly Mount[];
  readonly ufsOf: (mount: Mount) => ReturnType<typeof storeOf>;
  readonly versions: readonly Version[];
}

function worldOf(parts: readonly { keyPrefix: string; ufsPrefix: string; stored: Stored }[]): World {
  const stores = new Map<Mount, ReturnType<typeof storeOf>>();
  for (const { keyPrefix, ufsPrefix, stored } of parts) {
    const own: Stored = stored.map(([key, ids]) => [ufsPrefix + key, ids]);
    // A neighbour outside the mount's prefix must never show up.
    const outside: Stored = ufsPrefix === '' ? [] : [['!outside', ['1']]];
    stores.set(testMount({ bucket: 'b', keyPrefix, ufsPrefix }), storeOf(sorted([...own, ...outside])));
  }
  const prefixes = parts.map(({ keyPrefix }) => keyPrefix);
  const ownerOf = (key: string) =>
    prefixes.filter((prefix) => key.startsWith(prefix)).sort((a, b) => b.length - a.length)[0];
  const visible = parts.flatMap(({ keyPrefix, stored }) =>
    stored
      .map(([key, ids]) => [keyPrefix + key, ids] as const)
      .filter(([key]) => key !== '' && ownerOf(key) === keyPrefix),
  );
  return { mounts: [...stores.keys()], ufsOf: (mount) => stores.get(mount)!, versions: sorted(visible) };
}

async function allPages(world: World, query: Query, maxKeys: number): Promise<(Version | string)[]> {
  const lines: (Version | string)[] = [];
  let { after, afterVersion } = query;
  for (let page = 0; page < 500; page += 1) {
    const listing = await listNamespace({ ...world, ...query, after, afterVersion, maxKeys });
    const textOf = (line: Version | string) => (typeof line === 'string' ? line : line.key);
    const own = [
      ...listing.objects.map(({ key, versionId }) => ({ key, versionId })),
      ...listing.commonPrefixes,
    ];
    own.sort((a, b) => compareUtf8(textOf(a), textOf(b)));
    lines.push(...own);
    if (!listing.truncated) return lines;
    expect(own).toHaveLength(maxKeys);
    after = listing.last!;
    afterVersion = listing.lastVersion;
  }
  throw new Error('the listing does not end');
}

const path = fc
  .array(fc.constantFrom('a', 'b', 'a0', 'é', '\u{10000}', '-'), { minLength: 1, maxLength: 3 })
  .map((parts) => parts.join('/'));
const anyKey = fc.oneof(
  path,
  path.map((text) => `${text}/`),
  fc.constantFrom('a//b', '/a', ' ', '+'),
);
const versionIds = fc.integer({ min: 1, max: 4 }).map((count) => ['4', '3', '2', '1'].slice(0, count));
const anyStored = fc.uniqueArray(fc.tuple(anyKey, versionIds), { maxLength: 6, selector: ([key]) => key });
const anyParts = fc
  .tuple(
    fc.boolean(),
    fc.uniqueArray(path, { maxLength: 3 }),
    fc.array(anyStored, { minLength: 4, maxLength: 4 }),
    fc.constantFrom('', 'data/', 'x/y/'),
  )
  .map(([hasRoot, nested, stored, ufsPrefix]) =>
    [...(hasRoot ? [''] : []), ...nested.map((text) => `${text}/`)].map((keyPrefix, index) => ({
      keyPrefix,
      ufsPrefix,
      stored: stored[index]!,
    })),
  );

describe('listing the versions of a bucket with nested mounts', () => {
  it('equals all visible versions in order, however they are cut into pages', {
    timeout: 60_000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(
        anyParts,
        fc.record({
          prefix: fc.oneof(fc.constant(''), anyKey, path),
          delimiter: fc.constantFrom(undefined, '/', 'a', '/a', 'a/', '//'),
        }),
        fc.record({ isNamed: fc.boolean(), position: fc.nat(), text: fc.oneof(fc.constant(''), anyKey) }),
        fc.constantFrom(1, 2, 3, 7, 1000),
        async (parts, { prefix, delimiter }, marker, maxKeys) => {
          const world = worldOf(parts);
          const named = marker.isNamed
            ? world.versions[marker.position % Math.max(1, world.versions.length)]
            : undefined;
          const after = named?.key ?? marker.text;
          const query = { prefix, delimiter, after, afterVersion: named?.versionId };
          expect(await allPages(world, query, maxKeys)).toEqual(modelOf(world.versions, query));
        },
      ),
      { numRuns: 400 },
    );
  });

  it('asks the UFS once for a page, also in the middle of a key', async () => {
    const world = worldOf([
      {
        keyPrefix: '',
        ufsPrefix: '',
        stored: [
          ['k', ['3', '2', '1']],
          ['l', ['9']],
        ],
      },
    ]);
    const query = { ...world, prefix: '', after: 'k', afterVersion: '3', maxKeys: 2 };
    const listing = await listNamespace(query);
    expect(listing.objects.map(({ versionId }) => versionId)).toEqual(['2', '1']);
    expect(listing).toMatchObject({ truncated: true, last: 'k', lastVersion: '1' });
    expect(world.ufsOf(world.mounts[0]!).pages()).toBe(1);
  });
});
