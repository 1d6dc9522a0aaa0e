import { describe, expect, it } from 'vitest';
import { parseCron } from './cron.ts';

const next = (schedule: string, from: string) => {
  const ms = parseCron(schedule).nextAfter(Date.parse(from));
  return ms === undefined ? undefined : new Date(ms).toISOString().slice(0, 16);
};

describe('parseCron', () => {
  it.each([
    ['0 3 * * *', '2026-01-01T02:59:30Z', '2026-01-01T03:00'],
    ['0 3 * * *', '2026-01-01T03:00:00Z', '2026-01-02T03:00'],
    ['*/15 * * * *', '2026-01-01T00:01:00Z', '2026-01-01T00:15'],
    ['30 8-10 * * 1-5', '2026-01-02T10:30:00Z', '2026-01-05T08:30'],
    ['0 0 29 2 *', '2026-01-01T00:00:00Z', '2028-02-29T00:00'],
    ['0 0 1 * 0', '2026-01-01T00:00:00Z', '2026-01-04T00:00'],
    ['0 0 * * 7', '2026-01-01T00:00:00Z', '2026-01-04T00:00'],
    ['5,35 */12 * * *', '2026-01-01T00:35:00Z', '2026-01-01T12:05'],
  ])('%s after %s is %s', (schedule, from, expected) => {
    expect(next(schedule, from)).toBe(expected);
  });

  it.each([
    '',
    '* * * *',
    '60 * * * *',
    '* 24 * * *',
    'a * * * *',
    '5-1 * * * *',
    '*/0 * * * *',
    '0 0 31 2 *',
  ])('refuses "%s"', (schedule) => {
    expect(() => parseCron(schedule)).toThrow();
  });
});
