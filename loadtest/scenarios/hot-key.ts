/** A hot key: all virtual users read one cold object at once, and then on and on. */
import type { Options } from 'k6/options';
import { newSet, type ObjectSet, read, writeAll } from '../lib/objects.ts';
import { reportOf, type Summary, trendStats } from '../lib/report.ts';
import { loadFromEnv } from '../lib/target.ts';
import { hotKeyThresholds } from '../thresholds.ts';

const load = loadFromEnv({ virtualUsers: 20, seconds: 10, objects: 1, objectBytes: 1024 * 1024 });

export const options: Options = {
  scenarios: {
    hot_key: { executor: 'constant-vus', vus: load.virtualUsers, duration: `${load.seconds}s` },
  },
  thresholds: hotKeyThresholds,
  setupTimeout: '300s',
  summaryTrendStats: trendStats,
};

export function setup(): ObjectSet {
  const set = newSet({ scenario: 'hot-key', count: load.objects, sizeBytes: load.objectBytes });
  writeAll(set);
  return set;
}

export default function readHot(set: ObjectSet): void {
  read(set, { object: 0 });
}

export function handleSummary(summary: Summary): Record<string, string> {
  return reportOf('hot-key', summary);
}
