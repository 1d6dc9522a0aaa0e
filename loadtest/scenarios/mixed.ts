/** Reads and writes of the same objects: nine reads to a write. */
import type { Options } from 'k6/options';
import { newSet, type ObjectSet, read, write, writeAll } from '../lib/objects.ts';
import { pick, pickPopular } from '../lib/pick.ts';
import { reportOf, type Summary, trendStats } from '../lib/report.ts';
import { loadFromEnv } from '../lib/target.ts';
import { mixedThresholds } from '../thresholds.ts';

const load = loadFromEnv({ virtualUsers: 8, seconds: 10, objects: 64, objectBytes: 64 * 1024 });

const requestsPerWrite = 10;

export const options: Options = {
  scenarios: {
    mixed: { executor: 'constant-vus', vus: load.virtualUsers, duration: `${load.seconds}s` },
  },
  thresholds: mixedThresholds,
  setupTimeout: '300s',
  summaryTrendStats: trendStats,
};

export function setup(): ObjectSet {
  const set = newSet({ scenario: 'mixed', count: load.objects, sizeBytes: load.objectBytes });
  writeAll(set);
  return set;
}

export default function readOrWrite(set: ObjectSet): void {
  if (pick(requestsPerWrite) === 0) write(set, pick(set.count));
  else read(set, { object: pickPopular(set.count) });
}

export function handleSummary(summary: Summary): Record<string, string> {
  return reportOf('mixed', summary);
}
