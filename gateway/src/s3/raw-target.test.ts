import { uriEncodePath } from '@forebay/core/sigv4';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { refusalOf } from './auth/auth-fixture.ts';
import { parseTarget } from './raw-target.ts';

const domains = ['s3.example.com', 'example.com'];
const parse = (target: string, host = '127.0.0.1:9000') => parseTarget(target, host, domains);

describe('the path', () => {
  it.each([
    ['/', undefined, undefined],
    ['/lake', 'lake', undefined],
    ['/lake/', 'lake', undefined],
    ['/lake/k', 'lake', 'k'],
    ['/lake//k', 'lake', '/k'],
    ['/lake//', 'lake', '/'],
    ['/lake/a//b/', 'lake', 'a//b/'],
    ['/lake/.', 'lake', '.'],
    ['/lake/..', 'lake', '..'],
    ['/lake/../other/k', 'lake', '../other/k'],
    ['/lake/a/./b', 'lake', 'a/./b'],
    ['/lake/%2E%2E/k', 'lake', '../k'],
    ['/lake/a+b', 'lake', 'a+b'],
    ['/lake/a%2Fb', 'lake', 'a/b'],
    ['/lake/%25', 'lake', '%'],
    ['/lake/%2525', 'lake', '%25'],
    ['/lake/a\\..\\b', 'lake', 'a\\..\\b'],
    ['/lake/a%3Fb%23c', 'lake', 'a?b#c'],
    ['/lake/%C3%A9', 'lake', 'é'],
    ['/lake/\u00c3\u00a9', 'lake', 'é'],
    ['/lake/http://x/y', 'lake', 'http://x/y'],
    ['http://10.0.0.1:80/lake/../k?x=1', 'lake', '../k'],
    ['https://host', undefined, undefined],
    ['HTTP://host/lake', 'lake', undefined],
  ])('%s names bucket %s, key %s', (target, bucket, key) => {
    expect(parse(target)).toMatchObject({ bucket, key, virtualHost: false });
  });

  it('is kept as sent, and encoded once from what it means', () => {
    expect(parse("/lake/%c3%a9+!'()*%7e/../x?y")).toMatchObject({
      rawPath: "/lake/%c3%a9+!'()*%7e/../x",
      canonicalPath: '/lake/%C3%A9%2B%21%27%28%29%2A~/../x',
    });
  });

  it.each([
    '/lake/%zz',
    '/lake/%',
    '/lake/%4',
    '/lake/%ff',
    '/lake/%C0%AF',
    '/lake/%ED%A0%80',
    '/lake/\u00ff',
  ])('%s is no URI', (target) => {
    expect(refusalOf(() => parse(target))).toMatchObject({
      status: 400,
      code: 'InvalidURI',
      message: "Couldn't parse the specified URI.",
    });
  });

  it('gives back any key that was encoded into it', () => {
    const key = fc.string({ unit: 'binary', minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(key, (name) => {
        expect(parse(`/lake/${uriEncodePath(name)}`).key).toBe(name);
        expect(parse(`/lake/${encodeURIComponent(name)}?x`).key).toBe(name);
      }),
    );
  });

  it('counts the bytes of a key, not its characters', () => {
    expect(parse(`/lake/${'k'.repeat(1024)}`).key).toHaveLength(1024);
    expect(parse(`/lake/${'%C3%A9'.repeat(512)}`).key).toHaveLength(512);
    expect(refusalOf(() => parse(`/lake/${'%C3%A9'.repeat(512)}k`))).toMatchObject({
      code: 'KeyTooLongError',
      fields: { Size: '1025', MaxSizeAllowed: '1024' },
    });
  });
});

describe('the host', () => {
  it.each([
    ['lake.s3.example.com', 'lake', 'k'],
    ['LAKE.S3.Example.com:9000', 'lake', 'k'],
    ['my.lake.s3.example.com', 'my.lake', 'k'],
    ['lake.example.com', 'lake', 'k'],
  ])('%s names the bucket', (host, bucket, key) => {
    expect(parse('/k', host)).toMatchObject({ bucket, key, virtualHost: true, canonicalPath: '/k' });
    expect(parse('/', host)).toMatchObject({ bucket, key: undefined });
    expect(parse('//k', host).key).toBe('/k');
  });

  it.each([
    's3.example.com',
    'S3.EXAMPLE.COM:443',
    'example.com',
    'localhost:9000',
    '10.0.0.1',
    '[::1]:9000',
    'notexample.com',
    '',
  ])('"%s" leaves that to the path', (host) => {
    expect(parse('/lake/k', host)).toMatchObject({ bucket: 'lake', key: 'k', virtualHost: false });
  });
});

describe('names of buckets', () => {
  it.each(['abc', '1a2', 'a.b-c', 'a'.repeat(63)])('%s is one', (name) => {
    expect(parse(`/${name}/k`).bucket).toBe(name);
  });

  it.each([
    'ab',
    'a'.repeat(64),
    'Lake',
    'a_b',
    '-ab',
    'ab-',
    '.ab',
    'ab.',
    'a..b',
    'a.-b',
    'a-.b',
    '10.0.0.1',
    '999.0.0.1',
    'a%20b',
    '',
  ])('"%s" is none', (name) => {
    expect(refusalOf(() => parse(`/${name}/k`))).toMatchObject({
      status: 400,
      code: 'InvalidBucketName',
      message: 'The specified bucket is not valid.',
      fields: { BucketName: decodeURIComponent(name) },
    });
  });

  it('are held to the same in the host', () => {
    expect(refusalOf(() => parse('/k', 'a_b.s3.example.com')).code).toBe('InvalidBucketName');
  });
});

describe('the query', () => {
  it('takes a parameter without a value for an empty one', () => {
    for (const target of ['/lake?uploads', '/lake?uploads=', '/lake?&uploads&']) {
      expect(parse(target).query.entries).toEqual([['uploads', '']]);
    }
  });

  it('is split at &, then at the first =, and decoded once: + is a space', () => {
    const { query } = parse('/lake?prefix=a+b%2B%2525/=c&x=1&x=2&pr%65fix2=%C3%A9?');
    expect(query.entries).toEqual([
      ['prefix', 'a b+%25/=c'],
      ['x', '1'],
      ['x', '2'],
      ['prefix2', 'é?'],
    ]);
    expect([query.get('x'), query.has('x'), query.has('y'), query.get('y')]).toEqual([
      '1',
      true,
      false,
      undefined,
    ]);
  });

  it('knows no inherited names', () => {
    expect(parse('/lake?a').query.has('__proto__')).toBe(false);
    expect(parse('/lake?__proto__=b').query.get('__proto__')).toBe('b');
  });

  it.each(['/lake?a=%zz', '/lake?%ff'])('%s is no URI', (target) => {
    expect(refusalOf(() => parse(target)).code).toBe('InvalidURI');
  });
});
