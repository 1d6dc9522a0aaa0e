import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { UseSketch, usesMax } from './use-sketch.ts';

const setOf = (name: string | number) => createHash('sha256').update(String(name)).digest('hex').slice(0, 32);

it('counts the uses of each page, up to its most', () => {
  const sketch = new UseSketch({ memoryBytes: 1 << 16 });
  const page = { set: setOf('a'), index: 3 };
  const counts = Array.from({ length: 17 }, () => sketch.use(page));
  expect(counts).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, usesMax, usesMax, usesMax]);
  expect(sketch.use({ ...page, index: 4 })).toBe(1);
  expect(sketch.use({ set: setOf('b'), index: 3 })).toBe(1);
});

it('tells a page of its first use from one used before, as long as there are fewer than its bytes', () => {
  const sketch = new UseSketch({ memoryBytes: 1 << 16 });
  let counted = 0;
  for (let page = 0; page < 1 << 14; page += 1) {
    if (sketch.use({ set: setOf(page >> 4), index: page & 15 }) > 1) counted += 1;
  }
  expect(counted / (1 << 14)).toBeLessThan(0.01);
});

it('never counts too little between two halvings', () => {
  const sketch = new UseSketch({ memoryBytes: 1024 });
  const uses = new Map<string, number>();
  for (let use = 0; use < 1000; use += 1) {
    const page = { set: setOf(use % 7), index: use % 13 };
    const key = `${page.set}${page.index}`;
    uses.set(key, (uses.get(key) ?? 0) + 1);
    expect(sketch.use(page)).toBeGreaterThanOrEqual(Math.min(uses.get(key)!, usesMax));
  }
});

it('forgets: what was used long ago begins again', () => {
  const sketch = new UseSketch({ memoryBytes: 1024 });
  const page = { set: setOf('once hot'), index: 0 };
  for (let use = 0; use < usesMax; use += 1) sketch.use(page);
  // Each halving comes after as many uses as there are bytes.
  for (let use = 0; use < 1024 * 3; use += 1) sketch.use({ set: setOf(`hot ${use % 4}`), index: 0 });
  expect(sketch.use(page)).toBeLessThan(4);
});

it('has the memory that it was given, rounded down to a power of two', () => {
  expect(new UseSketch({ memoryBytes: 3_000_000 }).memoryBytes).toBe(1 << 21);
});
