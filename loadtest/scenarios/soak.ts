/**
 * Soak: reads of whole objects and of ranges, and writes, for long. Give Forebay less cache than the
 * objects take (run.sh does), so that fills and evictions go on all the time.
 */
import type { Options } from 'k6/options';
import { newSet, type ObjectSet, read, write, writeAll } from '../lib/objects.ts';
import { pick, pickPopular } from '../lib/pick.ts';
import { reportOf, type Summary, trendStats } from '../lib/report.ts';
import { loadFromEnv } from '../lib/target.ts';
import { soakThresholds } from '../thresholds.ts';

const load = loadFromEnv({ virtualUsers: 6, seconds: 600, objects: 300, objectBytes: 512 * 1024 });

const kinds = 20;
const rangeBytes = 64 * 1024;

export const options: Options = {
  scenarios: {
    soak: { executor: 'constant-vus', vus: load.virtualUsers, duration: `${load.seconds}s` },
  },
  thresholds: soakThresholds,
  setupTimeout: '300s',
  summaryTrendStats: trendStats,
};

export function setup(): ObjectSet {
  const set = newSet({ scenario: 'soak', count: load.objects, sizeBytes: load.objectBytes });
  writeAll(set);
  return set;
}

export default function soak(set: ObjectSet): void {
  const kind = pick(kinds);
  const object = pickPopular(set.count);
  if (kind === 0) {
    write(set, object);
  } else if (kind < 8) {
    const start = pick(set.sizeBytes / rangeBytes) * rangeBytes;
    read(set, { object, range: { start, endExclusive: start + rangeBytes } });
  } else {
    // Not the popular ones: it is they that are evicted and filled again.
    read(set, { object: kind % 2 === 0 ? object : pick(set.count) });
  }
}

export function handleSummary(summary: Summary): Record<string, string> {
  return reportOf('soak', summary);
}
