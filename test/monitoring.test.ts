/** What is deployed to watch Forebay: it parses, is complete, and names only what there is. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { dashboards } from '../scripts/dashboards/main.ts';
import { allDeclared } from '../scripts/docs-metrics.ts';
import { allRules, prometheusDirectory, rulesFile } from '../scripts/rules.ts';
import { promtool } from './support/prometheus.ts';
import { metricsIn, panelExpressions } from './support/promql.ts';
import { tempDir } from './support/temp.ts';
import { needs } from './support/tools.ts';

const withPrometheus = await needs('prometheus');
const declared = new Set(allDeclared().map(({ name }) => name));
const alerts = allRules().filter(({ alert }) => alert !== undefined);
const pathOf = (name: string) => fileURLToPath(new URL(name, prometheusDirectory));

describe('metrics', () => {
  it('tell what they are, in whole sentences', () => {
    const wrong = allDeclared().filter(({ help }) => !/^[A-Z0-9].{15,}[.)]$/s.test(help));
    expect(wrong.map(({ name, help }) => `${name}: ${help}`)).toEqual([]);
  });

  it('are declared alike wherever they are', () => {
    const names = allDeclared().map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });
});

describe('rules', () => {
  it('name only metrics that there are', () => {
    expect(
      allRules()
        .flatMap(({ expr }) => metricsIn(expr))
        .filter((name) => !declared.has(name)),
    ).toEqual([]);
  });

  it.each(alerts.map((rule) => [rule.alert!, rule] as const))(
    '%s says what is so, what that means and what to do',
    (name, { labels, annotations = {} }) => {
      expect(name).toMatch(/^Forebay[A-Z]/);
      expect(['critical', 'warning']).toContain(labels?.severity);
      expect(Object.keys(annotations)).toEqual(['summary', 'description', 'action']);
      for (const text of [annotations.description, annotations.action])
        expect(text).toMatch(/^[A-Z`].*[.]$/s);
    },
  );

  it('are each tried by a test of their own', () => {
    const text = readFileSync(pathOf('forebay.rules.test.yml'), 'utf8');
    const { tests } = parse(text) as { tests: { name: string }[] };
    expect([...new Set(tests.map(({ name }) => name))]).toEqual(alerts.map(({ alert }) => alert));
  });

  it('are what promtool takes, and do what their tests say', withPrometheus, async () => {
    await promtool(['check', 'rules', fileURLToPath(rulesFile)]);
    await promtool(['test', 'rules', pathOf('forebay.rules.test.yml')]);
  });

  it('stand in configurations that promtool takes', withPrometheus, async () => {
    for (const name of ['prometheus.yml', 'serve.yml'])
      await promtool(['check', 'config', '--syntax-only', pathOf(name)]);
  });
});

it('reads every process of compose.yaml that is Forebay, and no other', () => {
  const { services } = parse(readFileSync(new URL('../compose.yaml', import.meta.url), 'utf8'), {
    merge: true,
  }) as { services: Record<string, { image: string }> };
  const ours = Object.entries(services).flatMap(([name, { image }]) => (image === 'forebay' ? [name] : []));
  const { scrape_configs: jobs } = parse(readFileSync(pathOf('prometheus.yml'), 'utf8')) as {
    scrape_configs: { static_configs: { targets: string[] }[] }[];
  };
  const targets = jobs.flatMap((job) => job.static_configs.flatMap((place) => place.targets));
  expect(targets.map((target) => target.split(':')[0]).sort()).toEqual(ours.sort());
});

describe('dashboards', () => {
  it('name only metrics that there are', () => {
    const unknown = panelExpressions().flatMap(({ panel, expr }) =>
      metricsIn(expr)
        .filter((name) => !declared.has(name))
        .map((name) => `${panel}: ${name}`),
    );
    expect(unknown).toEqual([]);
  });

  it('offer variables that their expressions use, and use no others', () => {
    for (const { title, variables, rows } of dashboards) {
      const expressions = rows
        .flatMap(({ panels }) => panels.flatMap(({ queries }) => queries))
        .map(({ expr }) => expr);
      const used = new Set(expressions.join().match(/\$(?!__)\w+/g));
      expect([...used].sort(), title).toEqual(variables.map(({ name }) => `$${name}`).sort());
    }
  });

  it('ask what Prometheus can parse', withPrometheus, async () => {
    const rules = panelExpressions().map(({ panel, expr }, index) => ({
      record: `panel:n${index}`,
      expr,
      labels: { panel },
    }));
    const file = join(tempDir('panels'), 'panels.yml');
    writeFileSync(file, stringify({ groups: [{ name: 'panels', rules }] }));
    expect(await promtool(['check', 'rules', file])).toContain(`${rules.length} rules found`);
  });
});
