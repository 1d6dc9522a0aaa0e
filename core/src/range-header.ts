/** The `Range` header: the only place, with Content-Range, where ranges are inclusive (S3-WIRE 76, 78). */
import type { ByteRange, RangeRequest } from './range.ts';

/**
 * What a Range header asks for; undefined where it is absent or S3 ignores it: several ranges, other units,
 * nonsense.
 */
export function parseRange(header: string | undefined): RangeRequest | undefined {
  const match = header === undefined ? null : /^bytes=(\d*)-(\d*)$/.exec(header);
  if (!match) return undefined;
  const [, first = '', last = ''] = match;
  if (first === '') return last === '' ? undefined : { kind: 'suffix', lengthBytes: boundedNumber(last) };
  const start = boundedNumber(first);
  if (last === '') return { kind: 'from', start };
  if (BigInt(last) < BigInt(first)) return undefined;
  return { kind: 'span', start, endExclusive: boundedNumber(last) + 1 };
}

/** Content-Range of a part: `bytes 0-9/100`. */
export function contentRange(range: ByteRange, sizeBytes: number): string {
  return `bytes ${range.start}-${range.endExclusive - 1}/${sizeBytes}`;
}

/** Numbers beyond any object's size mean its end; beyond 2^53 they would lose their neighbours. */
function boundedNumber(digits: string): number {
  return Math.min(Number(digits), 2 ** 52);
}
