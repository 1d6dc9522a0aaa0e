/** What is stored below a path, by the names that follow it: a walk through the catalogues, beside reads. */
import { setImmediate } from 'node:timers/promises';
import type { PageSetId } from '@forebay/core/page';
import type { StoredBelow, StoredGroup } from '@forebay/core/stored';
import { noRow } from '../rows/rows.ts';
import type { MemoryPages } from './memory.ts';
import type { PageDirectory } from './page-directory.ts';
import type { PageTable } from './page-table.ts';
import { eachDescribed } from './stored-objects.ts';

export interface BelowMatch {
  /** `bucket/prefix` as clients see it; the bucket is whole. */
  readonly path: string;
  readonly signal: AbortSignal;
}

/** Sets that are looked at below one path, and names that are told apart. */
const setsMax = 200_000;
const namesMax = 20_000;

interface Stored {
  readonly table: PageTable;
  readonly directories: readonly PageDirectory[];
  readonly memory: MemoryPages;
}

/** @throws the signal's reason */
export async function storedBelow(of: Stored, match: BelowMatch): Promise<StoredBelow> {
  const walk = new Walk(of, match.path);
  for (const { files } of of.directories) {
    await eachDescribed(files, async (described) => {
      for (const { set, of: object } of described) {
        if (!match.signal.aborted && walk.complete) walk.addSet(set, object.path);
      }
      await setImmediate();
    });
  }
  match.signal.throwIfAborted();
  walk.addMemory();
  return { groups: walk.groups, complete: walk.complete };
}

class Walk {
  readonly groups = new Map<string, StoredGroup>();
  complete = true;
  readonly #of: Stored;
  readonly #path: string;
  /** The catalogue may name a set again. */
  readonly #seen = new Set<PageSetId>();

  constructor(of: Stored, path: string) {
    this.#of = of;
    this.#path = path;
  }

  addSet(set: PageSetId, path: string): void {
    const { table } = this.#of;
    if (!path.startsWith(this.#path) || this.#seen.has(set)) return;
    const pages = table.pageCountOf(set);
    if (pages === 0) return;
    if (this.#seen.size === setsMax) {
      this.complete = false;
      return;
    }
    this.#seen.add(set);
    let bytes = 0;
    for (const row of table.pagesOf(set)) bytes += table.lengthOf(row);
    this.#add(path, { objects: 1, pages, bytes });
  }

  addMemory(): void {
    const { table, memory } = this.#of;
    for (const { page, path, bytes } of memory.held()) {
      if (!path?.startsWith(this.#path) || table.find(page.set, page.index) !== noRow) continue;
      const isNew = !this.#seen.has(page.set);
      this.#seen.add(page.set);
      this.#add(path, { objects: isNew ? 1 : 0, pages: 1, bytes: bytes.byteLength });
    }
  }

  #add(path: string, { objects, pages, bytes }: StoredGroup): void {
    const name = /^[^/]*\/?/.exec(path.slice(this.#path.length))![0];
    const before = this.groups.get(name);
    if (!before && this.groups.size === namesMax) {
      this.complete = false;
      return;
    }
    this.groups.set(name, {
      objects: objects + (before?.objects ?? 0),
      pages: pages + (before?.pages ?? 0),
      bytes: bytes + (before?.bytes ?? 0),
    });
  }
}
