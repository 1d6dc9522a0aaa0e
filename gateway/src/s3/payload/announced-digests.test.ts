import { describe, expect, test } from 'vitest';
import {
  bodyOf,
  crc32,
  crc32OfHello,
  type Headers,
  hashOf,
  read,
  refusalOf,
  sha256Of,
} from './body-fixture.ts';
import type { PayloadMode } from './payload-mode.ts';

describe('digests in the head', () => {
  const algorithms = [
    ...['crc32', 'crc32c', 'crc64nvme', 'sha1', 'sha256'],
    ...['sha512', 'md5', 'xxhash64', 'xxhash3', 'xxhash128'],
  ];
  const values = [
    crc32OfHello,
    'mnG7TA==',
    'M3eFcAZSQlc=',
    hashOf('sha1', 'hello'),
    hashOf('sha256', 'hello'),
    hashOf('sha512', 'hello'),
    hashOf('md5', 'hello'),
    'JseCfYifbaM=',
    'lVXoVVxi3P0=',
    'tenBrQcbPn/Hec+qXlI4GA==',
  ];
  const pieces = ['he', '', 'llo'];
  const length = { 'content-length': '5' };

  test.each(algorithms.map((algorithm, index) => [algorithm, values[index]!]))(
    '%s is verified',
    async (name, value) => {
      const headers = { ...length, [`x-amz-checksum-${name}`]: value };
      expect(await read(bodyOf({ pieces, headers }))).toEqual({ text: 'hello', error: undefined });
      const wrong = await read(bodyOf({ pieces: ['he', 'llO'], headers }));
      expect(wrong.text).toBe('he');
      expect(wrong.error).toMatchObject({
        code: 'BadDigest',
        message: `The ${name.toUpperCase()} you specified did not match the calculated checksum.`,
      });
    },
  );

  test('MD5 is verified', async () => {
    const headers = { ...length, 'content-md5': hashOf('md5', 'hello') };
    expect((await read(bodyOf({ pieces, headers }))).text).toBe('hello');
    const wrong = await read(bodyOf({ pieces: ['hellO'], headers }));
    expect(wrong).toMatchObject({
      text: '',
      error: {
        code: 'BadDigest',
        fields: { ExpectedDigest: hashOf('md5', 'hello'), CalculatedDigest: hashOf('md5', 'hellO') },
      },
    });
  });

  test('SHA-256 is verified', async () => {
    expect((await read(bodyOf({ pieces, headers: length, mode: sha256Of('hello') }))).text).toBe('hello');
    const wrong = await read(bodyOf({ pieces, headers: length, mode: sha256Of('hellO') }));
    expect(wrong).toMatchObject({ text: 'he', error: { code: 'XAmzContentSHA256Mismatch' } });
  });

  test('of several wrong ones SHA-256 comes first, then MD5, then the checksum', async () => {
    const checksum = { ...length, [crc32]: 'AAAAAA==' };
    const md5 = { ...checksum, 'content-md5': hashOf('md5', 'x') };
    const codeOf = async (headers: Headers, mode: PayloadMode) => {
      const { error } = await read(bodyOf({ pieces, headers, mode }));
      return error?.code === 'BadDigest' ? error.message.split(' ')[1] : error?.code;
    };
    expect(await codeOf(md5, sha256Of('x'))).toBe('XAmzContentSHA256Mismatch');
    expect(await codeOf(md5, sha256Of('hello'))).toBe('Content-MD5');
    expect(await codeOf(checksum, sha256Of('hello'))).toBe('CRC32');
  });

  test('digests of an empty body hold before it is read', async () => {
    const headers = { 'content-length': '0', [crc32]: 'AAAAAA==', 'content-md5': hashOf('md5', '') };
    const body = bodyOf({ headers, mode: sha256Of('') });
    expect(body.sizeBytes).toBe(0);
    expect(await read(body)).toEqual({ text: '', error: undefined });
    expect(refusalOf({ headers, mode: sha256Of('x') }).code).toBe('XAmzContentSHA256Mismatch');
    expect(refusalOf({ headers: { ...headers, 'content-md5': hashOf('md5', 'x') } }).code).toBe('BadDigest');
    expect(refusalOf({ headers: { ...headers, [crc32]: crc32OfHello } }).code).toBe('BadDigest');
  });

  test('checksums of the object that comes about are not compared with the body', async () => {
    const headers = { ...length, [crc32]: 'MiNFzg==-2', 'content-md5': hashOf('md5', 'hello') };
    const body = bodyOf({ pieces, headers, checksumsDescribe: 'object' });
    expect(await read(body)).toEqual({ text: 'hello', error: undefined });
  });

  test.each(['', 'x', 'AAAA', `${hashOf('md5', 'x')}A`])('"%s" is not a Content-MD5', (md5) => {
    const error = refusalOf({ headers: { ...length, 'content-md5': md5 } });
    expect(error).toMatchObject({ code: 'InvalidDigest', fields: { 'Content-MD5': md5 } });
  });

  const sdk = 'x-amz-sdk-checksum-algorithm';
  test.each<[Headers, string]>([
    [{ [crc32]: 'AAA=' }, 'Value for x-amz-checksum-crc32 header is invalid.'],
    [{ [crc32]: '' }, 'Value for x-amz-checksum-crc32 header is invalid.'],
    [
      { 'x-amz-checksum-crc16': 'AAA=' },
      'The algorithm type you specified in x-amz-checksum- header is invalid.',
    ],
    [
      { [crc32]: crc32OfHello, 'x-amz-checksum-sha1': hashOf('sha1', 'hello') },
      'Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.',
    ],
    [{ [sdk]: 'CRC32C', [crc32]: crc32OfHello }, 'Value for x-amz-sdk-checksum-algorithm header is invalid.'],
    [
      { [sdk]: 'CRC32' },
      'x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or ' +
        'x-amz-trailer headers were found.',
    ],
  ])('%j is InvalidRequest', (headers, message) => {
    expect(refusalOf({ headers: { ...length, ...headers } })).toMatchObject({
      code: 'InvalidRequest',
      message,
    });
  });

  test('the algorithm of the SDK knows no case, and other checksum headers are no values', async () => {
    const headers = {
      ...length,
      [sdk]: 'Crc32',
      [crc32]: crc32OfHello,
      'x-amz-checksum-mode': 'ENABLED',
      'x-amz-checksum-type': 'FULL_OBJECT',
      'x-amz-checksum-algorithm': 'CRC32',
    };
    expect((await read(bodyOf({ pieces, headers }))).error).toBeUndefined();
  });
});
