/**
 * What is done to stored pages by the paths of their objects: freeing them, and giving them other policies.
 */
import { setImmediate } from 'node:timers/promises';
import type { CachePolicy } from '@forebay/core/cache-policy';
import type { PageSetId } from '@forebay/core/page';
import type { DescribedSet } from './catalogue.ts';
import type { DirectoryFiles } from './directory-files.ts';
import { describedByPages } from './directory-scan.ts';
import type { MemoryPages } from './memory.ts';
import type { PageDirectory } from './page-directory.ts';
import type { PageTable, SetPolicy } from './page-table.ts';
import type { ScopeNames } from './scope-names.ts';

/** Of `bucket/key` as clients see it: exactly this one, or all that begin with the prefix. */
export interface FreeMatch {
  readonly path?: string;
  readonly prefix?: string;
}

export type Progress = (sofar: { readonly pages: number; readonly bytes: number }) => void;

/** The policy of a stored object now; undefined where its mount is gone. */
export type PolicyOf = (object: {
  readonly path: string;
  readonly mountPath: string;
}) => CachePolicy | undefined;

const pagesPerTurn = 1000;

export async function freePages(
  of: { table: PageTable; directories: readonly PageDirectory[]; memory: MemoryPages },
  match: FreeMatch,
  progress?: Progress,
): Promise<{ pages: number; bytes: number }> {
  const { table, directories, memory } = of;
  const matches = (path: string) =>
    match.path === undefined
      ? match.prefix !== undefined && path.startsWith(match.prefix)
      : path === match.path;
  let pages = 0;
  let bytes = 0;
  const freeSet = async (set: PageSetId) => {
    for (const index of [...memory.indexesOf(set)]) memory.remove({ set, index });
    for (const row of table.pagesOf(set)) {
      const lengthBytes = table.lengthOf(row);
      const directory = directories[table.directoryOf(row)]!;
      if (!(await directory.remove(row))) continue;
      pages += 1;
      bytes += lengthBytes;
      if (pages % pagesPerTurn === 0) await setImmediate();
    }
  };
  for (const { files } of directories) {
    await eachDescribed(files, async (described) => {
      for (const { set, of: object } of described) if (matches(object.path)) await freeSet(set);
      progress?.({ pages, bytes });
      await setImmediate();
    });
  }
  for (const page of memory.pagesWhere(matches)) {
    bytes += memory.get(page)?.byteLength ?? 0;
    pages += 1;
    memory.remove(page);
  }
  for (const { files } of directories) await files.journal.flush();
  return { pages, bytes };
}

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

/** By the catalogue, and where that is damaged by the pages too. */
async function eachDescribed(
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
