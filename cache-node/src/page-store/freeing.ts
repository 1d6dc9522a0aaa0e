/** Dropping stored pages by the paths of their objects, in both tiers. */
import { setImmediate } from 'node:timers/promises';
import type { Freed, FreeRequest } from '@forebay/core/freeing';
import type { PageSetId } from '@forebay/core/page';
import { noRow } from '../rows/rows.ts';
import type { MemoryPages } from './memory.ts';
import type { PageDirectory } from './page-directory.ts';
import type { PageTable } from './page-table.ts';
import { eachDescribed } from './stored-objects.ts';

/** Of `bucket/key` as clients see it: exactly `path`, and all that begin with `prefix`. */
export interface FreeMatch extends Omit<FreeRequest, 'keys' | 'pinned'> {
  readonly path: string | undefined;
  readonly prefix: string;
  /** Pages of these stay, and are counted as pinned. */
  readonly spares: (path: string) => boolean;
  /** Called for each object before its pages go. */
  readonly onObject: (path: string) => void;
}

const pagesPerTurn = 1000;

interface Stored {
  readonly table: PageTable;
  readonly directories: readonly PageDirectory[];
  readonly memory: MemoryPages;
}

/** @throws the signal's reason */
export async function freePages(of: Stored, match: FreeMatch): Promise<Freed> {
  const freeing = new Freeing(of, match);
  for (const { files } of of.directories) {
    await eachDescribed(files, async (described) => {
      for (const { set, of: object } of described) {
        if (!match.signal.aborted && isMatched(match, object.path)) await freeing.freeSet(set, object.path);
      }
      match.onProgress(freeing.freed());
      await setImmediate();
    });
  }
  freeing.freeMemory();
  for (const { files } of of.directories) await files.journal.flush();
  match.signal.throwIfAborted();
  return freeing.freed();
}

function isMatched({ path, prefix }: FreeMatch, of: string): boolean {
  return of === path || of.startsWith(prefix);
}

class Freeing {
  readonly #of: Stored;
  readonly #match: FreeMatch;
  /** The catalogue may name a set again: what stays must not count twice. */
  readonly #stayed = new Set<PageSetId>();
  #freed = { pages: 0, bytes: 0 };
  #pinned = { pages: 0, bytes: 0 };

  constructor(of: Stored, match: FreeMatch) {
    this.#of = of;
    this.#match = match;
  }

  freed(): Freed {
    const { pages: pinnedPages, bytes: pinnedBytes } = this.#pinned;
    return { ...this.#freed, pinnedPages, pinnedBytes };
  }

  async freeSet(set: PageSetId, path: string): Promise<void> {
    const { table, directories, memory } = this.#of;
    if (table.pageCountOf(set) === 0 || this.#stayed.has(set)) return;
    const isSpared = this.#match.spares(path);
    const stays = isSpared || this.#match.dryRun;
    if (stays) this.#stayed.add(set);
    else this.#match.onObject(path);
    let seen = 0;
    for (const row of table.pagesOf(set)) {
      const [index, lengthBytes] = [table.indexOf(row), table.lengthOf(row)];
      const isGone = stays || (await directories[table.directoryOf(row)]!.remove(row));
      if (!stays) memory.remove({ set, index });
      if (isGone) this.#count(isSpared, lengthBytes);
      seen += 1;
      if (seen % pagesPerTurn === 0) await setImmediate();
    }
  }

  /** Pages that are in memory alone. Whose they are is unknown of those that once came from disk: they go. */
  freeMemory(): void {
    const { table, memory } = this.#of;
    for (const { page, path, bytes } of memory.held()) {
      if (this.#match.signal.aborted || table.find(page.set, page.index) !== noRow) continue;
      const isSpared = path !== undefined && this.#match.spares(path);
      if (path !== undefined && !isMatched(this.#match, path)) continue;
      if (path !== undefined) this.#count(isSpared, bytes.byteLength);
      if (isSpared || this.#match.dryRun) continue;
      if (path !== undefined) this.#match.onObject(path);
      memory.remove(page);
    }
  }

  #count(isSpared: boolean, lengthBytes: number): void {
    const counts = isSpared ? this.#pinned : this.#freed;
    counts.pages += 1;
    counts.bytes += lengthBytes;
  }
}
