import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BufferPool } from './buffer-pool.ts';

const KiB = 1024;

describe('a buffer pool', () => {
  it('lends at least what is asked for, in powers of two', () => {
    const pool = new BufferPool({ keptBytesMax: 0 });
    const sizes = [1, 4 * KiB, 4 * KiB + 1, 64 * KiB, 1000 * KiB, 1024 * KiB, 16 * 1024 * KiB];
    const lent = sizes.map((size) => pool.take(size).byteLength / KiB);
    expect(lent).toEqual([4, 4, 8, 64, 1024, 1024, 16 * 1024]);
  });

  it('lends again what came back, also for another size of the class', () => {
    const pool = new BufferPool({ keptBytesMax: 64 * KiB });
    const first = pool.take(33 * KiB);
    pool.give(first);
    expect(pool.take(64 * KiB)).toBe(first);
    expect(pool.take(64 * KiB)).not.toBe(first);
  });

  it('refuses a buffer that came back already, and one that is not its own', () => {
    const pool = new BufferPool({ keptBytesMax: 64 * KiB });
    const buffer = pool.take(4 * KiB);
    pool.give(buffer);
    expect(() => pool.give(buffer)).toThrow();
    expect(() => pool.give(Buffer.alloc(4 * KiB))).toThrow();
    const view = pool.take(4 * KiB).subarray(0, 10);
    expect(() => pool.give(view)).toThrow();
  });

  it('keeps the sizes that are in use, and lets go of those that were', () => {
    const pool = new BufferPool({ keptBytesMax: 1024 * KiB });
    const large = pool.take(1024 * KiB);
    pool.give(large);
    const small = pool.take(64 * KiB);
    pool.give(small);
    expect(pool.idleBytes).toBe(64 * KiB);
    expect(pool.take(64 * KiB)).toBe(small);
  });

  it('never keeps more than its bound, never lends one buffer twice, and counts what it lent', () => {
    const step = fc.oneof(
      fc.record({ take: fc.integer({ min: 1, max: 300 * KiB }) }),
      fc.record({ give: fc.nat() }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), fc.nat({ max: 1024 * KiB }), (steps, keptBytesMax) => {
        const pool = new BufferPool({ keptBytesMax });
        const lent: Buffer[] = [];
        for (const action of steps) {
          if ('take' in action) {
            const buffer = pool.take(action.take);
            expect(buffer.byteLength).toBeGreaterThanOrEqual(action.take);
            expect(lent.includes(buffer)).toBe(false);
            lent.push(buffer);
          } else if (lent.length > 0) {
            pool.give(lent.splice(action.give % lent.length, 1)[0]!);
          }
          expect(pool.idleBytes).toBeLessThanOrEqual(keptBytesMax);
          expect(pool.lentBytes).toBe(lent.reduce((sum, buffer) => sum + buffer.byteLength, 0));
        }
      }),
    );
  });
});
