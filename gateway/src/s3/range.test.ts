import { resolveRange } from '@forebay/core/range';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contentRange, parseRange } from './range.ts';

/** Content-Range of the 206, 200 for the whole object, or 416. */
function answerTo(header: string, sizeBytes: number): string {
  const resolved = resolveRange(parseRange(header), sizeBytes);
  if (resolved === 'unsatisfiable') return '416';
  return resolved.whole ? '200' : contentRange(resolved.range, sizeBytes);
}

describe('a range of an object of 100 bytes', () => {
  it.each([
    ['bytes=0-0', 'bytes 0-0/100'],
    ['bytes=0-99', 'bytes 0-99/100'],
    ['bytes=50-', 'bytes 50-99/100'],
    ['bytes=0-100', 'bytes 0-99/100'],
    ['bytes=0-999999', 'bytes 0-99/100'],
    ['bytes=0-99999999999999999999999', 'bytes 0-99/100'],
    ['bytes=00-01', 'bytes 0-1/100'],
    ['bytes=-1', 'bytes 99-99/100'],
    ['bytes=-100', 'bytes 0-99/100'],
    ['bytes=-101', 'bytes 0-99/100'],
    ['bytes=100-', '416'],
    ['bytes=100-110', '416'],
    ['bytes=99999999999999999999999-', '416'],
    ['bytes=-0', '416'],
    ['bytes=10-5', '200'],
    ['bytes=abc', '200'],
    ['bytes=1', '200'],
    ['bytes=-', '200'],
    ['bytes=--1', '200'],
    ['bytes= -1', '200'],
    ['bytes=0 -1', '200'],
    ['bytes=100-x', '200'],
    ['bytes=,', '200'],
    ['0-99', '200'],
    ['foo=0-1', '200'],
    ['', '200'],
    ['bytes=0-0,1-2', '200'],
  ])('%s: %s', (header, answer) => {
    expect(answerTo(header, 100)).toBe(answer);
  });
});

describe('a range of an empty object', () => {
  it.each([
    ['bytes=0-', '416'],
    ['bytes=0-0', '416'],
    ['bytes=40-50', '416'],
    ['bytes=-0', '416'],
    ['bytes=-1', '200'],
    ['bytes=abc', '200'],
  ])('%s: %s', (header, answer) => {
    expect(answerTo(header, 0)).toBe(answer);
  });
});

it('means exactly the bytes it names', () => {
  fc.assert(
    fc.property(fc.nat(200), fc.nat(200), (start, last) => {
      const range = parseRange(`bytes=${start}-${last}`);
      expect(range).toEqual(last < start ? undefined : { kind: 'span', start, endExclusive: last + 1 });
    }),
  );
});

it('is absent where there is no header', () => {
  expect(parseRange(undefined)).toBeUndefined();
});
