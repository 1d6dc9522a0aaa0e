import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatDuration, formatSize, parseDurationMs, parseSizeBytes } from './bytes.ts';

describe('sizes and durations', () => {
  it.each([
    ['0', 0],
    ['4096', 4096],
    ['1KiB', 1024],
    ['1.5 MiB', 1.5 * 1024 ** 2],
    ['2gb', 2e9],
    ['1TiB', 1024 ** 4],
    ['1PiB', undefined],
    ['-1', undefined],
    ['1e3', undefined],
    ['', undefined],
    ['99999999999999999999', undefined],
  ])('reads the size %j as %s', (text, bytes) => expect(parseSizeBytes(text)).toBe(bytes));

  it.each([
    ['0', 0],
    ['500ms', 500],
    ['60s', 60_000],
    ['1.5m', 90_000],
    ['1d', 86_400_000],
    ['60', undefined],
    ['1w', undefined],
  ])('reads the duration %j as %s', (text, ms) => expect(parseDurationMs(text)).toBe(ms));

  it.each([
    [0, '0 ms'],
    [14, '14 ms'],
    [2300, '2.3 s'],
    [5000, '5 s'],
    [12_700, '13 s'],
    [59_700, '1m'],
    [65_000, '1m 5s'],
    [300_000, '5m'],
    [3_660_000, '1h 1m'],
    [7_200_000, '2h'],
  ])('shows %i ms as %s', (ms, text) => expect(formatDuration(ms)).toBe(text));

  it('shows a size that reads back as nearly the same', () => {
    fc.assert(
      fc.property(fc.nat({ max: 2 ** 48 }), (bytes) => {
        const back = parseSizeBytes(formatSize(bytes))!;
        expect(Math.abs(back - bytes)).toBeLessThanOrEqual(bytes * 0.05 + 1);
      }),
    );
  });
});
