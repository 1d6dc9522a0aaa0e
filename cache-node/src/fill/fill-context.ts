/** What all fills of a node share. */
import type { CachePolicy } from '@forebay/core/cache-policy';
import type { ObjectRef } from '@forebay/core/mount';
import type { ObjectInfo } from '@forebay/core/object';
import type { CacheNodeMetrics } from '../metrics.ts';
import type { PageIndex } from '../page-store/page-index.ts';
import type { PageStore } from '../page-store/page-store.ts';
import type { ByteBudget } from './byte-budget.ts';
import type { PageFlight } from './page-flight.ts';

export interface FillContext {
  readonly store: PageStore;
  /** Every page that is being filled, or filled and not yet findable in the store. */
  readonly flights: PageIndex<PageFlight>;
  /** Bytes of pages being filled or waiting for the disk. */
  readonly budget: ByteBudget;
  /** How many pages a fill may run ahead of its furthest reader. */
  readonly aheadPages: number;
  /** How long a fill keeps its UFS request open for readers that want no more yet. */
  readonly pauseMaxMs: number;
  readonly policyOf: (object: ObjectRef) => CachePolicy;
  readonly metrics: CacheNodeMetrics;
  /** The UFS has another version than this one, or none. */
  readonly onChanged: (object: ObjectRef, info: ObjectInfo) => void;
  fillsRunning: number;
}
