import { crc32 } from 'node:zlib';
import { headerValue } from '@forebay/core/object';
import { expect, it } from 'vitest';
import { bytesOf, patternBytes, putObject, refusal, textAt, uploadOf } from '../contract/support.ts';
import { memoryUfs } from '../memory.ts';
import type { Ufs, UfsForward, UfsForwarded } from '../ufs.ts';

const MiB5 = 5 * 1024 * 1024;

function direct(ufs: Ufs, request: Partial<UfsForward> = {}): Promise<UfsForwarded> {
  return ufs.forward({ effect: 'read', method: 'GET', key: 'object', query: [], headers: [], ...request });
}

async function multipartObject(ufs: Ufs): Promise<Buffer> {
  const contents = [patternBytes(MiB5), Buffer.from('tail')];
  const { uploadId } = await ufs.createUpload('object', []);
  const parts = [];
  for (const [index, content] of contents.entries()) {
    const partNumber = index + 1;
    const { headers } = await ufs.uploadPart('object', { ...uploadOf(content), uploadId, partNumber });
    parts.push({ partNumber, etag: headerValue(headers, 'etag')!, checksums: [] });
  }
  await ufs.completeUpload('object', { uploadId, parts, headers: [] });
  return Buffer.concat(contents);
}

it('answers partNumber on a single-part object with the whole of it, 206', async () => {
  const ufs = memoryUfs({ object: 'whole' });
  const answer = await direct(ufs, { query: [['partNumber', '1']] });
  expect(answer.status).toBe(206);
  expect(headerValue(answer.headers, 'content-range')).toBe('bytes 0-4/5');
  expect(headerValue(answer.headers, 'x-amz-mp-parts-count')).toBeUndefined();
  expect((await bytesOf(answer.body)).toString()).toBe('whole');
  const second = await refusal(direct(ufs, { query: [['partNumber', '2']] }));
  expect(second).toMatchObject({ status: 416, code: 'InvalidPartNumber' });
});

it('answers partNumber on a multipart object with that part', async () => {
  const ufs = memoryUfs();
  const content = await multipartObject(ufs);
  const answer = await direct(ufs, { query: [['partNumber', '2']] });
  expect(headerValue(answer.headers, 'x-amz-mp-parts-count')).toBe('2');
  expect(headerValue(answer.headers, 'content-range')).toBe(
    `bytes ${MiB5}-${MiB5 + 3}/${content.byteLength}`,
  );
  expect((await bytesOf(answer.body)).toString()).toBe('tail');
});

it('refuses what it has no notion of, as S3 does', async () => {
  const ufs = memoryUfs({ object: 'x' });
  const cases: [Partial<UfsForward>, object][] = [
    [{ query: [['versionId', 'abc']] }, { status: 400, code: 'InvalidArgument' }],
    [{ query: [['partNumber', '0']] }, { status: 400, code: 'InvalidArgument' }],
    [{ query: [['acl', '']] }, { status: 501, code: 'NotImplemented' }],
    [
      { headers: [['x-amz-server-side-encryption-customer-algorithm', 'AES256']] },
      { status: 400, code: 'InvalidRequest' },
    ],
    [
      { query: [['partNumber', '1']], headers: [['range', 'bytes=0-0']] },
      { status: 400, code: 'InvalidRequest' },
    ],
    [{ headers: [['if-match', '"other"']] }, { status: 412, code: 'PreconditionFailed' }],
    [{ headers: [['range', 'bytes=1-']] }, { status: 416, code: 'InvalidRange' }],
    [{ key: 'nothing' }, { status: 404, code: 'NoSuchKey' }],
  ];
  for (const [request, expected] of cases)
    expect(await refusal(direct(ufs, request))).toMatchObject(expected);
});

it('reads version null, ranges, overrides and 304 directly', async () => {
  const ufs = memoryUfs({ object: '0123456789' });
  const etag = (await ufs.head('object')).etag!;
  const ranged = await direct(ufs, {
    query: [
      ['versionId', 'null'],
      ['response-content-type', 'text/x-override'],
    ],
    headers: [['range', 'bytes=2-4']],
  });
  expect([ranged.status, headerValue(ranged.headers, 'content-range')]).toEqual([206, 'bytes 2-4/10']);
  expect(headerValue(ranged.headers, 'content-type')).toBe('text/x-override');
  expect((await bytesOf(ranged.body)).toString()).toBe('234');
  const head = await direct(ufs, { method: 'HEAD', headers: [['range', 'nonsense']] });
  expect([head.status, headerValue(head.headers, 'content-length')]).toEqual([200, '10']);
  expect(await bytesOf(head.body)).toHaveLength(0);
  expect((await direct(ufs, { headers: [['if-none-match', etag]] })).status).toBe(304);
});

it('refuses headers whose promise it could not keep, and passes over meaningless ones', async () => {
  const ufs = memoryUfs();
  const put = (name: string, value: string) => ufs.put('object', uploadOf('x', [[name, value]]));
  expect(await refusal(put('x-amz-server-side-encryption-customer-algorithm', 'AES256'))).toMatchObject({
    status: 501,
    code: 'NotImplemented',
  });
  const lock = await refusal(put('x-amz-object-lock-mode', 'GOVERNANCE'));
  expect(lock.fields.get('Header')).toBe('x-amz-object-lock-mode');
  expect(await refusal(put('x-amz-acl', 'public-read'))).toMatchObject({ status: 400 });
  expect(await refusal(put('x-amz-tagging', 'a=1&a=2'))).toMatchObject({ code: 'InvalidArgument' });
  expect(await refusal(put('if-none-match', '"etag"'))).toMatchObject({ status: 501 });
  await put('x-amz-acl', 'bucket-owner-full-control');
  await put('x-amz-storage-class', 'STANDARD_IA');
  const { entries } = await ufs.list({ prefix: '', maxKeys: 1 });
  expect(entries[0]!.storageClass).toBe('STANDARD');
});

it('refuses version ids but null in deletes and copies', async () => {
  const ufs = memoryUfs({ object: 'x' });
  const refused = await refusal(ufs.delete('object', { versionId: 'abc', headers: [] }));
  expect(refused).toMatchObject({ status: 400, code: 'InvalidArgument' });
  const many = await ufs.deleteMany(
    [
      { key: 'object', versionId: 'abc' },
      { key: 'object', etag: '"x"' },
    ],
    [],
  );
  expect(many.map((answer) => 'error' in answer && answer.error.code)).toEqual([
    'InvalidArgument',
    'PreconditionFailed',
  ]);
  const copy = { sourceKey: 'object', sourceVersionId: 'abc', key: 'target', headers: [] };
  expect(await refusal(ufs.copy(copy))).toMatchObject({ status: 400 });
  expect(await textAt(ufs, 'object')).toBe('x');
  await ufs.delete('object', { versionId: 'null', headers: [] });
  expect(await refusal(ufs.head('object'))).toMatchObject({ status: 404 });
});

it('keeps a whole-object checksum through a copy, and drops a composite one', async () => {
  const ufs = memoryUfs();
  await putObject(ufs, 'source', 'x', [['x-amz-checksum-crc32', 'jNxvtg==']]);
  const copied = await ufs.copy({ sourceKey: 'source', key: 'copy', headers: [] });
  expect(copied.checksums).toEqual([
    ['ChecksumCRC32', 'jNxvtg=='],
    ['ChecksumType', 'FULL_OBJECT'],
  ]);
  const { entries } = await ufs.list({ prefix: 'copy', maxKeys: 1 });
  expect(entries[0]).toMatchObject({ checksumAlgorithms: ['CRC32'], checksumType: 'FULL_OBJECT' });
});

it('compares a whole-object checksum given with complete', async () => {
  const ufs = memoryUfs();
  const { uploadId } = await ufs.createUpload('object', [
    ['x-amz-checksum-algorithm', 'CRC32'],
    ['x-amz-checksum-type', 'FULL_OBJECT'],
  ]);
  const { headers } = await ufs.uploadPart('object', { ...uploadOf('content'), uploadId, partNumber: 1 });
  const parts = [{ partNumber: 1, etag: headerValue(headers, 'etag')!, checksums: [] }];
  const complete = (crc: number) => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(crc);
    const given = [['x-amz-checksum-crc32', bytes.toString('base64')]] as const;
    return ufs.completeUpload('object', { uploadId, parts, headers: given });
  };
  expect(await refusal(complete(1))).toMatchObject({ status: 400, code: 'BadDigest' });
  expect(await refusal(ufs.head('object'))).toMatchObject({ status: 404 });
  const completed = await complete(crc32('content'));
  expect(completed.checksums).toContainEqual(['ChecksumType', 'FULL_OBJECT']);
});
