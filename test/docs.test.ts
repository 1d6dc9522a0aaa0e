import { readdirSync, readFileSync } from 'node:fs';
import { parseConfigFile } from '@forebay/core/config-file';
import { parseMounts } from '@forebay/core/mount-uri';
import { serveSettings } from 'forebay/settings';
import { describe, expect, it } from 'vitest';
import { dashboardFiles, dashboardsDirectory } from '../scripts/dashboards/main.ts';
import { generatedDocs } from '../scripts/docs.ts';
import { allDeclared } from '../scripts/docs-metrics.ts';
import { allRules } from '../scripts/rules.ts';
import { metricsIn, panelExpressions } from './support/promql.ts';

describe('docs', () => {
  it.each(Object.entries(generatedDocs()))(
    'docs/%s is what the code says (node scripts/docs.ts)',
    (name, text) => {
      expect(readFileSync(new URL(`../docs/${name}`, import.meta.url), 'utf8')).toBe(text);
    },
  );

  it('has dashboards as their script writes them (node scripts/dashboards/main.ts)', () => {
    const files = dashboardFiles();
    expect(readdirSync(dashboardsDirectory).sort()).toEqual(Object.keys(files).sort());
    for (const [name, text] of Object.entries(files)) {
      expect(readFileSync(new URL(name, dashboardsDirectory), 'utf8'), name).toBe(text);
    }
  });

  it('has every metric in a dashboard (scripts/dashboards) or a rule (deploy/prometheus)', () => {
    const used = new Set([...allRules(), ...panelExpressions()].flatMap(({ expr }) => metricsIn(expr)));
    const names = allDeclared().map(({ name }) => name);
    expect(names.filter((name) => !used.has(name))).toEqual([]);
  });

  it('shows a config file that works', () => {
    const yaml = /```yaml\n(.*?)```/s.exec(generatedDocs()['configuration.md']!)![1]!;
    const { mounts } = parseConfigFile({ name: 'example', text: yaml, settings: serveSettings });
    const paths = parseMounts(mounts, { pageSizeBytes: 1, createdAtMs: 0 }).map((mount) => mount.path);
    expect(paths).toEqual(['/lake', '/models']);
  });
});
