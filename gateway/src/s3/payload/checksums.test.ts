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
  ['123456789', 'sha256', 'FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU='],
];

function checksumOf(algorithm: ChecksumAlgorithm, pieces: readonly Uint8Array[]): string | undefined {
  const checksum = createChecksum(algorithm);
  for (const piece of pieces) checksum?.update(piece);
  return checksum?.digestBase64();
}

describe('createChecksum', () => {
  test.each(vectors)('of "%s" with %s is %s', (data, algorithm, base64) => {
    expect(checksumOf(algorithm, [Buffer.from(data)])).toBe(base64);
    expect(isChecksumValue(algorithm, base64)).toBe(true);
  });

  const verifiable = ['crc32', 'crc32c', 'crc64nvme', 'sha1', 'sha256', 'sha512', 'md5'] as const;
  test.each(verifiable)('%s does not depend on how the body is split', (algorithm) => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array()), (pieces) => {
        expect(checksumOf(algorithm, pieces)).toBe(checksumOf(algorithm, [Buffer.concat(pieces)]));
      }),
      { numRuns: 30 },
    );
  });

  test('bodies that stream side by side do not mix', () => {
    const one = createChecksum('crc64nvme')!;
    const other = createChecksum('crc64nvme')!;
    one.update(Buffer.from('hel'));
    other.update(Buffer.from('12345'));
    one.update(Buffer.from('lo'));
    other.update(Buffer.from('6789'));
    expect([one.digestBase64(), other.digestBase64()]).toEqual(['M3eFcAZSQlc=', 'rosUhgp5mIg=']);
  });

  test('knows xxhash by name alone', () => {
    expect(isChecksumAlgorithm('xxhash3')).toBe(true);
    expect(createChecksum('xxhash3')).toBeUndefined();
    expect(isChecksumAlgorithm('toString')).toBe(false);
  });
});

test.each(['', 'NhCmhg', 'NhCmhg=', 'NhCmhgAA', 'NhCmhh==', 'NhC mhg=', 'NhCmh_=='])(
  '"%s" is not the value of a crc32',
  (text) => expect(isChecksumValue('crc32', text)).toBe(false),
);
