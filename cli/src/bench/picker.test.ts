/** Which operations a workload makes, and on which objects. */
import { describe, expect, it } from 'vitest';
import { Picker } from './picker.ts';

const plan = {
  workload: 'read',
  objects: 10,
  sizeBytes: 1000,
  rangeBytes: 100,
  readRatio: 0.75,
  zipf: 0,
  seed: 1,
} as const;

function picked(changes: Partial<ConstructorParameters<typeof Picker>[0]>, stream = 0) {
  const picker = new Picker({ ...plan, ...changes }, stream);
  return Array.from({ length: 4000 }, () => picker.next());
}

describe('picks', () => {
  it('are the same with the same seed, and others in another process or with another seed', () => {
    expect(picked({})).toEqual(picked({}));
    expect(picked({})).not.toEqual(picked({}, 1));
    expect(picked({})).not.toEqual(picked({ seed: 2 }));
  });

  it.each([
    ['read', ['read']],
    ['write', ['write']],
    ['list', ['list']],
    ['ranges', ['read']],
    ['mixed', ['read', 'write']],
  ] as const)('of %s are %s', (workload, kinds) => {
    expect([...new Set(picked({ workload }).map(({ kind }) => kind))].sort()).toEqual(kinds);
  });

  it('keep the share of reads', () => {
    const reads = picked({ workload: 'mixed' }).filter(({ kind }) => kind === 'read').length;
    expect(reads / 4000).toBeCloseTo(0.75, 1);
  });

  it('take ranges of the size that was asked for, up to the last byte', () => {
    const ranges = picked({ workload: 'ranges', rangeBytes: 997 }).map(({ range }) => range);
    expect(new Set(ranges.map((range) => range!.start))).toEqual(new Set([0, 1, 2, 3]));
    for (const range of ranges) expect(range!.endExclusive - range!.start).toBe(997);
  });

  it('take all objects alike, or by their popularity', () => {
    const counts = (zipf: number) => {
      const of = new Array<number>(10).fill(0);
      for (const { object } of picked({ zipf })) of[object]! += 1;
      return of;
    };
    for (const count of counts(0)) expect(count).toBeGreaterThan(300);
    const [first, second, , , fifth] = counts(1);
    expect(first! / second!).toBeCloseTo(2, 0);
    expect(first! / fifth!).toBeGreaterThan(4);
    expect(first! / fifth!).toBeLessThan(6.5);
  });
});
