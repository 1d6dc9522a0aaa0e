import { expect, it } from 'vitest';
import { herdLines, herdRow } from './slow-figures.ts';

const mebibyte = 1024 * 1024;
const memory = (mebibytes: number) => ({
  anonymousBytes: mebibytes * mebibyte,
  residentBytes: (mebibytes + 60) * mebibyte,
});

const row = herdRow({
  name: 'slow',
  ufsBytes: 64 * mebibyte,
  ufsRequests: 1,
  elapsedMs: 5000,
  outcomes: [
    { bytes: 100, end: 'complete' },
    { bytes: 50, end: 'left' },
    { bytes: 0, end: 'left' },
    { bytes: 10, end: 'failed', reason: 'answered with 503' },
    { bytes: 20, end: 'failed', reason: 'answered with 503' },
  ],
  idle: memory(80),
  peak: memory(200),
  forebayCpuUs: 1500,
});

it('counts how the readers ended, and names each reason once', () => {
  expect(row).toMatchObject({ readers: 5, complete: 1, left: 2, failed: 2, starved: 1 });
  expect(row).toMatchObject({ readBytes: 180, slowestBytes: 0, medianBytes: 20 });
  expect(row.reasons).toEqual(['2 x answered with 503']);
  expect(herdLines([row]).at(-1)).toBe('slow: 2 x answered with 503');
});

it('shows what the readers took above an idle process', () => {
  expect(herdLines([row]).find((line) => /^slow .*140 MiB/.test(line))).toMatch(
    /80 MiB +200 MiB +120 MiB +140 MiB +260 MiB/,
  );
  expect(herdLines([{ ...row, idle: null }]).join('\n')).toContain('unknown');
});
