import { expect, it } from 'vitest';
import { type PositionedRun, positionedLines, positionedRow } from './positioned-figures.ts';

function run(durationsUs: readonly number[], cpuUs: number | undefined, xCache = 'HIT'): PositionedRun {
  const each = { durationsUs, firstByteUs: durationsUs, xCache: durationsUs.map(() => xCache) };
  const elapsedMs = durationsUs.reduce((sum, us) => sum + us, 0) / 1000;
  return { result: { ...each, elapsedMs, bytes: 0 }, cpuUs };
}

it('compares what was read side by side: medians of ratios, the tail of all requests', () => {
  const row = positionedRow(4096, 1, [
    { direct: run([100, 100, 100, 100], 400), warm: run([50, 50, 50, 50], 100) },
    { direct: run([900, 900, 900, 900], 4000), warm: run([450, 450, 450, 1800], 1000) },
    { direct: run([100, 100, 100, 100], 400), warm: run([50, 50, 50, 50], 100) },
  ]);
  expect(row).toMatchObject({ p50ToDirect: 0.5, directP50Us: 100, warmP50Us: 50, requests: 12 });
  expect(row).toMatchObject({ directP99Us: 900, warmP99Us: 1800, p99ToDirect: 2, rateToDirect: 2 });
  expect(row).toMatchObject({ ufsCpuUs: 100, forebayCpuUs: 25, hitShare: 1 });
});

it('shows reads that were no hits, and CPU that is not known', () => {
  const rounds = [{ direct: run([100], undefined), warm: run([50], 10, 'MISS') }];
  const [, line] = positionedLines([positionedRow(65_536, 4, rounds)]);
  expect(line).toMatch(/^64 KiB +4 .* unknown .* unknown +0%$/);
});
