/** What is left of a run: JSON with every figure, and a page to read. */

interface Metric {
  readonly type: string;
  readonly contains: string;
  readonly values: Readonly<Record<string, number>>;
  readonly thresholds?: Readonly<Record<string, { readonly ok: boolean }>>;
}

/** The part of k6's summary that is used here. */
export interface Summary {
  readonly metrics: Readonly<Record<string, Metric>>;
  readonly state: { readonly testRunDurationMs: number };
}

export const trendStats = ['min', 'med', 'p(95)', 'p(99)', 'p(99.9)', 'max'];

/** For `handleSummary`: files below LOADTEST_REPORT (a path without its end), where that is set. */
export function reportOf(scenario: string, summary: Summary): Record<string, string> {
  const rows = thresholdRows(summary);
  const failed = rows.filter(({ ok }) => !ok);
  const passed = failed.length === 0 && isMeasured(summary);
  const lines = rows.map(
    ({ ok, metric, threshold, value }) => `${ok ? 'ok  ' : 'FAIL'} ${metric} ${threshold} (${value})`,
  );
  const verdict = verdictOf(summary, failed.length);
  const path = __ENV.LOADTEST_REPORT;
  const files = path
    ? {
        [`${path}.json`]: `${JSON.stringify({ scenario, passed, ...summary }, null, 2)}\n`,
        [`${path}.html`]: page(scenario, summary, rows),
      }
    : {};
  return { ...files, stdout: `${[...lines, `${scenario}: ${verdict}`].join('\n')}\n` };
}

/** k6 holds thresholds of what was never measured for kept: a set-up that fails would pass. */
function isMeasured({ metrics }: Summary): boolean {
  const { passes = 0, fails = 0 } = metrics.checks?.values ?? {};
  return passes + fails > 0;
}

function verdictOf(summary: Summary, failed: number): string {
  if (!isMeasured(summary)) return 'nothing was measured';
  return failed === 0 ? 'every threshold held' : `${failed} thresholds did not hold`;
}

interface ThresholdRow {
  readonly metric: string;
  readonly threshold: string;
  readonly ok: boolean;
  readonly value: string;
}

function thresholdRows({ metrics }: Summary): ThresholdRow[] {
  return Object.entries(metrics).flatMap(([metric, { values, thresholds = {}, contains }]) =>
    Object.entries(thresholds).map(([threshold, { ok }]) => {
      const stat = /^[a-z]+(\([\d.]+\))?/.exec(threshold)?.[0] ?? '';
      return { metric, threshold, ok, value: format(values[stat], contains) };
    }),
  );
}

function format(value: number | undefined, contains: string): string {
  if (value === undefined) return 'nothing measured';
  if (contains === 'time') return `${value.toFixed(value < 10 ? 2 : 0)} ms`;
  if (contains === 'data') return `${(value / 1e6).toFixed(1)} MB`;
  return Number.isInteger(value) ? String(value) : value.toFixed(value < 1 ? 4 : 1);
}

const style = `
body { font: 15px/1.5 system-ui, sans-serif; color: #222;
  max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0 2rem; }
th, td { padding: .3rem .8rem; border-bottom: 1px solid #ddd; text-align: right; }
th:first-child, td:first-child { text-align: left; font-family: ui-monospace, monospace; }
.held { color: #0a6b2d; } .failed { color: #b00020; font-weight: 600; }
@media (prefers-color-scheme: dark) {
  body { background: #181818; color: #ddd; } th, td { border-color: #444; }
  .held { color: #6fcf8f; } .failed { color: #ff7b8a; } }
`;

function page(scenario: string, summary: Summary, rows: readonly ThresholdRow[]): string {
  const metrics = Object.entries(summary.metrics);
  const trends = metrics.filter(([, { type }]) => type === 'trend');
  const others = metrics.filter(([, { type }]) => type !== 'trend');
  const failed = rows.filter(({ ok }) => !ok).length;
  const passed = failed === 0 && isMeasured(summary);
  const seconds = (summary.state.testRunDurationMs / 1000).toFixed(0);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Load test: ${escaped(scenario)}</title>
<meta name="viewport" content="width=device-width"><style>${style}</style></head><body>
<h1>Load test: ${escaped(scenario)}</h1>
<p class="${passed ? 'held' : 'failed'}">${verdictOf(summary, failed)}.</p>
<p>${escaped(new Date().toISOString())}; ${seconds} s with set-up.</p>
<h2>Thresholds</h2>
${table(
  ['metric', 'wanted', 'measured', ''],
  rows.map(({ metric, threshold, value, ok }) => [metric, threshold, value, ok ? 'held' : 'failed']),
)}
<h2>Times</h2>
${table(
  ['metric', ...trendStats],
  trends.map(([name, { values, contains }]) => [
    name,
    ...trendStats.map((stat) => format(values[stat], contains)),
  ]),
)}
<h2>Counts and rates</h2>
${table(
  ['metric', 'value', 'a second'],
  others.map(([name, metric]) => [name, total(metric), perSecond(metric)]),
)}
</body></html>
`;
}

function total({ type, values, contains }: Metric): string {
  if (type === 'rate') return `${((values.rate ?? 0) * 100).toFixed(2)} %`;
  return format(values.count ?? values.value, contains);
}

function perSecond({ type, values, contains }: Metric): string {
  return type === 'counter' ? format(values.rate, contains) : '';
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = (row: readonly string[], tag: string) =>
    row
      .map(
        (cell) =>
          `<${tag}${cell === 'failed' || cell === 'held' ? ` class="${cell}"` : ''}>${escaped(cell)}</${tag}>`,
      )
      .join('');
  const body = rows.map((row) => `<tr>${cells(row, 'td')}</tr>`).join('\n');
  return `<table><tr>${cells(head, 'th')}</tr>\n${body}</table>`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
