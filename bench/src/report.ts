/** From samples to figures: medians over the rounds, as a table and as JSON. */
import { table } from 'forebay/terminal';
import { type Path, paths, type Sample, type Size } from './rounds.ts';

export interface Row {
  readonly size: string;
  readonly path: Path;
  /** Of all rounds. */
  readonly requests: number;
  /** Median over the rounds of each round's median. */
  readonly timeP50Us: number;
  readonly bytesPerSecond: number;
  /** Per request. Null where the system does not tell CPU times. */
  readonly forebayCpuUs: number | null;
  readonly ufsCpuUs: number | null;
  /** timeP50Us over that of the direct reads of this size. */
  readonly timeToDirect: number;
  readonly xCache: Readonly<Record<string, number>>;
}

export function rowsOf(sizes: readonly Size[], samples: readonly Sample[]): Row[] {
  return sizes.flatMap((size) => {
    const ofSize = samples.filter((sample) => sample.size === size);
    const directUs = timeOf(ofSize.filter(({ path }) => path === 'direct'));
    return paths.map((path) => {
      const rounds = ofSize.filter((sample) => sample.path === path);
      const timeP50Us = timeOf(rounds);
      return {
        size: size.label,
        path,
        requests: rounds.reduce((sum, { result }) => sum + result.durationsUs.length, 0),
        timeP50Us,
        bytesPerSecond: median(rounds.map(({ result }) => (result.bytes / result.elapsedMs) * 1000)),
        forebayCpuUs: perRequestOf(rounds, (sample) => sample.forebayCpuUs),
        ufsCpuUs: perRequestOf(rounds, (sample) => sample.ufsCpuUs),
        timeToDirect: timeP50Us / directUs,
        xCache: countsOf(rounds),
      };
    });
  });
}

function timeOf(rounds: readonly Sample[]): number {
  return median(rounds.map(({ result }) => median(result.durationsUs)));
}

function perRequestOf(
  rounds: readonly Sample[],
  pick: (sample: Sample) => number | undefined,
): number | null {
  const perRequest = rounds.flatMap((sample) => {
    const cpuUs = pick(sample);
    return cpuUs === undefined ? [] : [cpuUs / sample.result.durationsUs.length];
  });
  return perRequest.length === 0 ? null : median(perRequest);
}

function countsOf(rounds: readonly Sample[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of rounds.flatMap(({ result }) => result.xCache)) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

/** The value that `share` of the values do not exceed: 0.99 for the 99th percentile. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)]!;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export function tableLines(rows: readonly Row[]): string[] {
  const head = ['size', 'path', 'requests', 'time p50', 'throughput'];
  const costs = ['Forebay CPU/req', 'UFS CPU/req', 'time to direct', 'x-cache'];
  return table([[...head, ...costs], ...rows.map(cellsOf)]);
}

function cellsOf(row: Row): string[] {
  return [
    ...[row.size, row.path, String(row.requests), micros(row.timeP50Us)],
    `${(row.bytesPerSecond / 1024 / 1024).toFixed(1)} MiB/s`,
    row.path === 'direct' ? '-' : micros(row.forebayCpuUs),
    micros(row.ufsCpuUs),
    `${row.timeToDirect.toFixed(2)}x`,
    Object.entries(row.xCache)
      .map(([name, count]) => (name === 'none' ? '-' : `${name} ${count}`))
      .join(', '),
  ];
}

export function micros(value: number | null | undefined): string {
  return value === null || value === undefined ? 'unknown' : `${Math.round(value)} µs`;
}
