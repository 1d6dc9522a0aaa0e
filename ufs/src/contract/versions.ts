/** Listings of versions, of a store that keeps one of each object, or in a bucket that keeps one. */
import { expect, it } from 'vitest';
import { putObject, type Subject } from './support.ts';

export function describeVersions(subject: () => Subject): void {
  it('lists each object as its newest version, `null`', async () => {
    const { ufs, scope } = subject();
    const etag = await putObject(ufs, `${scope}a`, 'one');
    await putObject(ufs, `${scope}b/c`, 'two');
    const { entries, truncated } = await ufs.listVersions({ prefix: scope, maxKeys: 10 });
    const version = { versionId: 'null', isLatest: true, deleteMarker: false };
    expect(entries).toMatchObject([
      { key: `${scope}a`, etag, sizeBytes: 3, storageClass: 'STANDARD', ...version },
      { key: `${scope}b/c`, sizeBytes: 3, ...version },
    ]);
    expect(truncated).toBe(false);
    const grouped = await ufs.listVersions({ prefix: scope, delimiter: '/', maxKeys: 10 });
    expect(grouped.entries.map(({ key }) => key)).toEqual([`${scope}a`]);
    expect(grouped.commonPrefixes).toEqual([`${scope}b/`]);
  });

  it('goes on behind a key, and behind a version of it', async () => {
    const { ufs, scope } = subject();
    for (const name of ['a', 'b', 'c']) await putObject(ufs, scope + name, name);
    const first = await ufs.listVersions({ prefix: scope, maxKeys: 1 });
    expect(first).toMatchObject({ entries: [{ key: `${scope}a` }], truncated: true });
    for (const startAfterVersion of ['null', undefined]) {
      const rest = { prefix: scope, startAfter: `${scope}a`, startAfterVersion, maxKeys: 10 };
      const { entries } = await ufs.listVersions(rest);
      expect(entries.map(({ key }) => key)).toEqual([`${scope}b`, `${scope}c`]);
    }
  });
}
