/**
 * A metric is declared once, with unit, exact meaning and advice. Each process part owns a `Metrics`, so
 * that many nodes live in one test process without knowing of each other.
 */
import { AggregatorRegistry, Counter, Gauge, Histogram, type MetricObject, Registry } from 'prom-client';

/** One label set of a counter, found once: to count is an addition, where the labels' way is a search. */
export class BoundCounter<L extends string = string> {
  readonly #counter: Counter<L>;
  readonly #labels: Partial<Record<L, string | number>>;
  #entry: { value: number } | undefined;

  constructor(counter: Counter<L>, labels: Partial<Record<L, string | number>>) {
    this.#counter = counter;
    this.#labels = labels;
  }

  add(count = 1): void {
    if (this.#entry) this.#entry.value += count;
    else {
      this.#counter.inc(this.#labels, count);
      this.#entry = entryOf<{ value: number }>(this.#counter, this.#labels);
    }
  }
}

interface HistogramEntry {
  readonly bucketValues: Record<number, number>;
  sum: number;
  count: number;
}

/** The same of a histogram. */
export class BoundHistogram<L extends string = string> {
  readonly #histogram: Histogram<L>;
  readonly #labels: Partial<Record<L, string | number>>;
  readonly #bounds: readonly number[];
  #entry: HistogramEntry | undefined;

  constructor(
    histogram: Histogram<L>,
    bound: {
      readonly labels: Partial<Record<L, string | number>>;
      /** The histogram's own, in order. */
      readonly buckets: readonly number[];
    },
  ) {
    this.#histogram = histogram;
    this.#labels = bound.labels;
    this.#bounds = bound.buckets;
  }

  observe(value: number): void {
    const entry = this.#entry;
    if (!entry) {
      this.#histogram.observe(this.#labels, value);
      this.#entry = entryOf<HistogramEntry>(this.#histogram, this.#labels);
      return;
    }
    entry.sum += value;
    entry.count += 1;
    for (const bound of this.#bounds) {
      if (value > bound) continue;
      entry.bucketValues[bound]! += 1;
      return;
    }
  }
}

/**
 * Where prom-client keeps the values of a label set, a thing it does not promise (metrics.test.ts would
 * tell). Undefined: values go the long way.
 */
function entryOf<Entry>(metric: object, labels: Readonly<Record<string, unknown>>): Entry | undefined {
  const { hashMap = {} } = metric as { hashMap?: Record<string, Entry & { labels: typeof labels }> };
  const names = Object.keys(labels);
  return Object.values(hashMap).find(
    (entry) =>
      Object.keys(entry.labels).length === names.length &&
      names.every((name) => entry.labels[name] === labels[name]),
  );
}

interface Declared<L extends string> {
  readonly name: `forebay_${string}`;
  /** What it counts, and what to do when it moves. */
  readonly help: string;
  readonly labels?: readonly L[];
}

/** For the documentation. */
export interface DeclaredMetric {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly labels: readonly string[];
  readonly help: string;
}

/** How the values of several processes make one. Gauges; all else is a sum. */
export type MetricMerge = 'sum' | 'max';

/** All values of one moment, plain enough to be sent to another process. */
export type MetricValues = readonly MetricObject[];

/** Values to be read, of one process or of several together. */
export interface MetricsReading {
  /** Prometheus text format. */
  text(): Promise<string>;
  /** The current values of a counter or gauge, one per label set; empty where no such metric is declared. */
  samples(name: string): Promise<{ labels: Readonly<Record<string, string>>; value: number }[]>;
  values(): Promise<MetricValues>;
}

export class Metrics implements MetricsReading {
  readonly #registry = new Registry();
  readonly #declared: DeclaredMetric[] = [];

  /** `collect` is called at each scrape, for what another one counts: it sets the count anew. */
  counter<L extends string = never>(
    metric: Declared<L>,
    collect?: (counter: Counter<L>) => void,
  ): Counter<L> {
    const counter: Counter<L> = new Counter({
      ...this.#base('counter', metric),
      ...(collect && { collect: () => collect(counter) }),
    });
    return counter;
  }

  /** `collect` is called at each scrape, so that a gauge shows the truth without bookkeeping. */
  gauge<L extends string = never>(
    metric: Declared<L> & { readonly merge?: MetricMerge },
    collect?: (gauge: Gauge<L>) => void,
  ): Gauge<L> {
    const gauge: Gauge<L> = new Gauge({
      ...this.#base('gauge', metric),
      ...(metric.merge && { aggregator: metric.merge }),
      ...(collect && { collect: () => collect(gauge) }),
    });
    return gauge;
  }

  histogram<L extends string = never>(metric: Declared<L> & { buckets: number[] }): Histogram<L> {
    return new Histogram({ ...this.#base('histogram', metric), buckets: metric.buckets });
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }

  values(): Promise<MetricValues> {
    return this.#registry.getMetricsAsJSON() as Promise<MetricValues>;
  }

  /** What is declared, in order, for the documentation. */
  declared(): readonly DeclaredMetric[] {
    return this.#declared;
  }

  samples(name: string): ReturnType<MetricsReading['samples']> {
    return samplesIn(this.#registry, name);
  }

  #base<L extends string>(type: DeclaredMetric['type'], metric: Declared<L>) {
    const { name, help, labels = [] } = metric;
    this.#declared.push({ name, help, type, labels });
    return {
      ...{ name, help },
      labelNames: [...labels] as L[],
      registers: [this.#registry],
    };
  }
}

async function samplesIn(
  registry: Pick<Registry, 'getSingleMetric'>,
  name: string,
): ReturnType<MetricsReading['samples']> {
  const metric = await registry.getSingleMetric(name)?.get();
  return (metric?.values ?? []).map(({ labels, value }) => ({
    labels: labels as Record<string, string>,
    value,
  }));
}

/** The values of several processes as one. */
export function mergedReading(all: readonly MetricValues[]): MetricsReading {
  const merged = AggregatorRegistry.aggregate(all as unknown as object[]);
  return {
    text: () => merged.metrics(),
    samples: (name) => samplesIn(merged, name),
    values: () => merged.getMetricsAsJSON() as Promise<MetricValues>,
  };
}

/** What stays true of a process that has ended: what it counted, and nothing of how it was. */
export function countedIn(values: MetricValues): MetricValues {
  return values.filter(({ type }) => String(type) !== 'gauge');
}
