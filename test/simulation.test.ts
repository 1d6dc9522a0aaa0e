/**
 * Whole clusters, simulated from seeds. FOREBAY_SEED=N begins with another seed, FOREBAY_SEEDS=N takes
 * more or fewer; `npm run simulate` runs them alone.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { brokenRules } from './simulation/broken-parts.ts';
import { simulate } from './simulation/simulation.ts';
import { simulateAll, tellBroken } from './simulation/threads.ts';

const firstSeed = Number(process.env.FOREBAY_SEED ?? 1);
const seeds = Number(process.env.FOREBAY_SEEDS ?? 1000);
/** By far enough to find what is broken; with a few of them it is likely. */
const seedsMax = 200;

/** Only against hangs: more seeds take longer. */
const timeoutMs = 120_000 + 500 * seeds;

describe('a simulated cluster', () => {
  // Errors are ordinary here, and nobody reads where they came from.
  const { stackTraceLimit } = Error;
  beforeAll(() => {
    Error.stackTraceLimit = 0;
  });
  afterAll(() => {
    Error.stackTraceLimit = stackTraceLimit;
  });

  it(
    'keeps its promises whatever fails',
    async () => {
      const { runs, reads, writes, broken } = await simulateAll({ first: firstSeed, count: seeds });
      expect(broken.map(tellBroken).join('\n\n')).toBe('');
      // A cluster that answers nothing breaks no promise either.
      expect(runs).toBe(seeds);
      expect(reads / seeds).toBeGreaterThan(30);
      expect(writes / seeds).toBeGreaterThan(20);
    },
    timeoutMs,
  );

  it('repeats a run from its seed', async () => {
    for (const seed of [1, 2, 3]) expect(await simulate(seed)).toEqual(await simulate(seed));
    expect((await simulate(1)).trace).not.toBe((await simulate(2)).trace);
  });

  it.each(Object.entries(brokenRules))('shows a broken rule: %s', async (_, rule) => {
    for (let seed = 1; seed <= seedsMax; seed += 1) {
      const { violations } = await simulate(seed, rule);
      if (violations.length > 0) return;
    }
    expect.unreachable(`${seedsMax} runs showed nothing`);
  });
});
