/** What a dashboard of Grafana is made of: rows of panels, each of one or more PromQL expressions. */

export interface Query {
  readonly expr: string;
  /** How a series is called: `{{mount}}` stands for a label. */
  readonly legend: string;
}

export interface Panel {
  readonly title: string;
  /** What it says, and what to do. */
  readonly description: string;
  /** Grafana's: short, percentunit, bytes, Bps, reqps, s, ... */
  readonly unit: string;
  readonly kind?: 'timeseries' | 'stat';
  readonly stacked?: boolean;
  readonly max?: number;
  readonly queries: readonly Query[];
}

export interface Row {
  readonly title: string;
  /** Of the 24 columns of the grid, to each panel. */
  readonly width: number;
  readonly height: number;
  readonly panels: readonly Panel[];
}

/** A choice at the head of a dashboard: all values of a label, or some of them. */
export interface Variable {
  readonly name: string;
  readonly label: string;
  /** The metric whose label it is. */
  readonly of: string;
}

export interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly variables: readonly Variable[];
  readonly rows: readonly Row[];
}

const datasource = { type: 'prometheus', uid: '$datasource' };
const gridColumns = 24;

/** @returns the JSON that Grafana imports */
export function dashboardJson(dashboard: Dashboard): string {
  const { uid, title, description, variables, rows } = dashboard;
  const json = {
    uid,
    title,
    description,
    tags: ['forebay'],
    schemaVersion: 39,
    version: 1,
    editable: true,
    timezone: 'browser',
    time: { from: 'now-3h', to: 'now' },
    refresh: '30s',
    links: [{ type: 'dashboards', tags: ['forebay'], title: 'Forebay', asDropdown: true, keepTime: true }],
    templating: { list: [datasourceVariable, ...variables.map(variableJson)] },
    panels: panelsOf(rows),
  };
  return `${JSON.stringify(json, undefined, 2)}\n`;
}

const datasourceVariable = {
  name: 'datasource',
  label: 'Data source',
  type: 'datasource',
  query: 'prometheus',
};

/** `.*` for all: that holds as well where a label is not set. */
function variableJson({ name, label, of }: Variable) {
  const query = `label_values(${of}, ${name})`;
  return {
    ...{ name, label, type: 'query', datasource, refresh: 2, sort: 1, definition: query },
    query: { query, refId: name },
    ...{ includeAll: true, multi: true, allValue: '.*' },
    current: { text: 'All', value: '$__all' },
  };
}

function panelsOf(rows: readonly Row[]) {
  let y = 0;
  let id = 0;
  const nextId = () => {
    id += 1;
    return id;
  };
  return rows.flatMap(({ title, width, height, panels }) => {
    const header = {
      ...{ id: nextId(), type: 'row', title, collapsed: false, panels: [] },
      gridPos: { x: 0, y, w: gridColumns, h: 1 },
    };
    const perLine = Math.floor(gridColumns / width);
    const top = y + 1;
    const placed = panels.map((panel, index) => {
      const place = { x: (index % perLine) * width, y: top + Math.floor(index / perLine) * height };
      return panelJson(panel, nextId(), { ...place, w: width, h: height });
    });
    y = top + Math.ceil(panels.length / perLine) * height;
    return [header, ...placed];
  });
}

function panelJson(panel: Panel, id: number, gridPos: Readonly<Record<string, number>>) {
  const { title, description, unit, kind = 'timeseries', stacked = false, max, queries } = panel;
  const custom = { fillOpacity: stacked ? 30 : 8, stacking: { mode: stacked ? 'normal' : 'none' } };
  const shown =
    kind === 'stat'
      ? { reduceOptions: { calcs: ['lastNotNull'] }, colorMode: 'value', graphMode: 'area' }
      : { legend: { displayMode: 'list', placement: 'bottom' }, tooltip: { mode: 'multi', sort: 'desc' } };
  return {
    ...{ id, type: kind, title, description, datasource, gridPos },
    fieldConfig: {
      defaults: { unit, min: 0, ...(max !== undefined && { max }), ...(kind === 'timeseries' && { custom }) },
      overrides: [],
    },
    options: shown,
    targets: queries.map(({ expr, legend }, index) => ({
      ...{ refId: String.fromCharCode(65 + index), datasource, expr, legendFormat: legend },
    })),
  };
}

/** Every dashboard has it: the clusters of one Prometheus, told apart by the label `cluster`. */
export const clusterVariable: Variable = { name: 'cluster', label: 'Cluster', of: 'forebay_build_info' };

/** A metric of the clusters that are chosen; `more` are further conditions, as in `op="get"`. */
export function of(metric: string, ...more: readonly string[]): string {
  return `${metric}{${['cluster=~"$cluster"', ...more].join(', ')}}`;
}

/** Growth a second. */
export function rate(metric: string, ...more: readonly string[]): string {
  return `rate(${of(metric, ...more)}[$__rate_interval])`;
}

/** A share of the observations of a histogram took at most so long. */
export function quantile(share: number, by: string, ...selected: readonly [string, ...string[]]): string {
  const [histogram, ...more] = selected;
  return `histogram_quantile(${share}, sum by (le, ${by}) (${rate(`${histogram}_bucket`, ...more)}))`;
}

/** One query, one legend. */
export function query(expr: string, legend = ''): Query {
  return { expr, legend };
}
