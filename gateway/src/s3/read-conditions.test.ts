import { describe, expect, it } from 'vitest';
import { RawHeaders } from './headers.ts';
import { parseHttpDate } from './http-date.ts';
import { parseIfRange, parseReadConditions } from './read-conditions.ts';

const dateMs = Date.UTC(1994, 10, 6, 8, 49, 37);
const date = 'Sun, 06 Nov 1994 08:49:37 GMT';

describe('dates', () => {
  it.each([
    date,
    'Sun, 6 Nov 1994 08:49:37 GMT',
    'Sunday, 06-Nov-94 08:49:37 GMT',
    'Sun Nov  6 08:49:37 1994',
    'Sun, 06 Nov 1994 09:49:37 +0100',
  ])('are read: %s', (text) => {
    expect(parseHttpDate(text)).toBe(dateMs);
  });

  it.each([
    undefined,
    '',
    '0',
    '1',
    '1994',
    '1994-11-06T08:49:37Z',
    'Sun, 06 Nov 1994',
    'Sun, 06 Foo 1994 08:49:37 GMT',
    `${date} x`,
  ])('are not read: %s', (text) => {
    expect(parseHttpDate(text)).toBeUndefined();
  });
});

describe('read conditions', () => {
  it('are taken as they stand', () => {
    const headers = new RawHeaders([
      ...['If-Match', '"a", "b"', 'If-None-Match', '*'],
      ...['If-Modified-Since', date, 'If-Unmodified-Since', date],
    ]);
    expect(parseReadConditions(headers)).toEqual({
      ifMatch: '"a", "b"',
      ifNoneMatch: '*',
      ifModifiedSinceMs: dateMs,
      ifUnmodifiedSinceMs: dateMs,
    });
  });

  it('leave out dates that cannot be read', () => {
    const headers = new RawHeaders(['If-Modified-Since', 'yesterday', 'If-None-Match', '"a"']);
    expect(parseReadConditions(headers)).toEqual({ ifNoneMatch: '"a"' });
    expect(parseReadConditions(new RawHeaders(['If-Unmodified-Since', 'now']))).toBeUndefined();
  });
});

describe('If-Range', () => {
  it.each([
    [undefined, undefined],
    ['"a"', { etag: '"a"' }],
    ['W/"a"', { etag: 'W/"a"' }],
    [date, { lastModifiedMs: dateMs }],
    ['neither', { etag: 'neither' }],
  ])('%s', (text, expected) => {
    expect(parseIfRange(text)).toEqual(expected);
  });
});
