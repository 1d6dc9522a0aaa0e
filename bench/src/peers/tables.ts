/** The figures as tables for people. */
import { formatSize } from '@forebay/core/bytes';
import { table } from 'forebay/terminal';
import { type PeerRow, p99GapMsMax, type Verdict } from './figures.ts';
import { peerSizes } from './objects.ts';

const labelOf = (size: string) => peerSizes.find(({ name }) => name === size)?.label ?? size;

/** One table for each size in each setting. */
export function peerTables(rows: readonly PeerRow[], titles: ReadonlyMap<string, string>): string[] {
  const settings = Map.groupBy(rows, ({ distanceMs, temperature, size }) => {
    const place = distanceMs === 0 ? 'nothing between' : `${distanceMs} ms to the UFS`;
    return `${labelOf(size)}, ${temperature}, ${place}`;
  });
  const head = [
    'CPU/req',
    'req/s',
    'GB/s',
    'p50',
    'p99',
    'p99.9',
    'memory',
    'CPU to Forebay',
    'req/s to Forebay',
  ];
  return [...settings].flatMap(([setting, group]) => [
    '',
    ...table([[setting, ...head], ...group.map((row) => cellsOf(row, titles))]),
    ...group.flatMap((row) => failureLines(row)),
  ]);
}

function cellsOf(row: PeerRow, titles: ReadonlyMap<string, string>): string[] {
  return [
    titles.get(row.peer) ?? row.peer,
    row.cpuUs === null ? 'unknown' : micros(row.cpuUs),
    row.requestsPerSecond.toFixed(row.requestsPerSecond < 100 ? 1 : 0),
    (row.bytesPerSecond / 1e9).toFixed(3),
    ...[row.p50Us, row.p99Us, row.p999Us].map(micros),
    formatSize(row.residentBytes),
    ...[row.cpuToForebay, row.rateToForebay].map((ratio) => (ratio === null ? '-' : `${ratio.toFixed(2)}x`)),
  ];
}

function micros(us: number): string {
  return us < 10_000 ? `${us < 100 ? us.toFixed(1) : Math.round(us)} µs` : `${(us / 1000).toFixed(1)} ms`;
}

function failureLines({ peer, failures }: PeerRow): string[] {
  return Object.entries(failures).map(([reason, count]) => `  ${peer}: ${count} requests failed: ${reason}`);
}

/** Forebay's CPU per request over that of the others, beside what it may be. */
export function verdictTable(verdicts: readonly Verdict[]): string[] {
  const rows = verdicts.map(({ size, what, ratio, bound, goal, reached }) => [
    labelOf(size),
    what,
    ratio.toFixed(2),
    bound.toFixed(2),
    goal?.toFixed(2) ?? '-',
    reached === 'no' ? 'missed' : reached,
  ]);
  return table([['CPU/req of Forebay, warm', '', 'ratio', 'at most', 'goal', 'reached'], ...rows]);
}

export function p99GapLines(gapMs: number | null): string[] {
  if (gapMs === null) return [];
  const verdict = gapMs <= p99GapMsMax ? 'reached' : 'missed';
  return [
    '',
    `4 KiB at half load: p99 of Forebay over that of nginx ${gapMs.toFixed(1)} ms, at most ${p99GapMsMax} (${verdict}).`,
  ];
}
