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

/** Touches nothing. */
export function* keptPages(store: PageStore, set: PageSetId): Generator<KeptPage, void> {
  for (const index of store.indexesOf(set)) {
    const tier = store.memory.has({ set, index }) ? 'memory' : 'file';
    yield { index, tier, directory: undefined };
  }
}
