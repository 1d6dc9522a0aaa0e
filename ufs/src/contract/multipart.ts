/** Multipart uploads from create to complete: order, replacement, errors, checksums. */
import { createHash } from 'node:crypto';
import { type HeaderList, headerValue } from '@forebay/core/object';
import { expect, it } from 'vitest';
import { digestOf } from '../local/checksums.ts';
import type { Ufs, UfsPartRef } from '../ufs.ts';
import {
  bytesOf,
  expectAbsent,
  itWhere,
  patternBytes,
  putObject,
  refusal,
  type Subject,
  textAt,
  type UfsCapabilities,
  uploadOf,
} from './support.ts';

const partSizeBytes = 5 * 1024 * 1024;

interface PartWrite {
  readonly uploadId: string;
  readonly partNumber: number;
  readonly content: Uint8Array | string;
  readonly headers?: HeaderList;
}

export async function putPart(ufs: Ufs, key: string, part: PartWrite): Promise<UfsPartRef> {
  const { uploadId, partNumber, content, headers } = part;
  const written = await ufs.uploadPart(key, { ...uploadOf(content, headers), uploadId, partNumber });
  return { partNumber, etag: headerValue(written.headers, 'etag')!, checksums: [] };
}

function md5(content: Uint8Array | string): Buffer {
  return createHash('md5').update(content).digest();
}

export function describeMultipart(subject: () => Subject, capabilities: UfsCapabilities): void {
  describeAssembly(subject, capabilities);
  describeParts(subject, capabilities);
  describeRefusals(subject, capabilities);
  if (capabilities.checksums) describeChecksums(subject);
  if (capabilities.checksums) describeFullObjectChecksums(subject);
  if (capabilities.conditionalWrites) describeConditions(subject);
}

function describeAssembly(subject: () => Subject, { etagIsMd5, fullComplete }: UfsCapabilities): void {
  itWhere(fullComplete)(
    'assembles parts by number, whatever order they came in, and keeps metadata',
    async () => {
      const { ufs, scope } = subject();
      const key = `${scope}big/object`;
      const headers = [
        ['content-type', 'text/x-big'],
        ['x-amz-meta-a', '1'],
      ] as const;
      const { uploadId } = await ufs.createUpload(key, headers);
      const contents = [
        patternBytes(partSizeBytes, 1),
        patternBytes(partSizeBytes + 17, 2),
        Buffer.from('the end'),
      ];
      const parts: UfsPartRef[] = [];
      for (const partNumber of [7, 2, 4]) {
        const content = contents[[2, 4, 7].indexOf(partNumber)]!;
        parts.push(await putPart(ufs, key, { uploadId, partNumber, content }));
      }
      await expectAbsent(ufs, key);
      parts.sort((a, b) => a.partNumber - b.partNumber);
      const completed = await ufs.completeUpload(key, { uploadId, parts, headers: [] });
      const { info, body } = await ufs.get(key);
      expect((await bytesOf(body)).equals(Buffer.concat(contents))).toBe(true);
      expect(info.etag).toBe(completed.etag);
      for (const [name, value] of headers) expect(headerValue(info.headers, name)).toBe(value);
      if (etagIsMd5) {
        const digest = createHash('md5')
          .update(Buffer.concat(contents.map(md5)))
          .digest('hex');
        expect(completed.etag).toBe(`"${digest}-3"`);
      }
      const range = { kind: 'span', start: partSizeBytes - 3, endExclusive: partSizeBytes + 3 } as const;
      const over = await bytesOf((await ufs.get(key, { range })).body);
      expect(over.equals(Buffer.concat(contents).subarray(range.start, range.endExclusive))).toBe(true);
      const again = await refusal(ufs.listParts(key, { uploadId, partNumberMarker: 0, maxParts: 10 }));
      expect(again).toMatchObject({ status: 404, code: 'NoSuchUpload' });
    },
  );
}

function describeParts(subject: () => Subject, capabilities: UfsCapabilities): void {
  const { fullComplete, repeatedComplete, uploadRefusals } = capabilities;
  itWhere(fullComplete)('takes the newest of a part, and leaves out parts that are not listed', async () => {
    const { ufs, scope } = subject();
    const key = `${scope}object`;
    const { uploadId } = await ufs.createUpload(key, []);
    await putPart(ufs, key, { uploadId, partNumber: 1, content: 'first try' });
    const part = await putPart(ufs, key, { uploadId, partNumber: 1, content: 'second try' });
    await putPart(ufs, key, { uploadId, partNumber: 2, content: 'not listed' });
    await ufs.completeUpload(key, { uploadId, parts: [part], headers: [] });
    expect(await textAt(ufs, key)).toBe('second try');
  });

  it('keeps the object that was there until complete, and after abort', async () => {
    const { ufs, scope } = subject();
    const key = `${scope}object`;
    await putObject(ufs, key, 'old');
    const { uploadId } = await ufs.createUpload(key, []);
    const part = await putPart(ufs, key, { uploadId, partNumber: 1, content: 'new' });
    expect(await textAt(ufs, key)).toBe('old');
    await ufs.abortUpload(key, uploadId);
    expect(await textAt(ufs, key)).toBe('old');
    if (!uploadRefusals) return;
    const late = await refusal(ufs.completeUpload(key, { uploadId, parts: [part], headers: [] }));
    expect(late).toMatchObject({ status: 404, code: 'NoSuchUpload' });
  });

  it('copies parts from objects, in whole and by range', async () => {
    const { ufs, scope } = subject();
    const key = `${scope}object`;
    const source = patternBytes(partSizeBytes + 1000);
    await putObject(ufs, `${scope}source`, source);
    const { uploadId } = await ufs.createUpload(key, []);
    const copy = { sourceKey: `${scope}source`, key, headers: [], uploadId };
    const whole = await ufs.uploadPartCopy({ ...copy, partNumber: 1 });
    const sourceRange = { start: 10, endExclusive: 20 };
    const some = await ufs.uploadPartCopy({ ...copy, partNumber: 2, sourceRange });
    const parts = [whole, some].map(({ etag }, index) => {
      return { partNumber: index + 1, etag: etag!, checksums: [] };
    });
    await ufs.completeUpload(key, { uploadId, parts, headers: [] });
    const content = await bytesOf((await ufs.get(key)).body);
    expect(content.equals(Buffer.concat([source, source.subarray(10, 20)]))).toBe(true);
  });

  itWhere(repeatedComplete)('answers the same complete the same way again', async () => {
    const { ufs, scope } = subject();
    const key = `${scope}object`;
    const { uploadId } = await ufs.createUpload(key, []);
    const part = await putPart(ufs, key, { uploadId, partNumber: 1, content: 'once' });
    const request = { uploadId, parts: [part], headers: [] };
    const first = await ufs.completeUpload(key, request);
    expect((await ufs.completeUpload(key, request)).etag).toBe(first.etag);
    await ufs.delete(key, { headers: [] });
    expect(await refusal(ufs.completeUpload(key, request))).toMatchObject({
      status: 404,
      code: 'NoSuchUpload',
    });
  });
}

function describeRefusals(subject: () => Subject, { uploadRefusals }: UfsCapabilities): void {
  itWhere(uploadRefusals)(
    'refuses parts unknown, out of order or too small, and can be completed after that',
    async () => {
      const { ufs, scope } = subject();
      const key = `${scope}object`;
      const { uploadId } = await ufs.createUpload(key, []);
      const one = await putPart(ufs, key, { uploadId, partNumber: 1, content: 'small' });
      const two = await putPart(ufs, key, { uploadId, partNumber: 2, content: 'smaller' });
      const complete = (parts: UfsPartRef[]) => ufs.completeUpload(key, { uploadId, parts, headers: [] });
      const other = { ...one, etag: '"00000000000000000000000000000000"' };
      expect(await refusal(complete([other]))).toMatchObject({ status: 400, code: 'InvalidPart' });
      const unknown = { ...one, partNumber: 3 };
      expect(await refusal(complete([unknown]))).toMatchObject({ status: 400, code: 'InvalidPart' });
      expect(await refusal(complete([two, one]))).toMatchObject({ status: 400, code: 'InvalidPartOrder' });
      expect(await refusal(complete([one, two]))).toMatchObject({ status: 400, code: 'EntityTooSmall' });
      await complete([one]);
      expect(await textAt(ufs, key)).toBe('small');
    },
  );

  itWhere(uploadRefusals)('answers NoSuchUpload for an upload it does not know', async () => {
    const { ufs, scope } = subject();
    const key = `${scope}object`;
    const { uploadId } = await ufs.createUpload(key, []);
    await ufs.abortUpload(key, uploadId);
    const calls = [
      () => putPart(ufs, key, { uploadId, partNumber: 1, content: 'late' }),
      () => ufs.listParts(key, { uploadId, partNumberMarker: 0, maxParts: 10 }),
      () => ufs.abortUpload(key, uploadId),
    ];
    for (const call of calls) {
      expect(await refusal(call())).toMatchObject({ status: 404, code: 'NoSuchUpload' });
    }
  });

  it('keeps the part that was there where a new body comes short', async () => {
    const { ufs, scope } = subject();
    const key = `${scope}object`;
    const { uploadId } = await ufs.createUpload(key, []);
    const part = await putPart(ufs, key, { uploadId, partNumber: 1, content: 'whole' });
    const short = { ...uploadOf('short'), sizeBytes: 6, uploadId, partNumber: 1 };
    await expect(ufs.uploadPart(key, short)).rejects.toThrow();
    await ufs.completeUpload(key, { uploadId, parts: [part], headers: [] });
    expect(await textAt(ufs, key)).toBe('whole');
  });
}

function describeChecksums(subject: () => Subject): void {
  it('makes the composite of the parts’ checksums', async () => {
    const { ufs, scope } = subject();
    const key = `${scope}object`;
    const name = 'x-amz-checksum-sha256';
    const created = await ufs.createUpload(key, [
      ['x-amz-checksum-algorithm', 'SHA256'],
      ['x-amz-checksum-type', 'COMPOSITE'],
    ]);
    const { uploadId } = created;
    const contents = [patternBytes(partSizeBytes), Buffer.from('end')];
    const digests = contents.map((content) => createHash('sha256').update(content).digest());
    const parts: UfsPartRef[] = [];
    for (const [index, content] of contents.entries()) {
      const value = digests[index]!.toString('base64');
      const part = { uploadId, partNumber: index + 1, content, headers: [[name, value]] as const };
      parts.push({ ...(await putPart(ufs, key, part)), checksums: [['ChecksumSHA256', value]] });
    }
    const listed = await ufs.listParts(key, { uploadId, partNumberMarker: 0, maxParts: 10 });
    expect(listed.parts[1]!.checksums).toContainEqual(['ChecksumSHA256', digests[1]!.toString('base64')]);
    const completed = await ufs.completeUpload(key, { uploadId, parts, headers: [] });
    const composite = `${createHash('sha256').update(Buffer.concat(digests)).digest('base64')}-2`;
    expect(completed.checksums).toContainEqual(['ChecksumSHA256', composite]);
    expect(headerValue((await ufs.head(key)).headers, name)).toBe(composite);
  });
}

/** Vectors of S3-WIRE 19: 5 MiB of zero bytes, and `hello`. */
function describeFullObjectChecksums(subject: () => Subject): void {
  it.each([
    ['CRC32', 'OuNOOw=='],
    ['CRC32C', undefined],
    ['CRC64NVME', undefined],
  ])('makes the %s of the whole object of the parts’, and refuses another', async (algorithm, known) => {
    const { ufs, scope } = subject();
    const key = `${scope}object`;
    const name = `x-amz-checksum-${algorithm.toLowerCase()}`;
    const { uploadId } = await ufs.createUpload(key, [
      ['x-amz-checksum-algorithm', algorithm],
      ['x-amz-checksum-type', 'FULL_OBJECT'],
    ]);
    const contents = [Buffer.alloc(partSizeBytes), Buffer.from('hello')];
    const parts: UfsPartRef[] = [];
    for (const [index, content] of contents.entries()) {
      const value = checksumOf(algorithm, [content]);
      const part = { uploadId, partNumber: index + 1, content, headers: [[name, value]] as const };
      parts.push({ ...(await putPart(ufs, key, part)), checksums: [[`Checksum${algorithm}`, value]] });
    }
    const whole = known ?? checksumOf(algorithm, contents);
    const complete = (value: string) => {
      const headers: HeaderList = [
        [name, value],
        ['x-amz-checksum-type', 'FULL_OBJECT'],
        ['x-amz-mp-object-size', String(partSizeBytes + 5)],
      ];
      return ufs.completeUpload(key, { uploadId, parts, headers });
    };
    const other = checksumOf(algorithm, [Buffer.from('other')]);
    expect(await refusal(complete(other))).toMatchObject({ status: 400, code: 'BadDigest' });
    const completed = await complete(whole);
    expect(completed.checksums).toContainEqual([`Checksum${algorithm}`, whole]);
    expect(completed.checksums).toContainEqual(['ChecksumType', 'FULL_OBJECT']);
    expect(headerValue((await ufs.head(key)).headers, name)).toBe(whole);
  });
}

function checksumOf(algorithm: string, pieces: readonly Uint8Array[]): string {
  const digest = digestOf(algorithm)!;
  for (const piece of pieces) digest.update(piece);
  return digest.value().toString('base64');
}

function describeConditions(subject: () => Subject): void {
  it('decides if-none-match at complete, and leaves the upload where it fails', async () => {
    const { ufs, scope } = subject();
    const key = `${scope}object`;
    const { uploadId } = await ufs.createUpload(key, []);
    const part = await putPart(ufs, key, { uploadId, partNumber: 1, content: 'new' });
    await putObject(ufs, key, 'in between');
    const complete = (headers: HeaderList) => ufs.completeUpload(key, { uploadId, parts: [part], headers });
    const refused = await refusal(complete([['if-none-match', '*']]));
    expect(refused).toMatchObject({ status: 412, code: 'PreconditionFailed' });
    expect(await textAt(ufs, key)).toBe('in between');
    await complete([]);
    expect(await textAt(ufs, key)).toBe('new');
  });
}
