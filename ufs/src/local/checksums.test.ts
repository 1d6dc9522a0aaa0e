import { createHash } from 'node:crypto';
import { crc32 as zlibCrc32 } from 'node:zlib';
import { type HeaderList, headerValue } from '@forebay/core/object';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { refusal, uploadOf } from '../contract/support.ts';
import { memoryUfs } from '../memory.ts';
import type { UfsPartRef } from '../ufs.ts';
import { checksumHeaderOf, combinedChecksum, compositeChecksum, digestOf } from './checksums.ts';
import { combineCrcs } from './crc-combine.ts';

const algorithms = ['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256'] as const;

function checksumOf(algorithm: string, content: Uint8Array | string): string {
  const digest = digestOf(algorithm)!;
  digest.update(Buffer.from(content));
  return digest.value().toString('base64');
}

function partOf(algorithm: string, content: Uint8Array | string) {
  const checksums: HeaderList = [[checksumHeaderOf(algorithm), checksumOf(algorithm, content)]];
  return { sizeBytes: Buffer.byteLength(content), checksums };
}

describe('checksums', () => {
  it.each([
    ['', ['AAAAAA==', 'AAAAAA==', 'AAAAAAAAAAA=', '2jmj7l5rSw0yVb/vlWAYkK/YBwk=']],
    ['hello', ['NhCmhg==', 'mnG7TA==', 'M3eFcAZSQlc=', 'qvTGHdzF6KLavt4PO0gs2a6pQ00=']],
    ['123456789', ['y/Q5Jg==', '4waSgw==', 'rosUhgp5mIg=', '98O8HYCOBHMq32eZZczDTKeuNEE=']],
  ])('of %j are those of S3', (content, expected) => {
    expect(algorithms.slice(0, 4).map((algorithm) => checksumOf(algorithm, content))).toEqual(expected);
  });

  it('of two parts are those that S3 makes of them, as composite and as a whole', () => {
    const contents = [Buffer.alloc(5 * 1024 * 1024), Buffer.from('hello')];
    const crcs = contents.map((content) => partOf('CRC32', content));
    expect(headerValue(crcs[0]!.checksums, 'x-amz-checksum-crc32')).toBe('yTuzdQ==');
    expect(compositeChecksum('CRC32', crcs)).toBe('MiNFzg==-2');
    expect(combinedChecksum('CRC32', crcs)).toBe('OuNOOw==');
    const hashes = contents.map((content) => partOf('SHA256', content));
    expect(headerValue(hashes[0]!.checksums, 'x-amz-checksum-sha256')).toBe(
      'wDbLt1U6kJ+LiHfURhkkMH8n7LZs/5KO7q/VacOIfik=',
    );
    expect(compositeChecksum('SHA256', hashes)).toBe('BvAbbg5MurpCMrVFaBO55WUNjpKOV++D3zl8x/rcQxE=-2');
    expect(combinedChecksum('SHA256', hashes)).toBeUndefined();
    const digest = createHash('sha1').update('part').digest();
    const expected = createHash('sha1')
      .update(Buffer.concat([digest, digest]))
      .digest('base64');
    expect(
      compositeChecksum(
        'SHA1',
        ['part', 'part'].map((text) => partOf('SHA1', text)),
      ),
    ).toBe(`${expected}-2`);
  });

  it('follow from no parts of which one lacks its own', () => {
    const parts = [partOf('CRC32', 'a'), { sizeBytes: 1, checksums: [] }];
    expect(compositeChecksum('CRC32', parts)).toBeUndefined();
    expect(combinedChecksum('CRC32', parts)).toBeUndefined();
  });

  it('combine to the checksum of the whole, however it was cut', () => {
    const pieces = fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(fc.constantFrom(...algorithms.slice(0, 3)), pieces, (algorithm, contents) => {
        const parts = contents.map((content) => partOf(algorithm, content));
        expect(combinedChecksum(algorithm, parts)).toBe(checksumOf(algorithm, Buffer.concat(contents)));
      }),
    );
  });

  it('combine over parts as large as S3 takes them', () => {
    // A CRC of n zero bytes behind a CRC, taken in steps that a buffer can hold.
    const step = Buffer.alloc(64 * 1024 * 1024);
    let crc = zlibCrc32('head');
    for (let steps = 0; steps < 8; steps += 1) crc = zlibCrc32(step, crc);
    const zeros = { sizeBytes: 8 * step.length, value: Buffer.alloc(4) };
    let crcOfZeros = 0;
    for (let steps = 0; steps < 8; steps += 1) crcOfZeros = zlibCrc32(step, crcOfZeros);
    zeros.value.writeUInt32BE(crcOfZeros);
    const head = { sizeBytes: 4, value: Buffer.from(checksumOf('CRC32', 'head'), 'base64') };
    const whole = Buffer.alloc(4);
    whole.writeUInt32BE(crc);
    expect(combineCrcs('CRC32', [head, zeros])).toEqual(whole);
  });
});

describe('an upload with a checksum', () => {
  async function upload(algorithm: string, type: string | undefined, contents: readonly string[]) {
    const ufs = memoryUfs({}, { partSizeBytesMin: 1 });
    const headers: [string, string][] = [['x-amz-checksum-algorithm', algorithm]];
    if (type) headers.push(['x-amz-checksum-type', type]);
    const { uploadId } = await ufs.createUpload('k', headers);
    const parts: UfsPartRef[] = [];
    for (const [index, content] of contents.entries()) {
      const partNumber = index + 1;
      const part = await ufs.uploadPart('k', { ...uploadOf(content), uploadId, partNumber });
      const value = headerValue(part.headers, checksumHeaderOf(algorithm));
      const checksums = value === undefined ? [] : ([[`Checksum${algorithm}`, value]] as const);
      parts.push({ partNumber, etag: headerValue(part.headers, 'etag')!, checksums });
    }
    const complete = (given: HeaderList = [], listed = parts) =>
      ufs.completeUpload('k', { uploadId, parts: listed, headers: given });
    return { ufs, uploadId, parts, complete };
  }

  it('has it computed for parts that bring none, and then for the whole', async () => {
    const { parts, complete } = await upload('CRC64NVME', undefined, ['one', 'two', 'three']);
    expect(parts[0]!.checksums).toEqual([['ChecksumCRC64NVME', checksumOf('CRC64NVME', 'one')]]);
    const whole = checksumOf('CRC64NVME', 'onetwothree');
    expect((await complete()).checksums).toEqual([
      ['ChecksumCRC64NVME', whole],
      ['ChecksumType', 'FULL_OBJECT'],
    ]);
  });

  it('has it computed for parts that are copied', async () => {
    const { ufs, uploadId } = await upload('SHA256', undefined, []);
    await ufs.put('source', uploadOf('0123456789'));
    const copied = await ufs.uploadPartCopy({
      sourceKey: 'source',
      sourceRange: { start: 2, endExclusive: 5 },
      ...{ key: 'k', uploadId, partNumber: 1, headers: [] },
    });
    expect(copied.checksums).toEqual([['ChecksumSHA256', checksumOf('SHA256', '234')]]);
  });

  it('has it made of 10,000 parts', async () => {
    const contents = Array.from({ length: 10_000 }, (_, index) => `part ${index}`);
    const { complete } = await upload('CRC64NVME', undefined, contents);
    const { etag, checksums } = await complete();
    expect(etag).toMatch(/-10000"$/);
    expect(checksums[0]).toEqual(['ChecksumCRC64NVME', checksumOf('CRC64NVME', contents.join(''))]);
  }, 60_000);

  it('takes a composite with and without its count, and no other', async () => {
    for (const suffix of ['-2', '']) {
      const { complete } = await upload('SHA1', 'COMPOSITE', ['a', 'b']);
      const raw = Buffer.concat(['a', 'b'].map((text) => createHash('sha1').update(text).digest()));
      const value = createHash('sha1').update(raw).digest('base64');
      const name = 'x-amz-checksum-sha1';
      expect(await refusal(complete([[name, checksumOf('SHA1', 'ab')]]))).toMatchObject({
        code: 'BadDigest',
      });
      await complete([[name, value + suffix]]);
    }
  });

  it('is refused where a part or the complete says otherwise', async () => {
    const { ufs, uploadId, parts, complete } = await upload('CRC32', 'COMPOSITE', ['a']);
    const part = { ...uploadOf('b', [['x-amz-checksum-sha1', checksumOf('SHA1', 'b')]]), uploadId };
    const invalid = { status: 400, code: 'InvalidRequest' };
    expect(await refusal(ufs.uploadPart('k', { ...part, partNumber: 2 }))).toMatchObject(invalid);
    const bare = parts.map((one) => ({ ...one, checksums: [] }));
    expect(await refusal(complete([], bare))).toMatchObject(invalid);
    const other = [{ ...parts[0]!, checksums: [['ChecksumCRC32', 'AAAAAA==']] as const }];
    expect(await refusal(complete([], other))).toMatchObject({ status: 400, code: 'InvalidPart' });
    expect(await refusal(complete([['x-amz-checksum-type', 'FULL_OBJECT']]))).toMatchObject(invalid);
    expect(await refusal(complete([['x-amz-mp-object-size', '2']]))).toMatchObject(invalid);
    expect(await refusal(complete([['x-amz-mp-object-size', 'one']]))).toMatchObject(invalid);
    await complete([
      ['x-amz-checksum-type', 'COMPOSITE'],
      ['x-amz-mp-object-size', '1'],
    ]);
  });

  it.each([
    ['CRC64NVME', 'COMPOSITE'],
    ['SHA256', 'FULL_OBJECT'],
    ['CRC32', 'PARTIAL'],
    ['ROT13', undefined],
    [undefined, 'FULL_OBJECT'],
  ])('cannot be of %s and %s', async (algorithm, type) => {
    const headers: [string, string][] = [];
    if (algorithm) headers.push(['x-amz-checksum-algorithm', algorithm]);
    if (type) headers.push(['x-amz-checksum-type', type]);
    const created = memoryUfs().createUpload('k', headers);
    expect(await refusal(created)).toMatchObject({ status: 400, code: 'InvalidRequest' });
  });
});
