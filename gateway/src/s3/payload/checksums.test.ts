import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ChecksumAlgorithm, createChecksum, isChecksumAlgorithm, isChecksumValue } from './checksums.ts';

const vectors: [data: string, algorithm: ChecksumAlgorithm, base64: string][] = [
  ['', 'crc32', 'AAAAAA=='],
  ['', 'crc32c', 'AAAAAA=='],
  ['', 'crc64nvme', 'AAAAAAAAAAA='],
  ['', 'sha1', '2jmj7l5rSw0yVb/vlWAYkK/YBwk='],
  ['', 'sha256', '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='],
  ['hello', 'crc32', 'NhCmhg=='],
  ['hello', 'crc32c', 'mnG7TA=='],
  ['hello', 'crc64nvme', 'M3eFcAZSQlc='],
  ['hello', 'sha1', 'qvTGHdzF6KLavt4PO0gs2a6pQ00='],
  ['hello', 'sha256', 'LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ='],
  ['123456789', 'crc32', 'y/Q5Jg=='],
  ['123456789', 'crc32c', '4waSgw=='],
  ['123456789', 'crc64nvme', 'rosUhgp5mIg='],
  ['123456789', 'sha1', '98O8HYCOBHMq32eZZczDTKeuNEE='],
  ['', 'sha512', 'z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg=='],
  ['', 'md5', '1B2M2Y8AsgTpgAmY7PhCfg=='],
  ['', 'xxhash64', '70bbN1HY6Zk='],
  ['', 'xxhash3', 'LQaABTjTlMI='],
  ['', 'xxhash128', 'maoG0wFHmNhgAcMkRo1Jfw=='],
  ['hello', 'md5', 'XUFAKrxLKna5cZ2REBfFkg=='],
  ['hello', 'xxhash64', 'JseCfYifbaM='],
  ['hello', 'xxhash3', 'lVXoVVxi3P0='],
  ['hello', 'xxhash128', 'tenBrQcbPn/Hec+qXlI4GA=='],
  ['123456789', 'sha256', 'FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU='],
];

const algorithms = [...new Set(vectors.map(([, algorithm]) => algorithm))];

function checksumOf(algorithm: ChecksumAlgorithm, pieces: readonly Uint8Array[]): string {
  const checksum = createChecksum(algorithm);
  for (const piece of pieces) checksum.update(piece);
  return checksum.digestBase64();
}

describe('createChecksum', () => {
  test.each(vectors)('of "%s" with %s is %s', (data, algorithm, base64) => {
    expect(checksumOf(algorithm, [Buffer.from(data)])).toBe(base64);
    expect(isChecksumValue(algorithm, base64)).toBe(true);
  });

  test.each(algorithms)('%s does not depend on how the body is split', (algorithm) => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array()), (pieces) => {
        expect(checksumOf(algorithm, pieces)).toBe(checksumOf(algorithm, [Buffer.concat(pieces)]));
      }),
      { numRuns: 30 },
    );
  });

  test.each(algorithms)('%s of bodies that stream side by side do not mix', (algorithm) => {
    const one = createChecksum(algorithm);
    const other = createChecksum(algorithm);
    one.update(Buffer.from('hel'));
    other.update(Buffer.from('12345'));
    one.update(Buffer.from('lo'));
    other.update(Buffer.from('6789'));
    const whole = ['hello', '123456789'].map((text) => checksumOf(algorithm, [Buffer.from(text)]));
    expect([one.digestBase64(), other.digestBase64()]).toEqual(whole);
  });

  test('knows no other names', () => {
    expect(algorithms).toHaveLength(10);
    expect(algorithms.every(isChecksumAlgorithm)).toBe(true);
    expect(['toString', 'crc16', 'XXHASH3'].some(isChecksumAlgorithm)).toBe(false);
  });
});

test.each(['', 'NhCmhg', 'NhCmhg=', 'NhCmhgAA', 'NhCmhh==', 'NhC mhg=', 'NhCmh_=='])(
  '"%s" is not the value of a crc32',
  (text) => expect(isChecksumValue('crc32', text)).toBe(false),
);
