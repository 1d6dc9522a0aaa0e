/** The table of many readers at once: memory, what they got, and what was read for them. */
import { formatSize } from '@forebay/core/bytes';
import { table } from 'forebay/terminal';
import type { Memory } from './memory.ts';
import type { RawOutcome } from './raw-reader.ts';
import { median } from './report.ts';

export interface HerdRow {
  readonly name: string;
  readonly readers: number;
  readonly complete: number;
  readonly left: number;
  readonly failed: number;
  /** That stayed to the end and got nothing. */
  readonly starved: number;
  /** Why, each reason once, with its number. */
  readonly reasons: readonly string[];
  readonly readBytes: number;
  readonly slowestBytes: number;
  readonly medianBytes: number;
  readonly ufsBytes: number;
  readonly ufsRequests: number;
  readonly elapsedMs: number;
  /** Before the readers came. Null where the system does not tell. */
  readonly idle: Memory | null;
  readonly peak: Memory | null;
  readonly forebayCpuMs: number | null;
}

export interface HerdMeasured extends Pick<HerdRow, 'name' | 'ufsBytes' | 'ufsRequests' | 'elapsedMs'> {
  readonly outcomes: readonly RawOutcome[];
  readonly idle: Memory | undefined;
  readonly peak: Memory | undefined;
  readonly forebayCpuUs: number | undefined;
}

export function herdRow({ outcomes, idle, peak, forebayCpuUs, ...rest }: HerdMeasured): HerdRow {
  const count = (end: RawOutcome['end']) => outcomes.filter((outcome) => outcome.end === end).length;
  const bytes = outcomes.map((outcome) => outcome.bytes);
  return {
    ...rest,
    readers: outcomes.length,
    complete: count('complete'),
    left: count('left'),
    failed: count('failed'),
    starved: outcomes.filter((outcome) => outcome.end === 'left' && outcome.bytes === 0).length,
    reasons: reasonsOf(outcomes),
    readBytes: bytes.reduce((sum, one) => sum + one, 0),
    slowestBytes: Math.min(...bytes),
    medianBytes: median(bytes),
    idle: idle ?? null,
    peak: peak ?? null,
    forebayCpuMs: forebayCpuUs === undefined ? null : forebayCpuUs / 1000,
  };
}

function reasonsOf(outcomes: readonly RawOutcome[]): string[] {
  const counts = new Map<string, number>();
  for (const { reason } of outcomes) {
    if (reason !== undefined) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  }
  return [...counts].map(([reason, count]) => `${count} x ${reason}`);
}

export function herdLines(rows: readonly HerdRow[]): string[] {
  const sides = [
    'time',
    'read by all',
    'median reader',
    'slowest',
    'UFS bytes',
    'UFS requests',
    'Forebay CPU',
  ];
  const ends = ['whole', 'left', 'failed', 'starved'];
  return [
    ...table([
      ['', ...ends, ...sides],
      ...rows.map((row) => [
        row.name,
        ...[row.complete, row.left, row.failed, row.starved].map(String),
        `${(row.elapsedMs / 1000).toFixed(1)} s`,
        ...[row.readBytes, row.medianBytes, row.slowestBytes, row.ufsBytes].map(formatSize),
        String(row.ufsRequests),
        row.forebayCpuMs === null ? 'unknown' : `${(row.forebayCpuMs / 1000).toFixed(1)} s`,
      ]),
    ]),
    '',
    ...table([
      ['memory of Forebay', 'anonymous, idle', 'peak', 'more', 'resident, idle', 'peak'],
      ...rows.map((row) => [row.name, ...memoryCells(row)]),
    ]),
    ...rows.flatMap(({ name, reasons }) => reasons.map((reason) => `${name}: ${reason}`)),
  ];
}

function memoryCells({ idle, peak }: HerdRow): string[] {
  if (!idle || !peak) return ['unknown', 'unknown', 'unknown', 'unknown', 'unknown'];
  const more = Math.max(0, peak.anonymousBytes - idle.anonymousBytes);
  return [idle.anonymousBytes, peak.anonymousBytes, more, idle.residentBytes, peak.residentBytes].map(
    formatSize,
  );
}
