/**
 * Cold reads: every object is read once, by whichever virtual user comes to it. Ends when all are read.
 */
import exec from 'k6/execution';
import type { Options } from 'k6/options';
import { newSet, type ObjectSet, read, writeAll } from '../lib/objects.ts';
import { reportOf, type Summary, trendStats } from '../lib/report.ts';
import { loadFromEnv } from '../lib/target.ts';
import { coldThresholds } from '../thresholds.ts';

const load = loadFromEnv({ virtualUsers: 4, seconds: 600, objects: 200, objectBytes: 256 * 1024 });

export const options: Options = {
  scenarios: {
    cold: {
      executor: 'shared-iterations',
      vus: load.virtualUsers,
      iterations: load.objects,
      maxDuration: `${load.seconds}s`,
    },
  },
  thresholds: coldThresholds,
  setupTimeout: '300s',
  summaryTrendStats: trendStats,
};

export function setup(): ObjectSet {
  const set = newSet({ scenario: 'cold', count: load.objects, sizeBytes: load.objectBytes });
  writeAll(set);
  return set;
}

export default function readCold(set: ObjectSet): void {
  read(set, { object: exec.scenario.iterationInTest });
}

export function handleSummary(summary: Summary): Record<string, string> {
  return reportOf('cold', summary);
}
