/** A short run of the kill rounds (`npm run faults` is the long one). */
import { describe, expect, it } from 'vitest';
import { killRounds } from '../faults/kill-rounds.ts';
import { needs } from '../support/tools.ts';

describe('a Forebay that is killed at random instants', await needs('versitygw'), () => {
  it('while it fills, writes and evicts starts warm, within its budget, with the right bytes', async () => {
    const seed = Math.floor(Math.random() * 2 ** 31);
    const { faults, rounds, evictions, writes } = await killRounds({ seed, rounds: 8 });
    expect(faults).toEqual([]);
    expect(rounds).toBe(8);
    // What is promised is put to the test only where these happen.
    expect(evictions).toBeGreaterThan(0);
    expect(writes).toBeGreaterThan(0);
  });
});
