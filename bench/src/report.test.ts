import { describe, expect, it } from 'vitest';
import { rowsOf, tableLines } from './report.ts';
import type { Path, Sample, Size } from './rounds.ts';

const size: Size = { label: '4 KiB', sizeBytes: 4096, count: 2, passes: 1 };

function sample(path: Path, durationsUs: readonly number[], forebayCpuUs: number | undefined): Sample {
  const bytes = durationsUs.length * 4096;
  const xCache = durationsUs.map(() => (path === 'direct' ? 'none' : 'HIT'));
  return {
    size,
    path,
    result: { durationsUs, firstByteUs: durationsUs, elapsedMs: 2, bytes, xCache },
    forebayCpuUs,
    ufsCpuUs: 30,
  };
}

describe('the figures of a benchmark', () => {
  const rows = rowsOf(
    [size],
    [
      sample('direct', [200, 400], 0),
      sample('warm', [100, 100, 900], 330),
      sample('warm', [150, 150, 150], 90),
      sample('warm', [120, 800, 120], 600),
    ],
  );
  const warm = rows.find(({ path }) => path === 'warm')!;

  it('are medians over rounds, so that one slow round or request moves nothing', () => {
    expect(warm).toMatchObject({ requests: 9, timeP50Us: 120, forebayCpuUs: 110, ufsCpuUs: 10 });
    expect(warm.bytesPerSecond).toBe((3 * 4096 * 1000) / 2);
    expect(warm.xCache).toEqual({ HIT: 9 });
  });

  it('compare with the direct reads of the same size', () => {
    expect(warm.timeToDirect).toBe(0.4);
  });

  it('say so where the system does not tell CPU times', () => {
    const [row] = rowsOf([size], [sample('direct', [1], undefined)]);
    expect(row!.forebayCpuUs).toBe(null);
    expect(tableLines([{ ...warm, forebayCpuUs: null }])[1]).toContain('unknown');
  });
});
