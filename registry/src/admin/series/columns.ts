/**
 * What is kept of all metrics at each sample: a row of numbers. Counters are kept as they are, so that any
 * two rows tell what happened between them.
 */
import type { MetricsReading } from '@forebay/core/metrics';

/** In seconds; of the histogram of request durations. The last one has all requests. */
export const latencyBounds = [
  0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300,
] as const;

const names = [
  'atMs',
  'requests',
  'failed',
  'reads',
  'hits',
  'memory',
  'disk',
  'peer',
  'ufs',
  'ufsRequests',
  'ufsReads',
  'ufsFailed',
  'ufsBytes',
  'evictions',
  'inFlight',
  'diskBytes',
  'memoryBytes',
  'sources',
] as const;
export type Column = (typeof names)[number];

const at = Object.fromEntries(names.map((name, index) => [name, index])) as Readonly<Record<Column, number>>;
const latencyAt = names.length;
/** Answers that needed no bytes of the UFS. */
const hitResults = new Set(['HIT', 'REVALIDATED', 'STALE']);
const readOperations = new Set(['get', 'head', 'retry', 'hedge']);

export function cell(row: Float64Array, column: Column): number {
  return row[at[column]]!;
}

/** Requests that took at most `latencyBounds[bound]`; past the last bound: all. */
export function latencyCell(row: Float64Array, bound: number): number {
  return row[latencyAt + bound]!;
}

type Samples = Awaited<ReturnType<MetricsReading['samples']>>;
type Labels = Samples[number]['labels'];

function sum(samples: Samples, counts: (labels: Labels) => boolean = () => true): number {
  return samples.reduce((total, { labels, value }) => (counts(labels) ? total + value : total), 0);
}

/** @param sources another number where the metrics are of other processes than those of the row before */
export async function readRow(metrics: MetricsReading, atMs: number, sources: number): Promise<Float64Array> {
  const [requests, served, ufsRequests, ufsBytes, evictions, inFlight, cacheBytes, durations] =
    await Promise.all(
      [
        'forebay_requests_total',
        'forebay_bytes_served_total',
        'forebay_ufs_requests_total',
        'forebay_ufs_bytes_total',
        'forebay_evictions_total',
        'forebay_requests_in_flight',
        'forebay_cache_bytes',
        'forebay_request_duration_seconds',
      ].map((name) => metrics.samples(name)),
    );
  const values: Record<Column, number> = {
    atMs,
    sources,
    requests: sum(requests!),
    failed: sum(requests!, ({ status = '' }) => status.startsWith('5')),
    reads: sum(requests!, ({ cache = 'none' }) => cache !== 'none' && cache !== ''),
    hits: sum(requests!, ({ cache = '' }) => hitResults.has(cache)),
    memory: sum(served!, ({ source }) => source === 'memory'),
    disk: sum(served!, ({ source }) => source === 'disk'),
    peer: sum(served!, ({ source }) => source === 'peer'),
    ufs: sum(served!, ({ source }) => source === 'ufs'),
    ufsRequests: sum(ufsRequests!),
    ufsReads: sum(ufsRequests!, ({ op = '' }) => readOperations.has(op)),
    ufsFailed: sum(ufsRequests!, isUfsFailure),
    ufsBytes: sum(ufsBytes!),
    evictions: sum(evictions!),
    inFlight: sum(inFlight!),
    diskBytes: sum(cacheBytes!, ({ tier }) => tier === 'disk'),
    memoryBytes: sum(cacheBytes!, ({ tier }) => tier === 'memory'),
  };
  const row = new Float64Array(latencyAt + latencyBounds.length + 1);
  for (const name of names) row[at[name]] = values[name];
  latencyBounds.forEach((bound, index) => {
    row[latencyAt + index] = sum(durations!, ({ le }) => Number(le) === bound);
  });
  row[latencyAt + latencyBounds.length] = sum(durations!, ({ le }) => le === '+Inf');
  return row;
}

/** An answer such as 404 or 412 is the UFS doing its work; no answer, or a 5xx, is not. */
export function isUfsFailure({ status = '' }: Labels): boolean {
  return /^5|unavailable|error/.test(status);
}
