import { expect, it } from 'vitest';
import { RawHeaders } from './headers.ts';

it('finds headers by lower-case name and joins repeated ones with a bare comma, in order', () => {
  const headers = new RawHeaders(['X-Amz-Meta-K', 'a', 'Host', 'h', 'x-amz-meta-k', 'b', 'HOST', 'i']);
  expect([headers.get('x-amz-meta-k'), headers.get('host'), headers.get('absent')]).toEqual([
    'a,b',
    'h,i',
    undefined,
  ]);
});

it('lists headers by prefix in the order they came', () => {
  const headers = new RawHeaders(['x-amz-b', '1', 'y', '2', 'X-Amz-A', '3', 'x-amz-b', '4']);
  expect(headers.withPrefix('x-amz-')).toEqual([
    ['x-amz-b', '1,4'],
    ['x-amz-a', '3'],
  ]);
});

it('takes further headers and keeps those it has', () => {
  const headers = new RawHeaders(['a', '1']);
  const more = headers.with([
    ['a', '2'],
    ['b', '3'],
  ]);
  expect([more.get('a'), more.get('b'), headers.get('b')]).toEqual(['1', '3', undefined]);
});

it('knows no inherited names', () => {
  expect(new RawHeaders([]).get('constructor')).toBeUndefined();
  expect(new RawHeaders(['__proto__', 'x']).get('__proto__')).toBe('x');
});
