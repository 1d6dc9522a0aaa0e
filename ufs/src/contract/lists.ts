/** Listings: order, delimiters, start-after, paging, and what an entry says. */
import { expect, it } from 'vitest';
import type { Ufs, UfsListRequest } from '../ufs.ts';
import { expectAbsent, itWhere, putObject, type Subject, type UfsCapabilities } from './support.ts';

interface Shown {
  readonly keys: string[];
  readonly prefixes: string[];
  readonly truncated: boolean;
}

/** A listing with the scope taken off again. */
async function shownBy(subject: Subject, request: Partial<UfsListRequest>): Promise<Shown> {
  const { ufs, scope } = subject;
  const { startAfter } = request;
  const listing = await ufs.list({
    maxKeys: 1000,
    ...request,
    prefix: scope + (request.prefix ?? ''),
    ...(startAfter !== undefined && { startAfter: scope + startAfter }),
  });
  return {
    keys: listing.entries.map(({ key }) => key.slice(scope.length)),
    prefixes: listing.commonPrefixes.map((prefix) => prefix.slice(scope.length)),
    truncated: listing.truncated,
  };
}

async function fill(ufs: Ufs, scope: string, names: readonly string[]): Promise<void> {
  for (const name of names) await putObject(ufs, scope + name, name);
}

export function describeLists(subject: () => Subject, capabilities: UfsCapabilities): void {
  describeOrder(subject);
  describeDelimiters(subject);
  describePaging(subject, capabilities);
}

function describeOrder(subject: () => Subject): void {
  it('lists in UTF-8 byte order, which is neither JavaScript nor directory order', async () => {
    const here = subject();
    const names = ['a!', 'a-b/c', 'a/b', 'a0', 'B', 'é', '\uFF21', '\u{1F600}'];
    await fill(here.ufs, here.scope, names);
    const sorted = [...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    expect((await shownBy(here, {})).keys).toEqual(sorted);
  });

  it('says of each entry what HEAD says', async () => {
    const { ufs, scope } = subject();
    const etag = await putObject(ufs, `${scope}object`, '0123456789');
    const { entries } = await ufs.list({ prefix: scope, maxKeys: 10 });
    expect(entries).toHaveLength(1);
    expect(entries[0]).toMatchObject({ sizeBytes: 10, etag, storageClass: 'STANDARD' });
    const { lastModifiedMs } = await ufs.head(`${scope}object`);
    expect(Math.floor(entries[0]!.lastModifiedMs / 1000) * 1000).toBe(lastModifiedMs);
  });

  it('answers an empty listing where nothing matches', async () => {
    const here = subject();
    expect(await shownBy(here, {})).toEqual({ keys: [], prefixes: [], truncated: false });
    await fill(here.ufs, here.scope, ['a/b']);
    expect(await shownBy(here, { prefix: 'a/b/c' })).toEqual({ keys: [], prefixes: [], truncated: false });
    expect((await shownBy(here, { prefix: 'b' })).keys).toEqual([]);
  });

  it('matches a prefix as text, also in the middle of a name', async () => {
    const here = subject();
    await fill(here.ufs, here.scope, ['logs/2026-01', 'logs/2026-02', 'logs/2027-01', 'logs-old', 'log']);
    expect((await shownBy(here, { prefix: 'logs/2026' })).keys).toEqual(['logs/2026-01', 'logs/2026-02']);
    expect((await shownBy(here, { prefix: 'logs' })).keys).toHaveLength(4);
    expect((await shownBy(here, { prefix: 'logs/' })).keys).toHaveLength(3);
  });
}

function describeDelimiters(subject: () => Subject): void {
  it('folds keys at the delimiter', async () => {
    const here = subject();
    await fill(here.ufs, here.scope, ['a.txt', 'dir/1', 'dir/2', 'dir/deep/3', 'dir-2/x', 'other/y', 'z']);
    expect(await shownBy(here, { delimiter: '/' })).toEqual({
      keys: ['a.txt', 'z'],
      prefixes: ['dir-2/', 'dir/', 'other/'],
      truncated: false,
    });
    expect(await shownBy(here, { delimiter: '/', prefix: 'dir/' })).toMatchObject({
      keys: ['dir/1', 'dir/2'],
      prefixes: ['dir/deep/'],
    });
    expect(await shownBy(here, { delimiter: '/', prefix: 'di' })).toMatchObject({
      keys: [],
      prefixes: ['dir-2/', 'dir/'],
    });
  });

  it('takes any text as delimiter, and an empty one as none', async () => {
    const here = subject();
    await fill(here.ufs, here.scope, ['2026-01-01/a', '2026-01-02/b', '2026-02-01/c', 'x']);
    expect(await shownBy(here, { delimiter: '-0' })).toMatchObject({ keys: ['x'], prefixes: ['2026-0'] });
    expect((await shownBy(here, { delimiter: '-01-' })).prefixes).toEqual(['2026-01-']);
    expect((await shownBy(here, { delimiter: '1/' })).prefixes).toEqual(['2026-01-01/', '2026-02-01/']);
    expect((await shownBy(here, { delimiter: '' })).keys).toHaveLength(4);
  });

  it('shows a write and a delete at once', async () => {
    const here = subject();
    await fill(here.ufs, here.scope, ['dir/only']);
    expect((await shownBy(here, { delimiter: '/' })).prefixes).toEqual(['dir/']);
    await here.ufs.delete(`${here.scope}dir/only`, { headers: [] });
    await expectAbsent(here.ufs, `${here.scope}dir/only`);
    expect((await shownBy(here, { delimiter: '/' })).prefixes).toEqual([]);
  });
}

function describePaging(subject: () => Subject, { startAfterEndsGroup }: UfsCapabilities): void {
  it('goes on after any text, whether or not it is a key', async () => {
    const here = subject();
    await fill(here.ufs, here.scope, ['a', 'b/1', 'b/2', 'c']);
    expect((await shownBy(here, { startAfter: 'a' })).keys).toEqual(['b/1', 'b/2', 'c']);
    expect((await shownBy(here, { startAfter: 'b/1' })).keys).toEqual(['b/2', 'c']);
    expect((await shownBy(here, { startAfter: 'b/15' })).keys).toEqual(['b/2', 'c']);
    expect((await shownBy(here, { startAfter: 'b0' })).keys).toEqual(['c']);
    expect((await shownBy(here, { startAfter: 'zz' })).keys).toEqual([]);
    expect((await shownBy(here, { prefix: 'b/', startAfter: 'a' })).keys).toEqual(['b/1', 'b/2']);
    expect((await shownBy(here, { prefix: 'b/', startAfter: 'c' })).keys).toEqual([]);
  });

  it('leaves out a group that start-after names', async () => {
    const here = subject();
    await fill(here.ufs, here.scope, ['a', 'b/1', 'b/2', 'c/1', 'd']);
    expect(await shownBy(here, { delimiter: '/', startAfter: 'b/' })).toMatchObject({
      keys: ['d'],
      prefixes: ['c/'],
    });
    expect((await shownBy(here, { delimiter: '/', startAfter: 'b' })).prefixes).toEqual(['b/', 'c/']);
  });

  itWhere(startAfterEndsGroup)('leaves out a group that start-after lies in', async () => {
    const here = subject();
    await fill(here.ufs, here.scope, ['b/1', 'b/2', 'c/1']);
    expect((await shownBy(here, { delimiter: '/', startAfter: 'b/1' })).prefixes).toEqual(['c/']);
  });

  it('pages through everything, keys and groups alike, in order and once', async () => {
    const here = subject();
    const names = ['a', 'b/1', 'b/2', 'b/3', 'c', 'd/e/1', 'd/e/2', 'd/f', 'g'];
    await fill(here.ufs, here.scope, names);
    for (const maxKeys of [1, 2, 3, 4]) {
      expect(await pages(here, { maxKeys })).toEqual(names);
      expect(await pages(here, { maxKeys, delimiter: '/' })).toEqual(['a', 'b/', 'c', 'd/', 'g']);
    }
  });

  it('says truncated only where more follows', async () => {
    const here = subject();
    await fill(here.ufs, here.scope, ['a', 'b/1', 'b/2']);
    expect((await shownBy(here, { maxKeys: 3 })).truncated).toBe(false);
    expect((await shownBy(here, { maxKeys: 2 })).truncated).toBe(true);
    expect((await shownBy(here, { maxKeys: 2, delimiter: '/' })).truncated).toBe(false);
    expect(await shownBy(here, { maxKeys: 0 })).toEqual({ keys: [], prefixes: [], truncated: false });
  });
}

async function pages(here: Subject, request: { maxKeys: number; delimiter?: string }): Promise<string[]> {
  const all: string[] = [];
  for (;;) {
    const startAfter = all.at(-1);
    const page = await shownBy(here, { ...request, startAfter });
    const items = [...page.keys, ...page.prefixes].sort();
    expect(items.length).toBeLessThanOrEqual(request.maxKeys);
    all.push(...items);
    if (!page.truncated) return all;
    expect(items.length).toBeGreaterThan(0);
  }
}
