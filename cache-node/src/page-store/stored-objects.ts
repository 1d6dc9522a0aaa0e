/** Stored pages, by the paths of their objects: all of them, and by policies that they are given. */
import { setImmediate } from 'node:timers/promises';
import type { CachePolicy } from '@forebay/core/cache-policy';
import type { PageSetId } from '@forebay/core/page';
import type { DescribedSet } from './catalogue.ts';
import type { DirectoryFiles } from './directory-files.ts';
import { describedByPages } from './directory-scan.ts';
import type { PageDirectory } from './page-directory.ts';
import type { PageTable } from './page-table.ts';
import type { ScopeNames } from './scope-names.ts';
import type { SetPolicy } from './set-policy.ts';

/** The policy of a stored object now; undefined where its mount is gone. */
export type PolicyOf = (object: {
  readonly path: string;
  readonly mountPath: string;
}) => CachePolicy | undefined;

export async function applyPolicies(
  of: { table: PageTable; directories: readonly PageDirectory[]; scopes: ScopeNames },
  policyOf: PolicyOf,
): Promise<void> {
  const { table, directories, scopes } = of;
  for (const { files } of directories) {
    await eachDescribed(files, async (described) => {
      for (const { set, of: object } of described) {
        const before = table.policyOf(set);
        const policy = before && policyOf(object);
        if (!policy) continue;
        const after = setPolicyOf(policy, scopes);
        if (isSame(before, after)) continue;
        for (let next = 0; next >= 0; ) {
          next = table.setPolicy(set, after, next);
          if (next > 0) await setImmediate();
        }
        const [row] = table.pagesOf(set);
        if (row !== undefined) files.journal.policyChanged(files.rowOf(row));
      }
      await setImmediate();
    });
  }
}

/** One version of an object, and which of its pages are stored. */
export interface StoredObject {
  readonly set: PageSetId;
  readonly of: DescribedSet['of'];
  /** Ascending. */
  readonly indexes: readonly number[];
  /** Of these, those that were asked for again since they came. */
  readonly hot: readonly number[];
}

/** Each once; goes on when `take` has resolved. @throws what `take` throws */
export async function eachStored(
  { table, directories }: { table: PageTable; directories: readonly PageDirectory[] },
  take: (stored: StoredObject) => Promise<void>,
): Promise<void> {
  const seen = new Set<PageSetId>();
  // What `take` throws is no fault of the disk, as it would seem to be in there.
  let failure: { readonly error: unknown } | undefined;
  for (const { files } of directories) {
    await eachDescribed(files, async (described) => {
      for (const { set, of } of described) {
        if (failure || table.pageCountOf(set) === 0 || seen.has(set)) continue;
        seen.add(set);
        const rows = [...table.pagesOf(set)];
        const indexes = rows.map((row) => table.indexOf(row));
        const hot = rows.filter((row) => table.isHot(row)).map((row) => table.indexOf(row));
        await take({ set, of, indexes, hot }).catch((error: unknown) => {
          failure = { error };
        });
      }
      await setImmediate();
    });
    if (failure) throw failure.error;
  }
}

/** By the catalogue, and where that is damaged by the pages too. */
export async function eachDescribed(
  files: DirectoryFiles,
  take: (described: readonly DescribedSet[]) => Promise<void>,
): Promise<void> {
  if (await files.catalogue.each(take)) return;
  for await (const described of describedByPages(files)) await take(described);
}

function setPolicyOf(policy: CachePolicy, scopes: ScopeNames): SetPolicy {
  const { scope, priority, pinned, cacheTtlMs } = policy;
  const ttlSeconds = cacheTtlMs === undefined ? undefined : Math.ceil(cacheTtlMs / 1000);
  return { scope: scopes.numberOf(scope), priority, pinned, ttlSeconds };
}

function isSame(a: SetPolicy, b: SetPolicy): boolean {
  return (
    a.scope === b.scope && a.priority === b.priority && a.pinned === b.pinned && a.ttlSeconds === b.ttlSeconds
  );
}
