import { GiB } from '@forebay/core/bytes';
import { expect, it } from 'vitest';
import { curveLines } from './curve-text.ts';

const point = (cacheBytes: number, ratio: number) => ({ cacheBytes, hitRatio: ratio, byteHitRatio: ratio });
const between = (bytes: number, ratio: number) =>
  [1.19, 1.41, 1.68].map((step) => point(bytes * step, ratio));

it('says what more cache would bring', () => {
  const points = [point(GiB, 0.71), ...between(GiB, 0.8), point(2 * GiB, 0.88), ...between(2 * GiB, 0.88)];
  const lines = curveLines({ reads: 1000, cacheBytes: GiB, points });
  expect(lines.at(-1)).toBe('With 1 GiB more the hit ratio goes from 71.0 % to 88.0 %.');
  expect(lines).toContain('1 GiB  71.0 %    71.0 %    as it is now');
});

it('says where more would bring nothing, and where nothing is known', () => {
  const points = [point(GiB, 0.9), ...between(GiB, 0.9), point(2 * GiB, 0.901)];
  expect(curveLines({ reads: 5, cacheBytes: GiB, points }).at(-1)).toContain('is large enough');
  expect(curveLines({ reads: 0, cacheBytes: GiB, points: [] })).toEqual([
    'Nothing was read yet: there is no curve.',
  ]);
});
