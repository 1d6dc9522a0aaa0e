/** What gateways tell of the requests that they answered, beside counters: what is hot, and what was slow. */
import type { TopName } from './top-names.ts';

export interface SlowRequest {
  readonly id: string;
  /** Of a request that was traced: the id of the trace. */
  readonly trace: string | undefined;
  /** When it was over; ms since the epoch. */
  readonly atMs: number;
  readonly operation: string;
  readonly bucket: string | undefined;
  readonly key: string | undefined;
  readonly range: string | undefined;
  readonly status: number;
  readonly code: string | undefined;
  /** `x-cache` */
  readonly cache: string | undefined;
  readonly bytes: number;
  readonly durationMs: number;
  /** Until the answer began. */
  readonly waitMs: number;
  readonly end: 'whole' | 'cut' | 'client-gone';
  /** Who answered it, in a cluster. */
  readonly gateway?: string;
}

export interface TrafficReport {
  /** `s3://bucket/key`; counts are of about the last half hour, the latest minutes weighing most. */
  readonly objects: readonly TopName[];
  /** `s3://bucket/prefix/`: of each object the prefix right above it. */
  readonly prefixes: readonly TopName[];
  /** The slowest of the last hour. */
  readonly slow: readonly SlowRequest[];
}

/** Of several gateways as one. */
export function mergedTraffic(reports: readonly TrafficReport[], namesMax: number): TrafficReport {
  return {
    objects: mergedNames(
      reports.flatMap(({ objects }) => objects),
      namesMax,
    ),
    prefixes: mergedNames(
      reports.flatMap(({ prefixes }) => prefixes),
      namesMax,
    ),
    slow: reports
      .flatMap(({ slow }) => slow)
      .sort((a, b) => b.durationMs - a.durationMs)
      .slice(0, namesMax),
  };
}

function mergedNames(all: readonly TopName[], namesMax: number): TopName[] {
  const merged = new Map<string, TopName>();
  for (const { name, count, bytes } of all) {
    const before = merged.get(name);
    merged.set(name, { name, count: count + (before?.count ?? 0), bytes: bytes + (before?.bytes ?? 0) });
  }
  return [...merged.values()].sort((a, b) => b.count - a.count).slice(0, namesMax);
}
