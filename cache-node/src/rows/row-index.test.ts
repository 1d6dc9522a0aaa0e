import fc from 'fast-check';
import { expect, it } from 'vitest';
import { RowIndex } from './row-index.ts';
import { linkWord, noRow, Rows } from './rows.ts';

const hashWord = 1;

function indexOfRows(): {
  rows: Rows;
  index: RowIndex;
  add(hash: number): number;
  found(hash: number): number[];
} {
  const rows = new Rows(2);
  const index = new RowIndex(rows, (row) => rows.get(row, hashWord));
  return {
    rows,
    index,
    add(hash) {
      const row = rows.take();
      rows.set(row, hashWord, hash);
      index.add(row, hash);
      return row;
    },
    found(hash) {
      const found: number[] = [];
      for (let row = index.first(hash); row !== noRow; row = rows.get(row, linkWord)) {
        if (rows.get(row, hashWord) === (hash | 0)) found.push(row);
      }
      return found;
    },
  };
}

it('finds every row while it grows over chunks of rows and of chains', () => {
  const { add, found, rows, index } = indexOfRows();
  const hashOf = (key: number) => Math.imul(key, 0x9e3779b1);
  const count = 200_000;
  for (let key = 0; key < count; key += 1) expect(add(hashOf(key))).toBe(key);
  for (let key = 0; key < count; key += 97) expect(found(hashOf(key))).toEqual([key]);
  expect(found(hashOf(count + 5))).toEqual([]);
  expect((rows.allocatedBytes + index.allocatedBytes) / count).toBeLessThan(17);
});

it('finds rows whose hashes are the same, and each is taken out alone', () => {
  const { add, found, rows, index } = indexOfRows();
  const same = Array.from({ length: 3000 }, () => add(0x7fff_ffff));
  expect(found(0x7fff_ffff).sort((a, b) => a - b)).toEqual(same);
  index.remove(same[1500]!, 0x7fff_ffff);
  rows.release(same[1500]!);
  expect(found(0x7fff_ffff)).toHaveLength(2999);
});

it('agrees with a map of lists after any additions and removals', () => {
  const steps = fc.array(fc.record({ hash: fc.integer({ min: -20, max: 20 }), isAdded: fc.boolean() }));
  fc.assert(
    fc.property(steps, (all) => {
      const { add, found, rows, index } = indexOfRows();
      const model = new Map<number, number[]>();
      for (const { hash, isAdded } of all) {
        const known = model.get(hash) ?? [];
        if (isAdded) {
          model.set(hash, [...known, add(hash)]);
        } else if (known.length > 0) {
          index.remove(known[0]!, hash);
          rows.release(known[0]!);
          model.set(hash, known.slice(1));
        }
      }
      let count = 0;
      for (const [hash, known] of model) {
        expect(found(hash).sort()).toEqual([...known].sort());
        for (const row of known) expect(rows.isUsed(row)).toBe(true);
        count += known.length;
      }
      expect(rows.count).toBe(count);
    }),
  );
});

it('finds all rows when chains are made for more than there are, at any time', () => {
  const { index, add, found } = indexOfRows();
  const rows = new Map<number, number>();
  for (let at = 0; at < 20_000; at += 1) {
    if (at % 5_000 === 100) index.reserve(at * 10);
    const hash = Math.imul(at, 0x9e3779b1);
    rows.set(hash, add(hash));
  }
  for (const [hash, row] of rows) expect(found(hash)).toEqual([row]);
});

it('takes freed rows first, and knows which are in use', () => {
  const rows = new Rows(3);
  const taken = [rows.take(), rows.take(), rows.take()];
  rows.release(taken[1]!);
  rows.release(taken[0]!);
  expect(taken.map((row) => rows.isUsed(row))).toEqual([false, false, true]);
  expect([rows.take(), rows.take(), rows.take()]).toEqual([0, 1, 3]);
  expect([rows.isUsed(3), rows.isUsed(4), rows.isUsed(-1), rows.end]).toEqual([true, false, false, 4]);
});
