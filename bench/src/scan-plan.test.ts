import { describe, expect, it } from 'vitest';
import { everyHot, lruHitShare, type ScanShape, scanSteps } from './scan-plan.ts';

const mebibyte = 1024 * 1024;
const shape: ScanShape = {
  mountName: 'lake',
  hotCount: 4,
  scanned: { sizeBytes: 8 * mebibyte, count: 5 },
  stepBytes: 64 * 1024,
  mibPerHotRead: 2,
};

describe('a scan with a hot set beside it', () => {
  it('reads every byte once, in order, with a hot read for each so many MiB', () => {
    const steps = scanSteps(shape);
    expect(steps.filter(({ hot }) => hot)).toHaveLength(20);
    let [object, at] = [0, 0];
    for (const { read } of steps.filter(({ hot }) => !hot)) {
      expect(read).toMatchObject({ object, range: { start: at } });
      at = read.range!.endExclusive;
      if (at === shape.scanned.sizeBytes) [object, at] = [object + 1, 0];
    }
    expect([object, at]).toEqual([5, 0]);
  });

  it('reads whole objects where no step is given', () => {
    const steps = scanSteps({ ...shape, stepBytes: undefined });
    expect(steps.filter(({ hot }) => !hot).map(({ read }) => read.range)).toEqual(Array(5).fill(undefined));
  });

  it('would push its hot set out of a small LRU, and not out of one that holds everything', () => {
    const steps = scanSteps(shape);
    expect(lruHitShare(everyHot(shape), steps, 44 * mebibyte)).toBe(1);
    expect(lruHitShare(everyHot(shape), steps, mebibyte)).toBeLessThan(0.3);
  });
});
