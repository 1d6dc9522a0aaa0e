import { expect, it } from 'vitest';
import { seededRandom } from './random.ts';

it('gives the same numbers for a seed, and spreads them below the bound', () => {
  const take = (seed: number) => {
    const random = seededRandom(seed);
    return Array.from({ length: 2000 }, () => random(10));
  };
  expect(take(1)).toEqual(take(1));
  expect(take(1)).not.toEqual(take(2));
  for (let value = 0; value < 10; value += 1) {
    expect(take(1).filter((one) => one === value).length).toBeGreaterThan(120);
  }
  expect(new Set(take(1)).size).toBe(10);
});
