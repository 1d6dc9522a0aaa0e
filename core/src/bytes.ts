/**
 * Sizes and durations as people write them (`1MiB`, `60s`), and back.
 * Units are in the value outside, in the name inside (`pageSizeBytes`, `ttlMs`).
 */
export const KiB = 1024;
export const MiB = 1024 * KiB;
export const GiB = 1024 * MiB;
export const TiB = 1024 * GiB;

const sizeUnits: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  kib: KiB,
  mib: MiB,
  gib: GiB,
  tib: TiB,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
};
const durationUnits: Readonly<Record<string, number>> = { ms: 1, s: 1e3, m: 60e3, h: 3600e3, d: 86_400e3 };

/** `4096`, `1MiB`, `1.5 GB` to bytes; undefined where the text is no size. */
export function parseSizeBytes(text: string): number | undefined {
  return parseWithUnit(text, sizeUnits);
}

/**
 * `500ms`, `60s`, `5m`, `1d` to ms; undefined where the text is no duration (a unit is required, but for
 * 0).
 */
export function parseDurationMs(text: string): number | undefined {
  return text.trim() === '0' ? 0 : parseWithUnit(text, durationUnits);
}

function parseWithUnit(text: string, units: Readonly<Record<string, number>>): number | undefined {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/i.exec(text);
  const factor = match ? units[match[2]!.toLowerCase()] : undefined;
  if (!match || factor === undefined) return undefined;
  const value = Math.round(Number(match[1]) * factor);
  return Number.isSafeInteger(value) ? value : undefined;
}

/** Bytes for a person: `1.5 GiB`, `12 KiB`, `17 B`. */
export function formatSize(sizeBytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let value = sizeBytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || value >= 100 || Number.isInteger(value) ? 0 : 1;
  return `${value.toFixed(digits)} ${units[unit]}`;
}

/** Milliseconds for a person: `1m 5s`, `5m`, `2.3 s`, `14 ms`. */
export function formatDuration(durationMs: number): string {
  if (durationMs < 1000) return `${Math.round(durationMs)} ms`;
  const seconds = Math.round(durationMs / 1000);
  if (seconds < 60) {
    return `${durationMs % 1000 === 0 || durationMs >= 10_000 ? seconds : (durationMs / 1000).toFixed(1)} s`;
  }
  if (seconds < 3600) return twoUnits(Math.floor(seconds / 60), 'm', `${seconds % 60}s`);
  return twoUnits(Math.floor(seconds / 3600), 'h', `${Math.floor((seconds % 3600) / 60)}m`);
}

function twoUnits(count: number, unit: string, rest: string): string {
  return rest.startsWith('0') ? `${count}${unit}` : `${count}${unit} ${rest}`;
}
