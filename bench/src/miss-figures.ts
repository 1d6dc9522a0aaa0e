/** From what was measured of cold and direct reads over distances to the table of it. */
import { table } from 'forebay/terminal';
import { median } from './report.ts';

/** Of one read; the time to the first byte, and all of small objects, are medians of several. */
export interface Timing {
  readonly timeUs: number;
  readonly firstByteUs: number;
}

/** One round at one distance: the direct and the cold reads beside each other. */
export interface MissRound {
  readonly large: { readonly direct: Timing; readonly cold: Timing };
  readonly small: { readonly direct: Timing; readonly cold: Timing };
  /** CPU per MiB of the large object; undefined where the system does not tell. */
  readonly coldCpuUsPerMiB: number | undefined;
  readonly ufsCpuUsPerMiB: number | undefined;
  /** Of the proxy that simulates the distance, over the time of the cold read: near 1, the bottleneck. */
  readonly proxyBusy: number | undefined;
}

export interface MissRow {
  readonly way: string;
  readonly directMs: number;
  readonly coldMs: number;
  /** Medians over the rounds of each round's own ratio or difference. */
  readonly timeToDirect: number;
  readonly firstByteDirectMs: number;
  readonly firstByteLaterMs: number;
  readonly smallDirectMs: number;
  readonly smallFirstByteLaterMs: number;
  readonly coldCpuUsPerMiB: number | null;
  readonly ufsCpuUsPerMiB: number | null;
  readonly proxyBusy: number | null;
}

export function missRow(way: string, rounds: readonly MissRound[]): MissRow {
  const of = (pick: (round: MissRound) => number) => median(rounds.map(pick));
  const known = (pick: (round: MissRound) => number | undefined) => {
    const values = rounds.flatMap((round) => pick(round) ?? []);
    return values.length === 0 ? null : median(values);
  };
  return {
    way,
    directMs: of(({ large }) => large.direct.timeUs) / 1000,
    coldMs: of(({ large }) => large.cold.timeUs) / 1000,
    timeToDirect: of(({ large }) => large.cold.timeUs / large.direct.timeUs),
    firstByteDirectMs: of(({ large }) => large.direct.firstByteUs) / 1000,
    firstByteLaterMs: of(({ large }) => large.cold.firstByteUs - large.direct.firstByteUs) / 1000,
    smallDirectMs: of(({ small }) => small.direct.timeUs) / 1000,
    smallFirstByteLaterMs: of(({ small }) => small.cold.firstByteUs - small.direct.firstByteUs) / 1000,
    coldCpuUsPerMiB: known((round) => round.coldCpuUsPerMiB),
    ufsCpuUsPerMiB: known((round) => round.ufsCpuUsPerMiB),
    proxyBusy: known((round) => round.proxyBusy),
  };
}

export function missLines(rows: readonly MissRow[]): string[] {
  const head = ['UFS is', 'direct', 'cold', 'time to direct', 'first byte direct', 'later', 'small direct'];
  const costs = ['first byte later', 'Forebay CPU/MiB', 'UFS CPU/MiB', 'proxy busy'];
  return table([
    [...head, ...costs],
    ...rows.map((row) => [
      row.way,
      `${row.directMs.toFixed(0)} ms`,
      `${row.coldMs.toFixed(0)} ms`,
      `${row.timeToDirect.toFixed(2)}x`,
      millis(row.firstByteDirectMs),
      signed(row.firstByteLaterMs),
      millis(row.smallDirectMs),
      signed(row.smallFirstByteLaterMs),
      row.coldCpuUsPerMiB === null ? 'unknown' : `${(row.coldCpuUsPerMiB / 1000).toFixed(1)} ms`,
      row.ufsCpuUsPerMiB === null ? 'unknown' : `${(row.ufsCpuUsPerMiB / 1000).toFixed(1)} ms`,
      row.proxyBusy === null ? '-' : `${Math.round(row.proxyBusy * 100)}%`,
    ]),
  ]);
}

const millis = (value: number) => `${value.toFixed(1)} ms`;
const signed = (value: number) => `${value < 0 ? '' : '+'}${value.toFixed(1)} ms`;
