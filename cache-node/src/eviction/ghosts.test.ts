import { expect, it } from 'vitest';
import { Ghosts } from './ghosts.ts';

const hashOf = (key: number) => {
  const hash = Math.imul(key ^ (key >>> 16), 0x85ebca6b);
  return Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35) ^ (hash >>> 16);
};

it('remembers the last keys, forgets those before, and seldom takes another for one of them', () => {
  const keysMax = 10_000;
  const ghosts = new Ghosts();
  for (let key = 0; key < 100_000; key += 1) ghosts.add(hashOf(key), keysMax);
  const share = (from: number, endExclusive: number) => {
    let found = 0;
    for (let key = from; key < endExclusive; key += 1) if (ghosts.has(hashOf(key))) found += 1;
    return found / (endExclusive - from);
  };
  expect(share(100_000 - keysMax, 100_000)).toBe(1);
  expect(share(0, 100_000 - keysMax * 3)).toBeLessThan(0.03);
  expect(share(100_000, 200_000)).toBeLessThan(0.03);
  expect(ghosts.memoryBytes).toBeLessThan(5 * keysMax);
});

it('grows with the queue it is for', () => {
  const ghosts = new Ghosts();
  for (let key = 0; key < 50_000; key += 1) ghosts.add(hashOf(key), key / 2);
  let taken = 0;
  for (let key = 1_000_000; key < 1_050_000; key += 1) if (ghosts.has(hashOf(key))) taken += 1;
  expect(taken / 50_000).toBeLessThan(0.03);
});
