/**
 * Analytics: the end of a large object (a footer) and then a few ranges of it (columns), popular objects
 * more often.
 */
import type { Options } from 'k6/options';
import { newSet, type ObjectSet, read, writeAll } from '../lib/objects.ts';
import { pick, pickPopular } from '../lib/pick.ts';
import { reportOf, type Summary, trendStats } from '../lib/report.ts';
import { loadFromEnv } from '../lib/target.ts';
import { rangesThresholds } from '../thresholds.ts';

const load = loadFromEnv({ virtualUsers: 4, seconds: 10, objects: 8, objectBytes: 4 * 1024 * 1024 });

const footerBytes = 32 * 1024;
const columnBytes = 128 * 1024;
const columnsPerRead = 3;

export const options: Options = {
  scenarios: {
    ranges: { executor: 'constant-vus', vus: load.virtualUsers, duration: `${load.seconds}s` },
  },
  thresholds: rangesThresholds,
  setupTimeout: '300s',
  summaryTrendStats: trendStats,
};

export function setup(): ObjectSet {
  const set = newSet({ scenario: 'ranges', count: load.objects, sizeBytes: load.objectBytes });
  writeAll(set);
  return set;
}

export default function scanColumns(set: ObjectSet): void {
  const object = pickPopular(set.count);
  read(set, { object, range: { start: set.sizeBytes - footerBytes, endExclusive: set.sizeBytes } });
  for (let column = 0; column < columnsPerRead; column += 1) {
    const start = pick(set.sizeBytes / columnBytes) * columnBytes;
    read(set, { object, range: { start, endExclusive: start + columnBytes } });
  }
}

export function handleSummary(summary: Summary): Record<string, string> {
  return reportOf('ranges', summary);
}
