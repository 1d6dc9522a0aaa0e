import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PagePlace } from './page-rows.ts';
import { type NewPage, PageTable } from './page-table.ts';
import { checkAgainst, ModelTable, runSteps, tableSteps } from './testing/model-table.ts';

const setA = 'a'.repeat(32);
const setB = 'b'.repeat(32);
const kib = 1024;
const placeOf = (directory = 0, storedBytes = 4 * kib): PagePlace => ({
  directory,
  pack: 7,
  offset: 0xffff_0000,
  lengthBytes: storedBytes - 100,
  checksum: 0xdead_beef,
  storedBytes,
});
const normal: NewPage = { scope: 0, priority: 'normal', pinned: false, filledAtSeconds: 1000 };

function filled(table: PageTable, set: string, count: number, of: NewPage = normal): void {
  for (let index = 0; index < count; index += 1) table.add(set, index, placeOf(), of);
}

/** Evicts until nothing is left to evict: sets and indexes in their order. */
function evictAll(table: PageTable, directory = 0): string[] {
  const gone: string[] = [];
  for (let row = table.victim(directory); row !== -1; row = table.victim(directory)) {
    gone.push(`${table.setOf(row).slice(0, 1)}${table.indexOf(row)}`);
    table.remove(row);
  }
  return gone;
}

describe('a page in the table', () => {
  it('is found with all that was said of it, and not once it is removed', () => {
    const table = new PageTable();
    const place = placeOf(3);
    const row = table.add(setA, 5, place, { ...normal, filledAtSeconds: 4_000_000_000 });
    expect(table.find(setA, 5)).toBe(row);
    expect({
      directory: table.directoryOf(row),
      pack: table.packOf(row),
      offset: table.offsetOf(row),
      lengthBytes: table.lengthOf(row),
      checksum: table.checksumOf(row),
      storedBytes: table.storedBytesOf(row),
    }).toEqual(place);
    expect([table.setOf(row), table.indexOf(row), table.filledAtOf(row)]).toEqual([setA, 5, 4_000_000_000]);
    expect(table.find(setA, 4)).toBe(-1);
    expect(table.find(setB, 5)).toBe(-1);
    table.remove(row);
    expect([table.find(setA, 5), table.pageCount, table.setCount]).toEqual([-1, 0, 0]);
  });

  it('may be as long as the longest page, in the last directory, in a file of its own', () => {
    const table = new PageTable();
    const lengthBytes = 16 * kib * kib;
    const place = { ...placeOf(127), pack: -1, lengthBytes, storedBytes: lengthBytes + 16_383 };
    const row = table.add(setA, 2 ** 31 - 2, place, normal);
    expect([
      table.lengthOf(row),
      table.storedBytesOf(row),
      table.packOf(row),
      table.directoryOf(row),
    ]).toEqual([lengthBytes, lengthBytes + 16_383, -1, 127]);
  });

  it('is refused where a field has no room for it', () => {
    const table = new PageTable();
    expect(() => table.add(setA, -1, placeOf(), normal)).toThrow();
    expect(() => table.add(setA, 0, placeOf(128), normal)).toThrow();
    expect(() => table.add(setA, 0, { ...placeOf(), storedBytes: 2 ** 25 }, normal)).toThrow();
    expect(() => table.add(setA, 0, placeOf(), { ...normal, scope: 65_536 })).toThrow();
    expect(table.pageCount).toBe(0);
  });

  it('is not taken for another whose set differs in one bit', () => {
    const table = new PageTable();
    const ids = Array.from({ length: 128 }, (_, bit) => (1n << BigInt(bit)).toString(16).padStart(32, '0'));
    for (const [index, id] of ids.entries()) table.add(id, index, placeOf(), normal);
    for (const [index, id] of ids.entries()) {
      expect(table.setOf(table.find(id, index))).toBe(id);
      expect([...table.pagesOf(id)].map((row) => table.indexOf(row))).toEqual([index]);
    }
    expect(table.setCount).toBe(128);
  });

  it('lies elsewhere after it is added again, and stays one page in its place in the queue', () => {
    const table = new PageTable();
    filled(table, setA, 3);
    table.add(setA, 0, { ...placeOf(0, 8 * kib), pack: 9 }, normal);
    expect(table.packOf(table.find(setA, 0))).toBe(9);
    expect(table.usageIn(0)).toEqual({ bytes: 16 * kib, pages: 3 });
    table.add(setA, 1, placeOf(1), normal);
    expect([table.usageIn(0), table.usageIn(1)]).toEqual([
      { bytes: 12 * kib, pages: 2 },
      { bytes: 4 * kib, pages: 1 },
    ]);
    expect(evictAll(table)).toEqual(['a0', 'a2']);
  });
});

describe('what goes next', () => {
  it('is of the lowest priority, whatever was used', () => {
    const table = new PageTable();
    table.add(setA, 0, placeOf(), { ...normal, priority: 'high' });
    table.add(setB, 0, placeOf(), normal);
    table.add('c'.repeat(32), 0, placeOf(), { ...normal, priority: 'low' });
    table.touch(table.find('c'.repeat(32), 0));
    expect(evictAll(table)).toEqual(['c0', 'b0', 'a0']);
  });

  it('is never pinned, nor in another directory', () => {
    const table = new PageTable();
    filled(table, setA, 2, { ...normal, pinned: true });
    table.add(setB, 0, placeOf(1), normal);
    expect(table.victim(0)).toBe(-1);
    expect(evictAll(table, 1)).toEqual(['b0']);
    expect(table.usageIn(0).pages).toBe(2);
  });

  it('is of the scope that is asked for, in any directory', () => {
    const table = new PageTable();
    filled(table, setA, 2);
    table.add(setB, 0, placeOf(1), { ...normal, scope: 4 });
    const row = table.victimOf(4);
    expect(table.setOf(row)).toBe(setB);
    table.remove(row);
    expect([table.victimOf(4), table.usageOf(4).bytes, table.usageOf(0).bytes]).toEqual([-1, 0, 8 * kib]);
  });

  it('comes from scopes of equal priority in proportion to what they hold', () => {
    const table = new PageTable();
    filled(table, setA, 900, { ...normal, scope: 1 });
    filled(table, setB, 100, { ...normal, scope: 2 });
    for (let evicted = 0; evicted < 500; evicted += 1) table.remove(table.victim(0));
    expect(table.pageCountOf(setA)).toBeGreaterThan(440);
    expect(table.pageCountOf(setA)).toBeLessThan(460);
  });
});

describe('the policy of a set', () => {
  it('moves its pages: pinned ones stay, others go, bytes follow the scope', () => {
    const table = new PageTable();
    filled(table, setA, 3);
    expect(table.setPolicy(setA, { scope: 5, priority: 'low', pinned: true })).toBe(-1);
    expect([table.victim(0), table.usageOf(0).bytes, table.usageOf(5)]).toEqual([
      -1,
      0,
      { bytes: 12 * kib, pages: 3 },
    ]);
    expect(table.policyOf(setA)).toEqual({ scope: 5, priority: 'low', pinned: true, ttlSeconds: undefined });
    table.setPolicy(setA, { scope: 5, priority: 'low', pinned: false });
    expect(evictAll(table)).toEqual(['a0', 'a1', 'a2']);
  });

  it('holds at once for a set so large that its pages follow in parts', () => {
    const table = new PageTable();
    filled(table, setA, 20_000);
    const next = table.setPolicy(setA, { ...normal, pinned: true });
    expect(next).toBeGreaterThan(0);
    // Pages that have not followed yet are not evicted all the same.
    expect(table.victim(0)).toBe(-1);
    let from = next;
    while (from !== -1) from = table.setPolicy(setA, { ...normal, pinned: true }, from);
    expect(evictAll(table)).toEqual([]);
    expect(table.pageCount).toBe(20_000);
  });

  it('says when a page expires', () => {
    const table = new PageTable();
    filled(table, setA, 5, { ...normal, ttlSeconds: 60 });
    filled(table, setB, 5);
    expect(table.expired(1059, 100)).toEqual([]);
    const expired = [...table.expired(1060, 4), ...table.expired(1060, 4), ...table.expired(1060, 4)];
    expect(new Set(expired)).toEqual(new Set(table.pagesOf(setA)));
    table.setPolicy(setA, normal);
    expect(table.expired(9999, 100)).toEqual([]);
  });
});

describe('a dump', () => {
  const dumped = (table: PageTable) => [...table.dump(0)].map((part) => part.slice());
  const loaded = (parts: Uint8Array[]) => {
    const table = new PageTable();
    for (const part of parts) table.load(0, part, { scopeOf: (scope) => scope });
    return table;
  };

  it('keeps the order of eviction and what was used', () => {
    const table = new PageTable();
    filled(table, setA, 200);
    for (const index of [3, 3, 50, 50, 120, 120, 121]) table.touch(table.find(setA, index));
    for (let evicted = 0; evicted < 60; evicted += 1) table.remove(table.victim(0));
    const copy = loaded(dumped(table));
    const order = evictAll(copy);
    expect(order).toEqual(evictAll(table));
    expect(order.slice(-3)).toEqual(['a3', 'a50', 'a120']);
  });

  it('brings policies and times; loaded twice, it is loaded once', () => {
    const table = new PageTable();
    filled(table, setA, 3, { ...normal, scope: 9, priority: 'high', ttlSeconds: 77 });
    const parts = dumped(table);
    const copy = new PageTable();
    expect(parts.map((part) => copy.load(0, part, { scopeOf: () => 2 }))).toEqual([3]);
    expect(parts.map((part) => copy.load(0, part, { scopeOf: () => 2 }))).toEqual([0]);
    expect(copy.policyOf(setA)).toEqual({ scope: 2, priority: 'high', pinned: false, ttlSeconds: 77 });
    expect(copy.filledAtOf(copy.find(setA, 2))).toBe(1000);
    expect(copy.usageIn(0)).toEqual(table.usageIn(0));
  });

  it('holds every page that was in from its beginning to its end, whatever changed meanwhile', () => {
    const table = new PageTable();
    filled(table, setA, 9000);
    filled(table, setB, 9000, { ...normal, scope: 1 });
    const parts: Uint8Array[] = [];
    let steps = 0;
    for (const part of table.dump(0)) {
      parts.push(part.slice());
      steps += 1;
      table.remove(table.find(setA, steps));
      // What was not walked yet goes to a list that was.
      for (let from = steps === 3 ? 0 : -1; from !== -1; ) from = table.setPolicy(setB, normal, from);
    }
    const copy = loaded(parts);
    for (const set of [setA, setB]) {
      for (const row of table.pagesOf(set)) expect(copy.find(set, table.indexOf(row))).not.toBe(-1);
    }
  });

  it('loads from wherever its bytes lie in a buffer', () => {
    const table = new PageTable();
    filled(table, setA, 3);
    const [part] = dumped(table);
    for (const offset of [0, 1, 4, 7]) {
      const bytes = Buffer.concat([Buffer.alloc(offset), part!]).subarray(offset);
      const copy = new PageTable();
      expect(copy.load(0, bytes, { scopeOf: (scope) => scope })).toBe(3);
      expect([...copy.eachSet()]).toEqual([setA]);
    }
  });

  it('of any bytes at all loads without harm', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
        const table = new PageTable();
        const added = table.load(0, bytes, { scopeOf: (scope) => scope });
        expect(table.pageCount).toBe(added);
        for (const set of [...table.eachSet()]) expect(table.pageCountOf(set)).toBeGreaterThan(0);
      }),
    );
  });
});

it('agrees with a plain model after any steps', () => {
  fc.assert(
    fc.property(tableSteps, (steps) => {
      const table = new PageTable();
      const model = new ModelTable();
      runSteps(table, model, steps);
      checkAgainst(table, model);
    }),
    { numRuns: 300 },
  );
});
