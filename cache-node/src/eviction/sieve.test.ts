import { expect, it } from 'vitest';
import { Sieve } from './sieve.ts';

it('evicts in order of arrival what was never used again', () => {
  const sieve = new Sieve<number>();
  for (let item = 0; item < 4; item += 1) sieve.insert(item);
  expect([sieve.evict(), sieve.evict(), sieve.evict(), sieve.evict(), sieve.evict()]).toEqual([
    0,
    1,
    2,
    3,
    undefined,
  ]);
  expect(sieve.size).toBe(0);
});

it('spares what was visited, once per visit', () => {
  const sieve = new Sieve<string>();
  const hot = sieve.insert('hot');
  sieve.insert('cold');
  hot.visited = true;
  expect(sieve.evict()).toBe('cold');
  expect(sieve.evict()).toBe('hot');
});

it('keeps a hot set through a scan many times the size of the cache', () => {
  const sieve = new Sieve<number>();
  const entries = new Map<number, ReturnType<typeof sieve.insert>>();
  const use = (item: number) => {
    const entry = entries.get(item);
    if (entry) {
      entry.visited = true;
      return true;
    }
    if (sieve.size >= 100) entries.delete(sieve.evict()!);
    entries.set(item, sieve.insert(item));
    return false;
  };
  for (let item = 0; item < 50; item += 1) use(item);
  let hits = 0;
  for (let scanned = 0; scanned < 5000; scanned += 1) {
    use(1000 + scanned);
    if (use(scanned % 50)) hits += 1;
  }
  expect(hits).toBeGreaterThan(4900);
});

it('survives the removal of any entry, the hand included', () => {
  const sieve = new Sieve<number>();
  const entries = Array.from({ length: 10 }, (_, item) => sieve.insert(item));
  entries[0]!.visited = true;
  expect(sieve.evict()).toBe(1);
  sieve.remove(entries[2]!);
  sieve.remove(entries[9]!);
  const rest: number[] = [];
  for (let item = sieve.evict(); item !== undefined; item = sieve.evict()) rest.push(item);
  expect(rest.sort()).toEqual([0, 3, 4, 5, 6, 7, 8]);
});
