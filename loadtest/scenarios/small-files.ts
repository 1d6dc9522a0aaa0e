/** Many small files: read at random, popular ones more often, and listed now and then. */
import type { Options } from 'k6/options';
import { list, newSet, type ObjectSet, read, writeAll } from '../lib/objects.ts';
import { pick, pickPopular } from '../lib/pick.ts';
import { reportOf, type Summary, trendStats } from '../lib/report.ts';
import { loadFromEnv } from '../lib/target.ts';
import { smallFilesThresholds } from '../thresholds.ts';

const load = loadFromEnv({ virtualUsers: 8, seconds: 10, objects: 500, objectBytes: 4 * 1024 });

const readsPerList = 50;

export const options: Options = {
  scenarios: {
    small_files: { executor: 'constant-vus', vus: load.virtualUsers, duration: `${load.seconds}s` },
  },
  thresholds: smallFilesThresholds,
  setupTimeout: '300s',
  summaryTrendStats: trendStats,
};

export function setup(): ObjectSet {
  const set = newSet({ scenario: 'small-files', count: load.objects, sizeBytes: load.objectBytes });
  writeAll(set);
  return set;
}

export default function readSmall(set: ObjectSet): void {
  if (pick(readsPerList) === 0) list(set);
  read(set, { object: pickPopular(set.count) });
}

export function handleSummary(summary: Summary): Record<string, string> {
  return reportOf('small-files', summary);
}
