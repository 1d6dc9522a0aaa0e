import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type RegisterOperation, violationOf } from './support/linearizable.ts';

type Operation = RegisterOperation<number>;
const never = Number.POSITIVE_INFINITY;
const write = (value: number, start: number, end: number): Operation => ({
  kind: 'write',
  value,
  start,
  end,
});
const read = (value: number, start: number, end: number): Operation => ({ kind: 'read', value, start, end });

describe('the histories of one register', () => {
  it('lets a read see what was there, and what was written while it lasted', () => {
    expect(violationOf([write(1, 0, 10), read(0, 1, 3), read(1, 4, 6)], 0)).toBeUndefined();
    expect(violationOf([write(1, 0, 10), read(1, 11, 12)], 0)).toBeUndefined();
  });

  it('finds a read that misses a write which was over', () => {
    const stale = read(0, 11, 12);
    expect(violationOf([write(1, 0, 10), stale], 0)).toEqual({ operation: stale, possible: [1] });
  });

  it('finds a read that goes back behind what another read saw', () => {
    expect(violationOf([write(1, 0, 10), read(1, 1, 3), read(0, 4, 6)], 0)).toBeDefined();
  });

  it('lets a write of unknown outcome happen late, or never, but once', () => {
    const unknown = write(1, 0, never);
    expect(violationOf([unknown, read(0, 1, 2), read(1, 50, 51)], 0)).toBeUndefined();
    expect(violationOf([unknown, read(0, 1, 2)], 0)).toBeUndefined();
    const back = [unknown, read(1, 10, 11), write(2, 12, 13), read(1, 14, 15)];
    expect(violationOf(back, 0)).toBeDefined();
  });

  it('says what an order of all operations says, whatever the history', () => {
    const operation = fc
      .tuple(fc.constantFrom('read', 'write'), fc.nat(2), fc.nat(12), fc.nat(6), fc.boolean())
      .map(([kind, value, start, length, isUnknown]) => ({
        kind: kind as 'read' | 'write',
        ...{ value, start: start * 2 },
        end: kind === 'write' && isUnknown ? never : start * 2 + length * 2 + 1,
      }));
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 6 }), (history) => {
        expect(violationOf(history, 0) === undefined).toBe(hasOrder(history, 0));
      }),
      { numRuns: 3000 },
    );
  });
});

/** By trying every order: what starts after another has ended stands behind it; unknown ones may be left. */
function hasOrder(left: readonly Operation[], value: number): boolean {
  if (left.every(({ end }) => end === never)) return true;
  const firstEnd = Math.min(...left.map(({ end }) => end));
  return left.some((next) => {
    if (next.start > firstEnd) return false;
    const rest = left.filter((other) => other !== next);
    if (next.kind === 'read') return next.value === value && hasOrder(rest, value);
    return hasOrder(rest, next.value);
  });
}
