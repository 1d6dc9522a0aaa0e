/** Where pages of one object are kept, for people. */
import type { PageSetId } from '@forebay/core/page';
import type { PageStore } from './page-store.ts';

export interface KeptPage {
  readonly index: number;
  /** `packed`: with others in one file; `file`: one of its own. */
  readonly tier: 'memory' | 'packed' | 'file';
  /** Page directory; undefined in memory. */
  readonly directory: string | undefined;
}

/** Touches nothing. One in memory and on disk is told twice. */
export function* keptPages(store: PageStore, set: PageSetId): Generator<KeptPage, void> {
  for (const index of store.memory.indexesOf(set)) yield { index, tier: 'memory', directory: undefined };
  yield* store.onDisk(set);
}
