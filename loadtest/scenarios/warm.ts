/** Warm reads: a set of objects is written and read once, then read at random. Each answer is a hit. */
import type { Options } from 'k6/options';
import { newSet, type ObjectSet, read, readAll, writeAll } from '../lib/objects.ts';
import { pick } from '../lib/pick.ts';
import { reportOf, type Summary, trendStats } from '../lib/report.ts';
import { loadFromEnv } from '../lib/target.ts';
import { warmThresholds } from '../thresholds.ts';

const load = loadFromEnv({ virtualUsers: 4, seconds: 10, objects: 64, objectBytes: 64 * 1024 });

export const options: Options = {
  scenarios: { warm: { executor: 'constant-vus', vus: load.virtualUsers, duration: `${load.seconds}s` } },
  thresholds: warmThresholds,
  setupTimeout: '300s',
  summaryTrendStats: trendStats,
};

export function setup(): ObjectSet {
  const set = newSet({ scenario: 'warm', count: load.objects, sizeBytes: load.objectBytes });
  writeAll(set);
  readAll(set);
  return set;
}

export default function readWarm(set: ObjectSet): void {
  read(set, { object: pick(set.count) });
}

export function handleSummary(summary: Summary): Record<string, string> {
  return reportOf('warm', summary);
}
