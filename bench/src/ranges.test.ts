import { describe, expect, it } from 'vitest';
import { blockBytesOf, rangeOf } from './ranges.ts';

const range = (object: string, start: number, endExclusive: number) => ({
  object,
  objectSizeBytes: 25,
  start,
  endExclusive,
});

describe('reading in whole blocks', () => {
  it('counts each block that a range touches once, and of the last what the object has', () => {
    expect(blockBytesOf([range('a', 9, 11)], 10)).toBe(20);
    expect(blockBytesOf([range('a', 9, 11), range('a', 0, 10), range('a', 12, 13)], 10)).toBe(20);
    expect(blockBytesOf([range('a', 20, 21)], 10)).toBe(5);
    expect(blockBytesOf([range('a', 0, 25)], 100)).toBe(25);
  });

  it('keeps objects apart', () => {
    expect(blockBytesOf([range('a', 0, 1), range('b', 0, 1)], 10)).toBe(20);
  });

  it('reads nothing for an empty range', () => {
    expect(blockBytesOf([range('a', 10, 10)], 10)).toBe(0);
  });
});

it('reads ranges as they stand in headers', () => {
  const of = (header: string | undefined) => {
    const { start, endExclusive } = rangeOf(header, 'a', 100);
    return [start, endExclusive];
  };
  expect(of('bytes=0-9')).toEqual([0, 10]);
  expect(of('bytes=90-')).toEqual([90, 100]);
  expect(of('bytes=90-500')).toEqual([90, 100]);
  expect(of('bytes=-10')).toEqual([90, 100]);
  expect(of(undefined)).toEqual([0, 100]);
  expect(() => of('bytes=-')).toThrow();
  expect(() => of('bytes=0-1,4-5')).toThrow();
});
