import { describe, expect, test } from 'vitest';
import { chunkedBody } from '../../testing/chunked-body.ts';
import {
  bodyOf,
  crc32,
  crc32OfHello,
  type Headers,
  hashOf,
  read,
  refusalOf,
  sha256Of,
  signing,
  streaming,
  unsigned,
} from './body-fixture.ts';
import type { PayloadMode } from './payload-mode.ts';

const withTrailer = (data: string, value: string, name = crc32) => ({
  mode: streaming,
  headers: { 'x-amz-decoded-content-length': String(data.length), 'x-amz-trailer': name },
  pieces: [
    chunkedBody({
      chunks: [Buffer.from(data)],
      signing: undefined,
      trailers: [[name, value]],
      trailer: true,
    }),
  ],
});

describe('a request without a body', () => {
  test.each([
    ['no framing header', { method: 'PUT' }],
    ['DELETE', { method: 'DELETE', mode: sha256Of('') }],
    [
      'GET with a wrong hash and a body',
      { method: 'GET', mode: sha256Of('x'), headers: { 'content-length': '5' } },
    ],
    ['HEAD', { method: 'HEAD', headers: { 'transfer-encoding': 'chunked' } }],
  ])('%s: has no size and streams nothing', async (_, options) => {
    const body = bodyOf({ ...options, pieces: ['hello'] });
    expect(body.sizeBytes).toBeUndefined();
    expect(body.trailer).toBeUndefined();
    expect(await read(body)).toEqual({ text: '', error: undefined });
    expect(await body.bytes(0)).toHaveLength(0);
  });
});

describe('lengths', () => {
  test('a chunked body without any length is MissingContentLength', () => {
    const error = refusalOf({ headers: { 'transfer-encoding': 'chunked' } });
    expect(error).toMatchObject({ code: 'MissingContentLength', status: 411 });
  });

  test.each([undefined, '', 'x', '-1', '1.5'])('a decoded length of %s is MissingContentLength', (length) => {
    const headers = {
      'content-length': '5',
      ...(length !== undefined && { 'x-amz-decoded-content-length': length }),
    };
    expect(refusalOf({ mode: streaming, headers }).code).toBe('MissingContentLength');
  });

  test.each(['', 'x', '-1', '1e3'])('a content-length of "%s" is refused', (length) => {
    expect(refusalOf({ headers: { 'content-length': length } })).toMatchObject({ status: 400 });
  });

  test.each([
    [['hel'], '3'],
    [['hel', 'lo!'], '6'],
    [[], '0'],
  ])('%j is not a body of 5 bytes', async (pieces, provided) => {
    const { text, error } = await read(bodyOf({ pieces, headers: { 'content-length': '5' } }));
    expect(error).toMatchObject({
      code: 'IncompleteBody',
      fields: { NumberBytesExpected: '5', NumberBytesProvided: provided },
    });
    expect(text.length).toBeLessThan(Number(provided) || 1);
  });

  test('bytes() takes a body up to its limit', async () => {
    const hello = { pieces: ['he', 'llo'], headers: { 'content-length': '5' } };
    expect(Buffer.from(await bodyOf(hello).bytes(5)).toString()).toBe('hello');
    await expect(bodyOf(hello).bytes(4)).rejects.toMatchObject({ code: 'MalformedXML' });
  });

  test('a body is read once', async () => {
    const body = bodyOf({ pieces: ['hello'], headers: { 'content-length': '5' } });
    await read(body);
    expect(() => body.stream()).toThrow();
  });
});

describe('trailers', () => {
  test('the checksum is verified and its value known at the end', async () => {
    const body = bodyOf(withTrailer('hello', crc32OfHello));
    expect(body.sizeBytes).toBe(5);
    expect(body.trailer?.name).toBe(crc32);
    expect(() => body.trailer?.value()).toThrow();
    expect(await read(body)).toEqual({ text: 'hello', error: undefined });
    expect(body.trailer?.value()).toBe(crc32OfHello);
  });

  test.each([
    ['AAAAAA==', 'BadDigest', 'The CRC32 you specified did not match the calculated checksum.'],
    ['AAAA', 'InvalidRequest', 'Value for x-amz-checksum-crc32 trailing header is invalid.'],
    ['', 'InvalidRequest', 'Value for x-amz-checksum-crc32 trailing header is invalid.'],
  ])('of value "%s": %s, and the last bytes stay here', async (value, code, message) => {
    const body = bodyOf(withTrailer('hello', value));
    expect(await read(body)).toMatchObject({ text: '', error: { code, message } });
    expect(() => body.trailer?.value()).toThrow();
  });

  test.each(['x-amz-content-sha256', 'content-md5', 'foo', '', 'x-amz-checksum-foo', 'x-amz-checksum-type'])(
    '"%s" is not supported',
    (name) => {
      const headers = { 'x-amz-decoded-content-length': '5', 'x-amz-trailer': name };
      expect(refusalOf({ mode: streaming, headers })).toMatchObject({
        code: 'InvalidRequest',
        message: 'The value specified in the x-amz-trailer header is not supported',
      });
    },
  );

  test.each<Headers>([
    { 'x-amz-trailer': `${crc32},x-amz-checksum-sha1` },
    { 'x-amz-trailer': crc32, [crc32]: crc32OfHello },
  ])('%j is one checksum too many', (headers) => {
    const error = refusalOf({
      mode: streaming,
      headers: { 'x-amz-decoded-content-length': '5', ...headers },
    });
    expect(error.message).toMatch(/^Expecting a single/);
  });

  test.each<PayloadMode>([
    unsigned,
    sha256Of('hello'),
    { kind: 'streaming', signed: signing, trailer: false },
  ])('mode %j has none', (mode) => {
    const headers = { 'content-length': '5', 'x-amz-decoded-content-length': '5', 'x-amz-trailer': crc32 };
    expect(refusalOf({ mode, headers }).code).toBe('MalformedTrailerError');
  });
});

describe('signed streams', () => {
  const mode: PayloadMode = { kind: 'streaming', signed: signing, trailer: false };

  test('of no bytes: the signature of the end is verified', async () => {
    const encoded = chunkedBody({ chunks: [], signing, trailers: [], trailer: false });
    const headers = { 'x-amz-decoded-content-length': '0' };
    expect((await read(bodyOf({ mode, headers, pieces: [encoded] }))).error).toBeUndefined();
    const other = { ...signing, seedSignature: 'other' };
    const forged = chunkedBody({ chunks: [], signing: other, trailers: [], trailer: false });
    const { error } = await read(bodyOf({ mode, headers, pieces: [forged] }));
    expect(error?.code).toBe('SignatureDoesNotMatch');
  });

  test('the last bytes wait for the signature of the end', async () => {
    const encoded = chunkedBody({ chunks: [Buffer.from('hello')], signing, trailers: [], trailer: false });
    const headers = { 'x-amz-decoded-content-length': '5' };
    const { text, error } = await read(
      bodyOf({ mode, headers, pieces: [encoded.subarray(0, -4), '0\r\n\r\n'] }),
    );
    expect(text).toBe('');
    expect(error?.code).toBe('SignatureDoesNotMatch');
  });

  test('checksums and MD5 are those of the decoded body', async () => {
    const encoded = chunkedBody({ chunks: [Buffer.from('hello')], signing, trailers: [], trailer: false });
    const headers = {
      'x-amz-decoded-content-length': '5',
      'content-md5': hashOf('md5', 'hello'),
      [crc32]: crc32OfHello,
    };
    expect(await read(bodyOf({ mode, headers, pieces: [encoded] }))).toEqual({
      text: 'hello',
      error: undefined,
    });
  });
});

test('the first read is announced once, and not before', async () => {
  const events: string[] = [];
  const body = bodyOf({
    pieces: ['hello'],
    headers: { 'content-length': '5' },
    onFirstRead: () => events.push('first read'),
  });
  const stream = body.stream()[Symbol.asyncIterator]();
  expect(events).toEqual([]);
  await stream.next();
  await stream.next();
  expect(events).toEqual(['first read']);
});
