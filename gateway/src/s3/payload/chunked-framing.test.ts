import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { chunkedBody, chunkSigningOf } from '../../testing/chunked-body.ts';
import { decode, modes } from './decode-fixture.ts';

describe.each(modes)('the frame of a body that is $name', ({ signed, trailer }) => {
  const signing = signed ? chunkSigningOf('secret') : undefined;
  const trailers: [string, string][] = trailer ? [['x-amz-checksum-crc32', 'NhCmhg==']] : [];
  const options = (decodedBytes: number) => ({
    signing,
    trailer,
    decodedBytes,
    trailerName: trailers[0]?.[0],
  });

  test('is not over before its last byte', () => {
    const encoded = chunkedBody({ chunks: [Buffer.from('hello')], signing, trailers, trailer });
    for (let length = 0; length < encoded.length; length += 1) {
      expect(decode(options(5), [encoded.subarray(0, length)]).error?.code).toBe('IncompleteBody');
    }
  });

  test('has no byte after its end', () => {
    const encoded = chunkedBody({ chunks: [Buffer.from('hello')], signing, trailers, trailer });
    const result = decode(options(5), [encoded, Buffer.from('\r\n')]);
    expect(result.error?.code).toBe('IncompleteBody');
  });

  test.each([4, 6, 0])('of 5 bytes is not one of %i', (decodedBytes) => {
    const encoded = chunkedBody({ chunks: [Buffer.from('hello')], signing, trailers, trailer });
    expect(decode(options(decodedBytes), [encoded]).error).toMatchObject({
      code: 'IncompleteBody',
      fields: { NumberBytesExpected: String(decodedBytes), NumberBytesProvided: '5' },
    });
  });

  test('has no small chunk before another', () => {
    const encoded = chunkedBody({
      chunks: [Buffer.alloc(8192), Buffer.alloc(8191), Buffer.alloc(1)],
      signing,
      trailers,
      trailer,
    });
    expect(decode(options(16_384), [encoded]).error).toMatchObject({
      code: 'InvalidChunkSizeError',
      status: 403,
      fields: { Chunk: '2', BadChunkSize: '8191' },
    });
  });
});

describe.each(modes)('a damaged body that is $name', ({ signed, trailer }) => {
  const signing = signed ? chunkSigningOf('secret') : undefined;
  const trailers: [string, string][] = trailer ? [['x-amz-checksum-crc32', 'NhCmhg==']] : [];
  const options = (decodedBytes: number) => ({
    signing,
    trailer,
    decodedBytes,
    trailerName: trailers[0]?.[0],
  });

  test('is refused, never misread, where a byte of its framing is wrong', () => {
    const encoded = chunkedBody({ chunks: [Buffer.from('hello')], signing, trailers, trailer });
    const dataStart = encoded.indexOf('hello');
    fc.assert(
      fc.property(fc.nat(encoded.length - 1), fc.nat(255), (position, byte) => {
        fc.pre(signed || position < dataStart || position >= dataStart + 5);
        const damaged = Buffer.from(encoded);
        damaged[position] = byte;
        const result = decode(options(5), [damaged]);
        if (result.error) return;
        expect(result.data.toString()).toBe('hello');
      }),
      { numRuns: 1000 },
    );
  });
});

describe('unsigned chunks', () => {
  test.each([
    ['a bare LF after the size', '5\nhello\r\n0\r\n\r\n'],
    ['a bare CR after the size', '5\rhello\r\n0\r\n\r\n'],
    ['no CRLF after the data', '5\r\nhello0\r\n\r\n'],
    ['a bare LF after the data', '5\r\nhello\n0\r\n\r\n'],
    ['a size that is not hex', 'g\r\nhello\r\n0\r\n\r\n'],
    ['a negative size', '-5\r\nhello\r\n0\r\n\r\n'],
    ['no size', '\r\nhello\r\n0\r\n\r\n'],
    ['no zero chunk', '5\r\nhello\r\n\r\n'],
    ['data after the zero chunk', '5\r\nhello\r\n0\r\n\r\n5\r\nhello\r\n'],
    ['an endless line', `${'0'.repeat(2000)}5\r\nhello\r\n0\r\n\r\n`],
    ['a size beyond all numbers', 'ffffffffffffffff\r\nhello\r\n0\r\n\r\n'],
  ])('%s: IncompleteBody', (_, text) => {
    expect(decode({ decodedBytes: 5 }, [Buffer.from(text)]).error?.code).toBe('IncompleteBody');
  });

  const crc32 = 'x-amz-checksum-crc32';
  test.each([
    ['declared but not sent', crc32, ''],
    ['sent but not declared', undefined, `${crc32}:NhCmhg==\r\n`],
    ['another name', crc32, 'x-amz-checksum-crc32c:NhCmhg==\r\n'],
    ['sent twice', crc32, `${crc32}:NhCmhg==\r\n${crc32}:NhCmhg==\r\n`],
    ['one too many', crc32, `${crc32}:NhCmhg==\r\nx-amz-trailer-signature:00\r\n`],
    ['no colon', crc32, 'hello\r\n'],
    ['no name', undefined, ':hello\r\n'],
    ['lines without end', crc32, `${crc32}:NhCmhg==\r\n`.repeat(1000)],
  ])('a trailer %s: MalformedTrailerError', (_, trailerName, lines) => {
    const result = decode({ decodedBytes: 5, trailerName }, [Buffer.from(`5\r\nhello\r\n0\r\n${lines}\r\n`)]);
    expect(result.error?.code).toBe('MalformedTrailerError');
  });

  test('trailer names know no case and values no spaces around them', () => {
    const body = Buffer.from('5\r\nhello\r\n0\r\nX-Amz-Checksum-CRC32:  NhCmhg== \r\n\r\n');
    const result = decode({ decodedBytes: 5, trailerName: crc32 }, [body]);
    expect(result).toMatchObject({ error: undefined, trailer: 'NhCmhg==' });
  });

  test('a body without any trailer is fine', () => {
    expect(decode({ decodedBytes: 5 }, [Buffer.from('5\r\nhello\r\n0\r\n\r\n')]).error).toBeUndefined();
  });
});
