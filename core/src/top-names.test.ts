import { expect, it } from 'vitest';
import { TopNames } from './top-names.ts';

it('finds what comes up most among far more names than it keeps', () => {
  const top = new TopNames(50);
  for (let round = 0; round < 2000; round += 1) {
    for (let hot = 0; hot < 5; hot += 1) if (round % (hot + 1) === 0) top.add(`hot${hot}`, 1, 10);
    top.add(`once${round}`, 1, 1);
  }
  const found = top.top(5);
  expect(found.map(({ name }) => name)).toEqual(['hot0', 'hot1', 'hot2', 'hot3', 'hot4']);
  expect(found[0]).toEqual({ name: 'hot0', count: 2000, bytes: 20_000 });
  expect(top.top(1000)).toHaveLength(50);
});

it('forgets what was', () => {
  const top = new TopNames(10);
  top.add('old', 100, 100);
  top.halve();
  top.halve();
  top.add('new', 30, 30);
  expect(top.top(2).map(({ name, count }) => [name, count])).toEqual([
    ['new', 30],
    ['old', 25],
  ]);
  for (let halvings = 0; halvings < 20; halvings += 1) top.halve();
  expect(top.top(2)).toEqual([]);
});
