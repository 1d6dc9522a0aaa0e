import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  amzDateOf,
  canonicalHeaderValue,
  canonicalRequest,
  emptySha256,
  hmacSha256Hex,
  SigningKeys,
  stringToSign,
  uriEncodePath,
} from './sigv4.ts';

const secret = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';

it('derives the published signing key', () => {
  expect(new SigningKeys().get(secret, '20130524', 'us-east-1').toString('hex')).toBe(
    'dbb893acc010964918f1fd433add87c70e8b0db6be30c1fbeafefa5ec6ba8378',
  );
});

it('signs the published GET with a range', () => {
  const canonical = canonicalRequest({
    method: 'GET',
    path: '/test.txt',
    query: '',
    headers: [
      ['host', 'examplebucket.s3.amazonaws.com'],
      ['range', 'bytes=0-9'],
      ['x-amz-content-sha256', emptySha256],
      ['x-amz-date', '20130524T000000Z'],
    ],
    payloadHash: emptySha256,
  });
  const text = stringToSign('20130524T000000Z', '20130524/us-east-1/s3/aws4_request', canonical);
  expect(hmacSha256Hex(new SigningKeys().get(secret, '20130524', 'us-east-1'), text)).toBe(
    'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
  );
});

it('makes the same codes as another implementation, of any text', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), fc.string({ unit: 'binary' }), (key, text) => {
      expect(hmacSha256Hex(key, text)).toBe(createHmac('sha256', key).update(text).digest('hex'));
    }),
  );
});

it('writes each second of time as it is, also where time goes back', () => {
  for (const iso of ['2026-01-02T03:04:05.999Z', '2026-01-02T03:04:06.000Z', '2026-01-02T03:04:05.001Z']) {
    expect(amzDateOf(Date.parse(iso))).toBe(iso.replace(/[-:]|\.\d{3}/g, ''));
  }
});

it('encodes a path once and keeps its slashes and dots', () => {
  expect(uriEncodePath('/b//a/../é+%~(x)')).toBe('/b//a/../%C3%A9%2B%25~%28x%29');
});

it('trims spaces from a header value, and no byte of a character', () => {
  const bytes = (text: string) => Buffer.from(text).toString('latin1');
  for (const text of ['voil\u00e0', '\u00a0', '\u2003x', 'a\u0085']) {
    expect(canonicalHeaderValue(` \t${bytes(text)}\t `)).toBe(bytes(text));
  }
  expect(canonicalHeaderValue('  a   b  ')).toBe('a b');
  expect(canonicalHeaderValue(' \t ')).toBe('');
});
