import { describe, expect, it } from 'vitest';
import { RawHeaders } from '../headers.ts';
import { putHeaders } from './write-headers.ts';

const streaming = 'STREAMING-UNSIGNED-PAYLOAD-TRAILER';

function put(headers: Record<string, string>) {
  return Object.fromEntries(putHeaders(new RawHeaders(Object.entries(headers).flat())));
}

describe('headers of a write on their way to the UFS', () => {
  it('keep what is stored or judged there, and nothing of the connection or the signature', () => {
    const kept = {
      'content-type': 'text/plain',
      'cache-control': 'no-cache',
      expires: 'never',
      'x-amz-meta-a': '1',
      'x-amz-acl': 'private',
      'x-amz-grant-read': 'id=x',
      'x-amz-tagging': 'a=b',
      'x-amz-server-side-encryption': 'AES256',
      'x-amz-object-lock-mode': 'GOVERNANCE',
      'x-amz-checksum-crc32': 'AAAAAA==',
      'content-md5': '1B2M2Y8AsgTpgAmY7PhCfg==',
      'if-match': '"e"',
    };
    const dropped = {
      host: 'localhost',
      authorization: 'AWS4-HMAC-SHA256 ...',
      date: 'now',
      'x-amz-date': '20260102T030405Z',
      'x-amz-content-sha256': streaming,
      'x-amz-decoded-content-length': '1',
      'x-amz-trailer': 'x-amz-checksum-crc32',
      'x-amz-security-token': 'secret',
      'x-amz-sdk-checksum-algorithm': 'CRC32',
      'user-agent': 'test',
    };
    expect(put({ ...kept, ...dropped })).toEqual(kept);
  });

  it.each([
    ['aws-chunked', undefined],
    ['gzip,aws-chunked', 'gzip'],
    ['aws-chunked, gzip', 'gzip'],
    ['foo, aws-chunked, bar', 'foo, bar'],
  ])('store content-encoding %s of a streamed body as %s', (value, stored) => {
    const headers = { 'content-encoding': value, 'x-amz-content-sha256': streaming };
    expect(put(headers)['content-encoding']).toBe(stored);
  });

  it('leave content-encoding alone where the body is not streamed', () => {
    const headers = { 'content-encoding': 'aws-chunked', 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' };
    expect(put(headers)['content-encoding']).toBe('aws-chunked');
  });

  it('hold at most 2 KB of metadata, names and values together', () => {
    const name = 'x-amz-meta-n';
    expect(put({ [name]: 'v'.repeat(2047) })[name]).toHaveLength(2047);
    expect(() => put({ [name]: 'v'.repeat(2048) })).toThrow(
      expect.objectContaining({ code: 'MetadataTooLarge' }),
    );
  });

  it('refuse conditions that S3 does not know either', () => {
    expect(() => put({ 'if-none-match': '"e"' })).toThrow(
      expect.objectContaining({ code: 'NotImplemented' }),
    );
    expect(put({ 'if-none-match': '*' })).toEqual({ 'if-none-match': '*' });
  });
});
