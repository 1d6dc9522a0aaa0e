/** Requests counted and timed: each combination of labels is looked up once, and then added to. */
import { BoundCounter, BoundHistogram } from '@forebay/core/metrics';
import { type GatewayMetrics, secondsBuckets } from './metrics.ts';

export interface CountedRequest {
  readonly operation: string;
  readonly status: number;
  /** `x-cache` */
  readonly cache: string;
  readonly seconds: number;
}

interface OfOperation {
  readonly duration: BoundHistogram<'op'>;
  /** By status, then by `x-cache`: all of them from tables. */
  readonly requests: Map<number, Map<string, BoundCounter<'op' | 'status' | 'cache'>>>;
}

export class RequestCounts {
  readonly #metrics: Pick<GatewayMetrics, 'requests' | 'duration'>;
  readonly #operations = new Map<string, OfOperation>();

  constructor(metrics: Pick<GatewayMetrics, 'requests' | 'duration'>) {
    this.#metrics = metrics;
  }

  count({ operation, status, cache, seconds }: CountedRequest): void {
    const of = this.#operations.get(operation) ?? this.#add(operation);
    of.duration.observe(seconds);
    let byCache = of.requests.get(status);
    if (!byCache) {
      byCache = new Map();
      of.requests.set(status, byCache);
    }
    let counter = byCache.get(cache);
    if (!counter) {
      counter = new BoundCounter(this.#metrics.requests, { op: operation, status: String(status), cache });
      byCache.set(cache, counter);
    }
    counter.add();
  }

  #add(operation: string): OfOperation {
    const { duration } = this.#metrics;
    const bound = { labels: { op: operation }, buckets: secondsBuckets };
    const of = { duration: new BoundHistogram(duration, bound), requests: new Map() };
    this.#operations.set(operation, of);
    return of;
  }
}
