/**
 * Pages on their way to disk: a queue bounded in bytes, in which each page waits once. A page goes into the
 * usable directory with the largest share free, and within the quota of its scope.
 */
import { setTimeout as wait } from 'node:timers/promises';
import type { PageId } from '@forebay/core/page';
import { noRow } from '../rows/rows.ts';
import { storedBytesOf } from './directory-pages.ts';
import type { PageStoreOptions } from './open-directories.ts';
import type { PageDirectory } from './page-directory.ts';
import { PageIndex } from './page-index.ts';
import { descriptionBytesMax, encodeDescription } from './page-stamp.ts';
import type { PageTable } from './page-table.ts';
import type { PagedObject } from './paged-object.ts';
import type { ScopeNames } from './scope-names.ts';

const complainMs = 60_000;
/**
 * Storing a page takes longer than answering a request, and no client waits for it: whoever asks next comes
 * first, and what is read meanwhile is written along. Jobs and hand-off wait, for many pages at a time.
 */
const gatherMs = 5;

interface FilledPage {
  readonly page: PageId;
  readonly bytes: Uint8Array;
  readonly filledAtSeconds: number;
}

interface WriteParts {
  readonly table: PageTable;
  readonly scopes: ScopeNames;
  readonly directories: readonly PageDirectory[];
}

export class PageWrites {
  readonly #options: PageStoreOptions;
  readonly #parts: WriteParts;
  readonly #writes = new PageIndex<Promise<boolean>>();
  readonly #running = new Set<Promise<unknown>>();
  readonly #writingBytesOf = new Map<number, number>();
  #queueBytes = 0;
  #gathering: Promise<void> | undefined;
  #complainedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: PageStoreOptions, parts: WriteParts) {
    this.#options = options;
    this.#parts = parts;
  }

  /** Waits for all that are under way. Never throws. */
  async idle(): Promise<void> {
    await Promise.allSettled(this.#running);
  }

  /** Waits until a page that is on its way to disk is there, or will not be. Never throws. */
  async written(page: PageId): Promise<void> {
    await this.#writes.get(page);
  }

  /** False where the page is not stored; `bytes` are needed until then. Never throws. */
  write(page: PageId, bytes: Uint8Array, of: PagedObject): Promise<boolean> {
    const waiting = this.#writes.get(page);
    if (waiting) return waiting;
    const { metrics, diskWriteQueueBytesMax, clock } = this.#options;
    if (this.#queueBytes + bytes.byteLength > diskWriteQueueBytesMax) {
      metrics.pagesNotStored.inc({ reason: 'queue_full' });
      return Promise.resolve(false);
    }
    this.#queueBytes += bytes.byteLength;
    const filledAtSeconds = Math.floor(clock.wallMs() / 1000);
    const write = this.#later({ page, bytes, filledAtSeconds }, of).finally(() => {
      this.#queueBytes -= bytes.byteLength;
      this.#writes.delete(page);
      this.#running.delete(write);
    });
    this.#writes.add(page, write);
    this.#running.add(write);
    return write;
  }

  async #later(filled: FilledPage, of: PagedObject): Promise<boolean> {
    this.#gathering ??= wait(gatherMs).finally(() => {
      this.#gathering = undefined;
    });
    await this.#gathering;
    return this.#write(filled, of);
  }

  async #write(filled: FilledPage, of: PagedObject): Promise<boolean> {
    const { page, bytes, filledAtSeconds } = filled;
    const { metrics } = this.#options;
    const description = encodeDescription(of);
    const directory = this.#placeFor(bytes.byteLength);
    if (!directory || description.byteLength > descriptionBytesMax) {
      metrics.pagesNotStored.inc({ reason: 'disk' });
      return false;
    }
    const { policy } = of;
    const scope = this.#parts.scopes.numberOf(policy.scope);
    const storedBytes = storedBytesOf(bytes.byteLength, description.byteLength);
    const writing = this.#writingBytesOf.get(scope) ?? 0;
    this.#writingBytesOf.set(scope, writing + storedBytes);
    try {
      if (!(await this.#keepQuota(scope, policy.quotaBytes))) {
        metrics.pagesNotStored.inc({ reason: 'quota' });
        return false;
      }
      await this.#forgetUnreadable(page);
      const ttlSeconds = policy.cacheTtlMs === undefined ? undefined : Math.ceil(policy.cacheTtlMs / 1000);
      const { priority, pinned } = policy;
      const terms = { scope, priority, pinned, ttlSeconds, filledAtSeconds };
      const stored = await directory.put({ page, bytes, description, ...terms });
      if (!stored) this.#onNotStored(directory);
      return stored;
    } finally {
      this.#writingBytesOf.set(scope, (this.#writingBytesOf.get(scope) ?? 0) - storedBytes);
    }
  }

  /** The usable directory with the largest share free. */
  #placeFor(lengthBytes: number): PageDirectory | undefined {
    let best: PageDirectory | undefined;
    for (const directory of this.#parts.directories) {
      if (directory.couldHold(lengthBytes) && (!best || directory.fill < best.fill)) best = directory;
    }
    return best;
  }

  /** Makes room within the scope's quota for what is being written; false where it has nothing to give. */
  async #keepQuota(scope: number, quotaBytes: number | undefined): Promise<boolean> {
    if (quotaBytes === undefined) return true;
    const writing = () => this.#writingBytesOf.get(scope) ?? 0;
    while (this.#parts.table.usageOf(scope).bytes + writing() > quotaBytes) {
      const row = this.#parts.table.victimOf(scope);
      if (row === noRow) return false;
      const directory = this.#parts.directories[this.#parts.table.directoryOf(row)]!;
      if (!(await directory.remove(row))) return false;
      this.#options.metrics.evictions.inc({ reason: 'quota' });
    }
    return true;
  }

  /** A page in a directory that cannot be read is stored once more elsewhere, and expired ones anew. */
  async #forgetUnreadable(page: PageId): Promise<void> {
    const row = this.#parts.table.find(page.set, page.index);
    if (row === noRow) return;
    await this.#parts.directories[this.#parts.table.directoryOf(row)]!.remove(row);
  }

  #onNotStored(directory: PageDirectory): void {
    const { metrics, log, clock } = this.#options;
    metrics.pagesNotStored.inc({ reason: 'disk' });
    if (!directory.canWrite || clock.monotonicMs() - this.#complainedAtMs < complainMs) return;
    this.#complainedAtMs = clock.monotonicMs();
    log.warn(
      { directory: directory.path },
      'a page found no room: all that is stored is pinned, or cannot go',
    );
  }
}
