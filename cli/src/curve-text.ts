/** The curve of `forebay status --curve`, for people. */
import { formatSize } from '@forebay/core/bytes';
import type { CurveView } from '@forebay/core/curve';
import { table } from './terminal.ts';

const pointsPerLine = 4;
const percent = (ratio: number) => `${(ratio * 100).toFixed(1)} %`;

export function curveLines({ reads, cacheBytes, points }: CurveView): string[] {
  if (points.length === 0) return ['Nothing was read yet: there is no curve.'];
  const rows = points
    .filter((_, index) => index % pointsPerLine === 0)
    .map((point) => [
      formatSize(point.cacheBytes),
      percent(point.hitRatio),
      percent(point.byteHitRatio),
      point.cacheBytes === cacheBytes ? 'as it is now' : '',
    ]);
  return [
    `From ${reads} page reads: what an LRU cache of each size would have answered.`,
    ...table([['CACHE', 'OF READS', 'OF BYTES', ''], ...rows]),
    '',
    adviceOf(cacheBytes, points),
  ];
}

/** What doubling the cache would bring. */
function adviceOf(cacheBytes: number, points: CurveView['points']): string {
  const ratioAt = (bytes: number) => points.find((point) => point.cacheBytes >= bytes)?.hitRatio ?? 0;
  const [now, doubled] = [ratioAt(cacheBytes), ratioAt(2 * cacheBytes)];
  const more = `With ${formatSize(cacheBytes)} more`;
  if (doubled - now < 0.005)
    return `${more} the hit ratio stays at ${percent(now)}: the cache is large enough.`;
  return `${more} the hit ratio goes from ${percent(now)} to ${percent(doubled)}.`;
}
