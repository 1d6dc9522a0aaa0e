/** PromQL as it stands in rules and dashboards. */
import { dashboards } from '../../scripts/dashboards/main.ts';

/** Of all panels, with what Grafana puts in for its variables: everything, and a minute. */
export function panelExpressions(): { readonly panel: string; readonly expr: string }[] {
  return dashboards.flatMap(({ title, rows }) =>
    rows.flatMap(({ panels }) =>
      panels.flatMap((panel) =>
        panel.queries.map(({ expr }) => ({
          panel: `${title}: ${panel.title}`,
          expr: expr.replaceAll('$__rate_interval', '1m').replaceAll(/"\$(cluster|instance|mount)"/g, '".*"'),
        })),
      ),
    ),
  );
}

/** Names of Forebay's metrics in an expression, those of histograms without the ending of their series. */
export function metricsIn(expr: string): string[] {
  const names = expr.replaceAll(/"[^"]*"/g, '').match(/\bforebay_\w+/g) ?? [];
  return [...new Set(names.map((name) => name.replace(/_(bucket|sum|count)$/, '')))];
}
