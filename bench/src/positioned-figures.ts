/** From positioned reads, direct and warm beside each other, to the table of ratios. */
import { formatSize } from '@forebay/core/bytes';
import { table } from 'forebay/terminal';
import type { LoadResult } from './load-client.ts';
import { median, micros, quantile } from './report.ts';

export interface PositionedRun {
  readonly result: LoadResult;
  /** Of the server that answered; undefined where the system does not tell. */
  readonly cpuUs: number | undefined;
}

export interface PositionedRound {
  readonly direct: PositionedRun;
  readonly warm: PositionedRun;
}

export interface PositionedRow {
  readonly sizeBytes: number;
  readonly connections: number;
  /** Of each side. */
  readonly requests: number;
  readonly directP50Us: number;
  readonly warmP50Us: number;
  readonly directP99Us: number;
  readonly warmP99Us: number;
  /** Median over the rounds of each round's own ratio. */
  readonly p50ToDirect: number;
  /** Of all requests of all rounds. */
  readonly p99ToDirect: number;
  /** Requests per second, warm over direct: median over the rounds. */
  readonly rateToDirect: number;
  /** Per request. Null where the system does not tell. */
  readonly ufsCpuUs: number | null;
  readonly forebayCpuUs: number | null;
  /** Share of warm reads that were hits. */
  readonly hitShare: number;
}

export function positionedRow(
  sizeBytes: number,
  connections: number,
  rounds: readonly PositionedRound[],
): PositionedRow {
  const all = (side: 'direct' | 'warm') => rounds.flatMap((round) => round[side].result.durationsUs);
  const p50 = ({ result }: PositionedRun) => median(result.durationsUs);
  const rate = ({ result }: PositionedRun) => result.durationsUs.length / result.elapsedMs;
  const xCache = rounds.flatMap(({ warm }) => warm.result.xCache);
  const [directP99Us, warmP99Us] = [quantile(all('direct'), 0.99), quantile(all('warm'), 0.99)];
  return {
    sizeBytes,
    connections,
    requests: xCache.length,
    directP50Us: median(rounds.map(({ direct }) => p50(direct))),
    warmP50Us: median(rounds.map(({ warm }) => p50(warm))),
    directP99Us,
    warmP99Us,
    p50ToDirect: median(rounds.map(({ direct, warm }) => p50(warm) / p50(direct))),
    p99ToDirect: warmP99Us / directP99Us,
    rateToDirect: median(rounds.map(({ direct, warm }) => rate(warm) / rate(direct))),
    ufsCpuUs: perRequest(rounds.map(({ direct }) => direct)),
    forebayCpuUs: perRequest(rounds.map(({ warm }) => warm)),
    hitShare: xCache.filter((name) => name === 'HIT').length / xCache.length,
  };
}

function perRequest(runs: readonly PositionedRun[]): number | null {
  const known = runs.flatMap(({ cpuUs, result }) =>
    cpuUs === undefined ? [] : [cpuUs / result.durationsUs.length],
  );
  return known.length === 0 ? null : median(known);
}

export function positionedLines(rows: readonly PositionedRow[]): string[] {
  const times = [
    'direct p50',
    'warm p50',
    'to direct',
    'direct p99',
    'warm p99',
    'to direct',
    'rate to direct',
  ];
  return table([
    ['read', 'connections', ...times, 'UFS CPU', 'Forebay CPU', 'to UFS', 'hits'],
    ...rows.map((row) => [
      formatSize(row.sizeBytes),
      String(row.connections),
      ...[micros(row.directP50Us), micros(row.warmP50Us), ratio(row.p50ToDirect)],
      ...[micros(row.directP99Us), micros(row.warmP99Us), ratio(row.p99ToDirect), ratio(row.rateToDirect)],
      ...[micros(row.ufsCpuUs), micros(row.forebayCpuUs), cpuRatio(row)],
      `${Math.floor(row.hitShare * 100)}%`,
    ]),
  ]);
}

const ratio = (value: number) => `${value.toFixed(2)}x`;

function cpuRatio({ ufsCpuUs, forebayCpuUs }: PositionedRow): string {
  return ufsCpuUs === null || forebayCpuUs === null ? 'unknown' : ratio(forebayCpuUs / ufsCpuUs);
}
