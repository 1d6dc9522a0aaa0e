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
  /**
   * Which pages of an object count, by its path `bucket/key`; undefined: none. An object counts where its
   * first page does, or may. Left out: all.
   */
  readonly owns?: (path: string) => ((index: number) => boolean) | undefined;
  readonly signal: AbortSignal;
}

const all = () => () => true;

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
  const walk = new Walk(of, match);
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
  readonly #owns: NonNullable<BelowMatch['owns']>;
  /** The catalogue may name a set again. */
  readonly #seen = new Set<PageSetId>();

  constructor(of: Stored, { path, owns = all }: BelowMatch) {
    this.#of = of;
    this.#path = path;
    this.#owns = owns;
  }

  addSet(set: PageSetId, path: string): void {
    const { table } = this.#of;
    if (!path.startsWith(this.#path) || this.#seen.has(set)) return;
    if (table.pageCountOf(set) === 0) return;
    if (this.#seen.size === setsMax) {
      this.complete = false;
      return;
    }
    this.#seen.add(set);
    const owns = this.#owns(path);
    let [ownPages, bytes] = [0, 0];
    for (const row of table.pagesOf(set)) {
      if (!owns?.(table.indexOf(row))) continue;
      ownPages += 1;
      bytes += table.lengthOf(row);
    }
    if (ownPages > 0) this.#add(path, { objects: owns?.(0) ? 1 : 0, pages: ownPages, bytes });
  }

  addMemory(): void {
    const { table, memory } = this.#of;
    for (const { page, path, bytes } of memory.held()) {
      if (!path?.startsWith(this.#path) || table.find(page.set, page.index) !== noRow) continue;
      const owns = this.#owns(path);
      if (!owns?.(page.index)) continue;
      const isNew = !this.#seen.has(page.set) && owns(0);
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
