/** Verdicts of soaks from made samples. */
import { expect, it } from 'vitest';
import { type SoakSample, soakVerdict } from './soak-figures.ts';

const delay = (maxMs: number) => ({ p99Seconds: 0.001, maxSeconds: maxMs / 1000 });

function sample(index: number, changes: Partial<SoakSample> = {}): SoakSample {
  return {
    second: index * 5,
    forebay: delay(12),
    idle: delay(10),
    anonymousBytes: 100,
    residentBytes: 200,
    evictions: index * 7,
    ufsBytes: index * 1000,
    ...changes,
  };
}

it('compares the worst pauses, and memory once the caches are full', () => {
  const samples = Array.from({ length: 8 }, (_, index) => sample(index));
  samples[0] = sample(0, { anonymousBytes: 10 });
  samples[3] = sample(3, { forebay: delay(45) });
  samples[5] = sample(5, { idle: delay(30) });
  samples[6] = sample(6, { anonymousBytes: 110 });
  samples[7] = sample(7, { anonymousBytes: 110 });
  const verdict = soakVerdict(samples);
  expect(verdict).toMatchObject({ pauseMs: 45, idlePauseMs: 30, evictions: 49, ufsBytes: 7000 });
  expect(verdict.pauseOverIdleMs).toBeCloseTo(15);
  expect(verdict.memoryGrowth).toBeCloseTo(1.1);
});
