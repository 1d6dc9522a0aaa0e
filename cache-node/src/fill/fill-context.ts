/** What all fills of a node share. */
import type { CachePolicy } from '@forebay/core/cache-policy';
import type { Clock } from '@forebay/core/clock';
import type { Placement } from '@forebay/core/homes';
import type { ObjectRef } from '@forebay/core/mount';
import type { ObjectInfo } from '@forebay/core/object';
import type { PageId } from '@forebay/core/page';
import type { Ufs } from '@forebay/ufs/ufs';
import type { BufferPool } from '../buffers/buffer-pool.ts';
import type { ReadSample } from '../curve/read-sample.ts';
import type { CacheNodeMetrics } from '../metrics.ts';
import type { PageIndex } from '../page-store/page-index.ts';
import type { PageStore } from '../page-store/page-store.ts';
import type { Amplifications } from './amplification.ts';
import type { AskedPages } from './asked-pages.ts';
import type { ByteBudget } from './byte-budget.ts';
import type { LingeringPages } from './lingering-pages.ts';
import type { PageFlight } from './page-flight.ts';
import type { UfsLoads } from './ufs-load.ts';

export interface FillContext {
  readonly store: PageStore;
  /** Every page that is being filled, or filled and not yet findable in the store. */
  readonly flights: PageIndex<PageFlight>;
  /** Complete pages that the store does not keep and somebody still comes for. */
  readonly lingering: LingeringPages;
  /** Bytes of pages being filled, waiting for the disk or lingering. */
  readonly budget: ByteBudget;
  readonly pool: BufferPool;
  /** Told of every page that a client reads. */
  readonly reads: ReadSample;
  readonly loads: UfsLoads;
  readonly amplifications: Amplifications;
  /** Pages of which only parts were fetched. */
  readonly asked: AskedPages;
  /** How many pages a fill may run ahead of its furthest reader. */
  readonly aheadPages: number;
  /** Bytes of one of the requests that bring a large object together. */
  readonly chunkBytes: number;
  /** Requests at a time for one reader. */
  readonly fillsPerReaderMax: number;
  /** How long a fill keeps its UFS request open for readers that want no more yet. */
  readonly pauseMaxMs: number;
  readonly policyOf: (object: ObjectRef) => CachePolicy;
  /** Undefined: all segments are this node's. */
  readonly placement: Placement | undefined;
  readonly metrics: CacheNodeMetrics;
  readonly clock: Clock;
  /** The UFS has another version than this one, or none. */
  readonly onChanged: (object: ObjectRef, info: ObjectInfo) => void;
  fillsRunning: number;
}

/** Pages that can be served whole without the UFS: stored, or complete and on their way into the store. */
export function cachedPages({ store, flights }: Pick<FillContext, 'store' | 'flights'>) {
  return { has: (page: PageId) => store.has(page) || flights.get(page)?.end?.kind === 'done' };
}

/** Whether large objects of this store come in chunks, several at a time. */
export function comesInChunks(context: FillContext, ufs: Ufs): boolean {
  return context.fillsPerReaderMax > 1 && context.loads.of(ufs).isFar;
}

/** Pages of one chunk: at least two of them fit into what may be fetched ahead. */
export function chunkPagesOf(context: FillContext, pageSizeBytes: number): number {
  const pages = Math.min(context.chunkBytes / pageSizeBytes, context.aheadPages / 2);
  return Math.max(1, Math.floor(pages));
}

/** Of a chunk, what may still be to come when the next request is sent, so that the link has no pause. */
export function lastPagesOf(context: FillContext, pageSizeBytes: number): number {
  return chunkPagesOf(context, pageSizeBytes) / 4;
}

/** Bytes of one UFS request of a fill, so that one reader's run does not bind others for gigabytes. */
const fillBytesMax = 64 * 1024 * 1024;

/** What one request brings while others wait for a connection: less would cost too many requests. */
const turnBytes = 1024 * 1024;

export function turnPagesOf(pageSizeBytes: number): number {
  return Math.max(1, Math.floor(turnBytes / pageSizeBytes));
}

/** First page that a request which begins with this page does not bring, wherever its range ends. */
export function requestEndOf(
  context: FillContext,
  { ufs, pageSizeBytes }: { readonly ufs: Ufs; readonly pageSizeBytes: number },
  first: number,
): number {
  if (ufs.queue.waiting > 0) return first + turnPagesOf(pageSizeBytes);
  if (!comesInChunks(context, ufs)) return first + Math.max(1, Math.floor(fillBytesMax / pageSizeBytes));
  const chunkPages = chunkPagesOf(context, pageSizeBytes);
  return Math.floor(first / chunkPages + 1) * chunkPages;
}
