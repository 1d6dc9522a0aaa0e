/**
 * Writes deploy/grafana/dashboards. test/monitoring.test.ts fails where one of them is not what this would
 * write. Run: node scripts/dashboards/main.ts
 */
import { writeFileSync } from 'node:fs';
import { dashboardJson } from './dashboard.ts';
import { jobs } from './jobs.ts';
import { mounts } from './mounts.ts';
import { nodes } from './nodes.ts';
import { overview } from './overview.ts';

export const dashboards = [overview, nodes, mounts, jobs];

export const dashboardsDirectory = new URL('../../deploy/grafana/dashboards/', import.meta.url);

/** File name to text. */
export function dashboardFiles(): Readonly<Record<string, string>> {
  return Object.fromEntries(dashboards.map((one) => [`${one.uid}.json`, dashboardJson(one)]));
}

if (import.meta.main) {
  for (const [name, text] of Object.entries(dashboardFiles())) {
    writeFileSync(new URL(name, dashboardsDirectory), text);
  }
}
