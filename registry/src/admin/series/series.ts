/**
 * How the metrics went over time, for charts: sampled every few seconds and kept in rings, a fine one of the
 * last hour and coarser ones of the last day and week. Only the process's own life is told: who wants more
 * scrapes /metrics.
 */
import type { MetricsReading } from '@forebay/core/metrics';
import { type Column, cell, latencyBounds, latencyCell, readRow } from './columns.ts';
import { SampleRing } from './sample-ring.ts';

export const sampleMs = 5_000;
const pointsMax = 720;
/** So many samples make a step of each span. */
const samplesPerStep = { hour: 1, day: 24, week: 168 } as const;
export type SeriesSpan = keyof typeof samplesPerStep;
export const seriesSpans = Object.keys(samplesPerStep) as readonly SeriesSpan[];

type Numbers = readonly number[];
type Ratios = readonly (number | null)[];

/** Columns of equal length; each value is of the time from the point before it. Ratios are 0 to 1. */
export interface SeriesView {
  readonly span: SeriesSpan;
  readonly stepMs: number;
  /** Ms since the epoch. */
  readonly atMs: Numbers;
  readonly requestsPerSecond: Numbers;
  readonly failedPerSecond: Numbers;
  /** Of reads answered from the cache; null without reads. */
  readonly hitRatio: Ratios;
  /** Of bytes served without the UFS; null without bytes. */
  readonly byteHitRatio: Ratios;
  readonly bytesPerSecond: Readonly<Record<'memory' | 'disk' | 'peer' | 'ufs', Numbers>>;
  readonly ufsRequestsPerSecond: Numbers;
  readonly ufsFailedPerSecond: Numbers;
  readonly ufsBytesPerSecond: Numbers;
  readonly evictionsPerSecond: Numbers;
  /** From the request's head to the last byte of its answer; null without requests. */
  readonly latencyMs: Readonly<Record<'p50' | 'p95' | 'p99', Ratios>>;
  readonly inFlight: Numbers;
  readonly diskBytes: Numbers;
  readonly memoryBytes: Numbers;
  /** Of the whole span: what reads would have asked of the UFS, less what was asked of it. */
  readonly avoided: { readonly requests: number; readonly bytes: number };
}

export interface SeriesOptions {
  readonly read: () => Promise<MetricsReading>;
  readonly wallMs: () => number;
  /** Another number where the last reading was of other processes than the one before. */
  readonly sources?: () => number;
}

export class Series {
  readonly #options: SeriesOptions;
  readonly #rings = new Map(seriesSpans.map((span) => [span, new SampleRing(pointsMax + 1)]));
  #samples = 0;
  #latest: Float64Array | undefined;
  #timer: NodeJS.Timeout | undefined;
  #sampling: Promise<void> | undefined;

  constructor(options: SeriesOptions) {
    this.#options = options;
  }

  /** Samples from now on, until `stop`. */
  start(): void {
    void this.sample();
    this.#timer = setInterval(() => void this.sample(), sampleMs).unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#sampling;
  }

  /** Never throws: a sample that cannot be had is left out. */
  sample(): Promise<void> {
    this.#sampling ??= this.#sample().finally(() => {
      this.#sampling = undefined;
    });
    return this.#sampling;
  }

  async #sample(): Promise<void> {
    const { read, wallMs, sources = () => 0 } = this.#options;
    const row = await read()
      .then((metrics) => readRow(metrics, wallMs(), sources()))
      .catch(() => undefined);
    if (!row) return;
    this.#latest = row;
    for (const [span, ring] of this.#rings) {
      if (this.#samples % samplesPerStep[span] === 0) ring.add(row);
    }
    this.#samples += 1;
  }

  view(span: SeriesSpan): SeriesView {
    const kept = this.#rings.get(span)!.rows();
    const latest = this.#latest;
    const rows = latest && kept.at(-1) !== latest ? [...kept, latest] : kept;
    return { span, stepMs: sampleMs * samplesPerStep[span], ...viewOf(rows) };
  }
}

function viewOf(rows: readonly Float64Array[]): Omit<SeriesView, 'span' | 'stepMs'> {
  const steps = rows.slice(1).map((row, index): Step => [rows[index]!, row]);
  const each = <T>(of: (step: Step) => T) => steps.map(of);
  const rates = (column: Column) => each((step) => rounded(rateOf(step, column)));
  const now = (column: Column) => each(([, row]) => cell(row, column));
  return {
    atMs: now('atMs'),
    requestsPerSecond: rates('requests'),
    failedPerSecond: rates('failed'),
    hitRatio: each((step) => ratioOf(grown(step, 'hits'), grown(step, 'reads'))),
    byteHitRatio: each(byteHitRatio),
    bytesPerSecond: {
      memory: rates('memory'),
      disk: rates('disk'),
      peer: rates('peer'),
      ufs: rates('ufs'),
    },
    ufsRequestsPerSecond: rates('ufsRequests'),
    ufsFailedPerSecond: rates('ufsFailed'),
    ufsBytesPerSecond: rates('ufsBytes'),
    evictionsPerSecond: rates('evictions'),
    latencyMs: {
      p50: each((step) => latencyMsAt(step, 0.5)),
      p95: each((step) => latencyMsAt(step, 0.95)),
      p99: each((step) => latencyMsAt(step, 0.99)),
    },
    inFlight: now('inFlight'),
    diskBytes: now('diskBytes'),
    memoryBytes: now('memoryBytes'),
    avoided: avoidedIn(steps),
  };
}

type Step = readonly [before: Float64Array, after: Float64Array];

/**
 * What was counted may get less when a process that counted it was killed: that is no negative rate. And what
 * another process had counted before it was seen did not happen now.
 */
function grown([before, after]: Step, column: Column): number {
  if (cell(before, 'sources') !== cell(after, 'sources')) return 0;
  return Math.max(0, cell(after, column) - cell(before, column));
}

function rateOf(step: Step, column: Column): number {
  const [before, after] = step;
  return (grown(step, column) * 1000) / Math.max(1, cell(after, 'atMs') - cell(before, 'atMs'));
}

function byteHitRatio(step: Step): number | null {
  const fromCache = grown(step, 'memory') + grown(step, 'disk') + grown(step, 'peer');
  return ratioOf(fromCache, fromCache + grown(step, 'ufs'));
}

function ratioOf(part: number, whole: number): number | null {
  return whole > 0 ? Math.min(1, part / whole) : null;
}

function avoidedIn(steps: readonly Step[]): SeriesView['avoided'] {
  const sum = (column: Column) => steps.reduce((total, step) => total + grown(step, column), 0);
  const served = sum('memory') + sum('disk') + sum('peer') + sum('ufs');
  return {
    requests: Math.max(0, sum('reads') - sum('ufsReads')),
    bytes: Math.max(0, served - sum('ufsBytes')),
  };
}

/** The quantile within its bucket, as if requests lay evenly in it. */
function latencyMsAt(step: Step, quantile: number): number | null {
  const [before, after] = step;
  if (cell(before, 'sources') !== cell(after, 'sources')) return null;
  const within = (bound: number) => latencyCell(after, bound) - latencyCell(before, bound);
  const all = within(latencyBounds.length);
  if (all <= 0) return null;
  const wanted = all * quantile;
  const found = latencyBounds.findIndex((_, index) => within(index) >= wanted);
  if (found < 0) return latencyBounds.at(-1)! * 1000;
  const [low, below] = found === 0 ? [0, 0] : [latencyBounds[found - 1]!, within(found - 1)];
  const share = (wanted - below) / Math.max(1e-9, within(found) - below);
  return rounded((low + share * (latencyBounds[found]! - low)) * 1000);
}

/** Three decimals: more is noise in a JSON answer. */
function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}
