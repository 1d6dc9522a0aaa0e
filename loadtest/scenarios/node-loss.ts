/**
 * Reads while the server is killed and started again (by who runs this, see README.md). Requests may fail
 * meanwhile; no answer may be wrong, and what was cached is found again.
 */
import { sleep } from 'k6';
import type { Options } from 'k6/options';
import { newSet, type ObjectSet, read, readAll, writeAll } from '../lib/objects.ts';
import { pick } from '../lib/pick.ts';
import { reportOf, type Summary, trendStats } from '../lib/report.ts';
import { loadFromEnv } from '../lib/target.ts';
import { nodeLossThresholds } from '../thresholds.ts';

/** k6 has it, and its types lack it. */
declare const console: { log(text: string): void };

const load = loadFromEnv({ virtualUsers: 4, seconds: 20, objects: 64, objectBytes: 64 * 1024 });

/** A client that is refused waits, and is no load of its own. */
const pauseSeconds = 0.02;

export const options: Options = {
  scenarios: {
    node_loss: { executor: 'constant-vus', vus: load.virtualUsers, duration: `${load.seconds}s` },
  },
  thresholds: nodeLossThresholds,
  setupTimeout: '300s',
  summaryTrendStats: trendStats,
};

export function setup(): ObjectSet {
  const set = newSet({ scenario: 'node-loss', count: load.objects, sizeBytes: load.objectBytes });
  writeAll(set);
  readAll(set);
  // Who kills waits for this.
  console.log('set up');
  return set;
}

export default function readOn(set: ObjectSet): void {
  read(set, { object: pick(set.count), mayFail: true });
  sleep(pauseSeconds);
}

export function handleSummary(summary: Summary): Record<string, string> {
  return reportOf('node-loss', summary);
}
