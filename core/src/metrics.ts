/**
 * A metric is declared once, with unit, exact meaning and advice. Each process part owns a `Metrics`, so
 * that many nodes live in one test process without knowing of each other.
 */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';

interface Declared<L extends string> {
  readonly name: `forebay_${string}`;
  /** What it counts, and what to do when it moves. */
  readonly help: string;
  readonly labels?: readonly L[];
}

export class Metrics {
  readonly #registry = new Registry();
  readonly #declared: { name: string; help: string; type: string }[] = [];

  counter<L extends string = never>(metric: Declared<L>): Counter<L> {
    return new Counter(this.#base('counter', metric));
  }

  /** `collect` is called at each scrape, so that a gauge shows the truth without bookkeeping. */
  gauge<L extends string = never>(metric: Declared<L>, collect?: (gauge: Gauge<L>) => void): Gauge<L> {
    const gauge: Gauge<L> = new Gauge({
      ...this.#base('gauge', metric),
      ...(collect && { collect: () => collect(gauge) }),
    });
    return gauge;
  }

  histogram<L extends string = never>(metric: Declared<L> & { buckets: number[] }): Histogram<L> {
    return new Histogram({ ...this.#base('histogram', metric), buckets: metric.buckets });
  }

  /** Prometheus text format. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  /** Name, help and type of every declared metric, for the documentation. */
  declared(): readonly { name: string; help: string; type: string }[] {
    return this.#declared;
  }

  /** The current values of a counter or gauge, one per label set; empty where no such metric is declared. */
  async samples(name: string): Promise<{ labels: Readonly<Record<string, string>>; value: number }[]> {
    const metric = await this.#registry.getSingleMetric(name)?.get();
    return (metric?.values ?? []).map(({ labels, value }) => ({
      labels: labels as Record<string, string>,
      value,
    }));
  }

  #base<L extends string>(type: string, metric: Declared<L>) {
    this.#declared.push({ name: metric.name, help: metric.help, type });
    return {
      name: metric.name,
      help: metric.help,
      labelNames: [...(metric.labels ?? [])] as L[],
      registers: [this.#registry],
    };
  }
}
