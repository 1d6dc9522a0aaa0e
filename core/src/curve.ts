/** How large a cache should be: what caches of other sizes would have answered. */

export interface CurvePoint {
  readonly cacheBytes: number;
  /** Of page reads, 0 to 1. */
  readonly hitRatio: number;
  /** Of their bytes. */
  readonly byteHitRatio: number;
}

export interface CurveView {
  /** Page reads that it is made of; older ones weigh less. */
  readonly reads: number;
  /** The size of the cache now. */
  readonly cacheBytes: number;
  /** By size, the smallest first; empty before the first read. As an LRU cache would answer. */
  readonly points: readonly CurvePoint[];
}
