import fc from 'fast-check';
import { expect, it } from 'vitest';
import { noRow, Rows } from '../rows/rows.ts';
import { S3FifoQueue } from './s3-fifo-queue.ts';

const words = { newer: 1, older: 2, state: 3 };
const keyWord = 4;

/** A cache of so many keys under the queue. */
class Cache {
  readonly rows = new Rows(5);
  readonly queue = new S3FifoQueue(this.rows, words);
  readonly #rowOf = new Map<number, number>();
  readonly #keysMax: number;

  constructor(keysMax: number) {
    this.#keysMax = keysMax;
  }

  has(key: number): boolean {
    return this.#rowOf.has(key);
  }

  /** True for a hit. */
  use(key: number): boolean {
    const row = this.#rowOf.get(key);
    if (row !== undefined) {
      this.queue.touch(row);
      return true;
    }
    if (this.#rowOf.size >= this.#keysMax) this.evict();
    const added = this.rows.take();
    this.rows.set(added, words.state, 0);
    this.rows.set(added, keyWord, key);
    this.queue.insert(added, Math.imul(key, 0x9e3779b1));
    this.#rowOf.set(key, added);
    return false;
  }

  evict(): number {
    const row = this.queue.victim();
    if (row === noRow) return -1;
    const key = this.rows.get(row, keyWord);
    this.remove(key);
    return key;
  }

  remove(key: number): void {
    const row = this.#rowOf.get(key);
    if (row === undefined) return;
    this.queue.drop(row, Math.imul(key, 0x9e3779b1));
    this.rows.release(row);
    this.#rowOf.delete(key);
  }

  get keys(): number[] {
    return [...this.#rowOf.keys()];
  }
}

const range = (count: number) => Array.from({ length: count }, (_, at) => at);

it('names what was never used again, in order of arrival', () => {
  const cache = new Cache(10);
  for (const key of range(4)) cache.use(key);
  expect(range(5).map(() => cache.evict())).toEqual([0, 1, 2, 3, -1]);
});

it('keeps what was used twice since it arrived, and lets go what was used once', () => {
  const cache = new Cache(100);
  for (const key of range(100)) cache.use(key);
  cache.use(0);
  cache.use(0);
  cache.use(1);
  for (const key of range(89)) cache.use(1000 + key);
  expect([cache.has(0), cache.has(1)]).toEqual([true, false]);
});

it('puts what comes back soon after it left beyond the reach of a scan', () => {
  const cache = new Cache(100);
  for (const key of range(150)) cache.use(key);
  expect(cache.has(49)).toBe(false);
  cache.use(49);
  for (const key of range(200)) cache.use(1000 + key);
  expect([cache.has(49), cache.has(149)]).toEqual([true, false]);
});

it('does not take a scan that reads a page many times right after its fill for use', () => {
  for (const keysMax of [100, 2000]) {
    for (const readsPerPage of [1, 16]) {
      const cache = new Cache(keysMax);
      const hot = range(keysMax * 0.8);
      for (let use = 0; use < 4; use += 1) for (const key of hot) cache.use(key);
      // Pages are filled eight ahead of their reads. For each, one of the hot ones is asked for.
      let hits = 0;
      const scanned = keysMax * 10;
      for (const page of range(scanned)) {
        cache.use(10_000 + page + 8);
        for (let read = 1; read < readsPerPage; read += 1) cache.use(10_000 + page);
        if (cache.use(page % hot.length)) hits += 1;
      }
      expect(hits / scanned, `${readsPerPage} reads per page`).toBeGreaterThan(0.95);
    }
  }
});

it('names a row without delay where all are hot', () => {
  const cache = new Cache(20_000);
  for (const key of range(20_000)) cache.use(key);
  for (let use = 0; use < 3; use += 1) for (const key of range(20_000)) cache.use(key);
  expect(cache.evict()).not.toBe(-1);
  expect(cache.queue.laps).toBeLessThan(0.3);
});

it('walks every row once while none moves', () => {
  const cache = new Cache(500);
  for (const key of range(700)) cache.use(key);
  for (const key of range(100)) cache.use(500 + key);
  cache.queue.rewind();
  const walked: number[] = [];
  for (let row = cache.queue.step(); row !== noRow; row = cache.queue.step()) {
    walked.push(cache.rows.get(row, keyWord));
  }
  expect(walked.sort()).toEqual(cache.keys.sort());
});

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('use' as const), key: fc.nat(60) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('remove' as const), key: fc.nat(60) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('evict' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('rewind' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('walk' as const), rows: fc.nat(20) }) },
);

it('loses no row and walks past none that stays, whatever happens meanwhile', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const cache = new Cache(40);
      let expected = new Set<number>();
      const walk = (rowsMax: number) => {
        for (let row = noRow, count = 0; count < rowsMax; count += 1) {
          row = cache.queue.step();
          if (row === noRow) break;
          expected.delete(cache.rows.get(row, keyWord));
        }
      };
      cache.queue.rewind();
      for (const each of steps) {
        if (each.do === 'use') cache.use(each.key);
        else if (each.do === 'remove') cache.remove(each.key);
        else if (each.do === 'evict') cache.evict();
        else if (each.do === 'walk') walk(each.rows);
        else {
          cache.queue.rewind();
          expected = new Set(cache.keys);
        }
        const left = new Set(cache.keys);
        for (const key of expected) if (!left.has(key)) expected.delete(key);
        expect(cache.queue.count).toBe(left.size);
      }
      walk(Number.POSITIVE_INFINITY);
      expect([...expected]).toEqual([]);
      const rest = cache.keys;
      expect(rest.map(() => cache.evict()).sort()).toEqual(rest.sort());
      expect([cache.evict(), cache.rows.count]).toEqual([-1, 0]);
    }),
    { numRuns: 300 },
  );
});
