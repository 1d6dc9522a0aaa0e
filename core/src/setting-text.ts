/** The value of a setting as people write it: exact, with the largest unit that it is a whole number of. */
import type { Setting } from './config.ts';

const sizes = [
  ['TiB', 2 ** 40],
  ['GiB', 2 ** 30],
  ['MiB', 2 ** 20],
  ['KiB', 2 ** 10],
  ['', 1],
] as const;
const durations = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
  ['ms', 1],
] as const;

/** Undefined where there is no value. */
export function settingText({ kind }: Pick<Setting<unknown>, 'kind'>, value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (kind === 'list') return (value as readonly string[]).join(',');
  if (typeof value !== 'number' || value === 0) return String(value);
  if (kind === 'bytes') return withUnit(value, sizes);
  return kind === 'duration' ? withUnit(value, durations) : String(value);
}

function withUnit(value: number, units: readonly (readonly [string, number])[]): string {
  const [unit, factor] = units.find(([, size]) => value % size === 0) ?? ['', 1];
  return `${value / factor}${unit}`;
}
