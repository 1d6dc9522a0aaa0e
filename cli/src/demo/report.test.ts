import { describe, expect, it } from 'vitest';
import { styleFor } from '../terminal.ts';
import { type Pass, resultJson, resultLines, type Step, sumOf, type TourResult } from './report.ts';

const pass = (durationMs: number, ufsRequests: number, ufsBytes: number, result: string): Pass => ({
  durationMs,
  ufsRequests,
  ufsBytes,
  xCache: { [result]: 2 },
});

const steps: Step[] = [
  {
    name: 'model',
    title: '2 MiB model, whole',
    reads: 2,
    bytes: 2 * 1024 * 1024,
    cold: pass(2300, 3, 2_100_000, 'MISS'),
    warm: pass(20, 0, 0, 'HIT'),
  },
  {
    name: 'small',
    title: 'small objects',
    reads: 2,
    bytes: 1024,
    cold: pass(500, 2, 2000, 'MISS'),
    warm: pass(100, 1, 1000, 'REVALIDATED'),
  },
];
const result: TourResult = {
  distance: { roundTripMs: 40, bytesPerSecond: 40_000_000 },
  steps,
  total: sumOf(steps),
  verified: true,
};

describe('the results of the demo', () => {
  it('sum up to a last row', () => {
    expect(result.total).toMatchObject({
      reads: 4,
      cold: { durationMs: 2800, ufsRequests: 5, xCache: { MISS: 4 } },
      warm: { durationMs: 120, ufsRequests: 1, xCache: { HIT: 2, REVALIDATED: 2 } },
    });
  });

  it('are a table that says how much faster, how many requests and what was saved', () => {
    const lines = resultLines(result, styleFor({}, {}));
    expect(lines[1]).toMatch(/^2 MiB model, whole +2\.3 s +20 ms +115x +3 → 0 +2 MiB +MISS → HIT$/);
    expect(lines[3]).toMatch(/^all of it +2\.8 s +120 ms +23x +5 → 1 .* 2 HIT \+ 2 REVALIDATED$/);
  });

  it('are one JSON value with the same figures', () => {
    expect(JSON.parse(JSON.stringify(resultJson(result)))).toMatchObject({
      distance: { roundTripMs: 40 },
      verified: true,
      steps: [
        { name: 'model', timesFaster: 115, savedBytes: 2 * 1024 * 1024, warm: { ufsRequests: 0 } },
        { name: 'small', timesFaster: 5, savedBytes: 24 },
      ],
      total: { bytes: 2 * 1024 * 1024 + 1024 },
    });
  });
});
