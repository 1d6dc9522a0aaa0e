import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { resolveRange } from './range.ts';
import { contentRange, parseRange } from './range-header.ts';

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

/** The positions that RFC 9110 14.1.2 gives a range, counted out one by one; S3-WIRE 76-78 say the rest. */
function countedOut(first: string, last: string, sizeBytes: number): string {
  if (first === '' && last === '') return '200';
  if (first !== '' && last !== '' && BigInt(last) < BigInt(first)) return '200';
  if (first === '' && sizeBytes === 0 && BigInt(last) > 0n) return '200';
  const isIn = (position: number) =>
    first === ''
      ? BigInt(sizeBytes - position) <= BigInt(last)
      : BigInt(position) >= BigInt(first) && (last === '' || BigInt(position) <= BigInt(last));
  const positions = Array.from({ length: sizeBytes }, (_, position) => position).filter(isIn);
  return positions.length === 0 ? '416' : `bytes ${positions[0]}-${positions.at(-1)}/${sizeBytes}`;
}

it('is answered as its positions are counted out, whatever its numbers', () => {
  const near = fc.nat(25).map(String);
  const digits = fc.oneof(
    fc.constant(''),
    near,
    fc.bigInt(0n, 2n ** 70n).map(String),
    near.map((n) => `00${n}`),
  );
  fc.assert(
    fc.property(digits, digits, fc.nat(20), (first, last, sizeBytes) => {
      expect(answerTo(`bytes=${first}-${last}`, sizeBytes)).toBe(countedOut(first, last, sizeBytes));
    }),
    { numRuns: 2000 },
  );
});

it('is ignored where it is no single range of bytes', () => {
  const noise = fc.string({ unit: fc.constantFrom(...'bytes=-,0123 \t+x'), maxLength: 14 });
  fc.assert(
    fc.property(noise, fc.nat(20), (header, sizeBytes) => {
      fc.pre(!/^bytes=(\d+-\d*|-\d+)$/.test(header));
      expect(answerTo(header, sizeBytes)).toBe('200');
    }),
    { numRuns: 1000 },
  );
});

it('is absent where there is no header', () => {
  expect(parseRange(undefined)).toBeUndefined();
});
