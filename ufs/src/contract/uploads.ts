/** Lists of parts and of uploads in progress. */
import { expect, it } from 'vitest';
import { putPart } from './multipart.ts';
import { itWhere, type Subject, type UfsCapabilities } from './support.ts';

export function describeUploads(subject: () => Subject, { uploadListing }: UfsCapabilities): void {
  it('lists parts by number, page by page', async () => {
    const { ufs, scope } = subject();
    const key = `${scope}object`;
    const { uploadId } = await ufs.createUpload(key, []);
    const numbers = [3, 1, 12, 2];
    const etags = new Map<number, string>();
    for (const partNumber of numbers) {
      const part = await putPart(ufs, key, { uploadId, partNumber, content: 'x'.repeat(partNumber) });
      etags.set(partNumber, part.etag);
    }
    const first = await ufs.listParts(key, { uploadId, partNumberMarker: 0, maxParts: 3 });
    expect(first.parts.map(({ partNumber }) => partNumber)).toEqual([1, 2, 3]);
    expect(first).toMatchObject({ truncated: true, nextPartNumberMarker: 3, storageClass: 'STANDARD' });
    for (const part of first.parts) {
      expect(part).toMatchObject({ sizeBytes: part.partNumber, etag: etags.get(part.partNumber) });
    }
    const rest = await ufs.listParts(key, { uploadId, partNumberMarker: 3, maxParts: 3 });
    expect(rest.parts.map(({ partNumber }) => partNumber)).toEqual([12]);
    expect(rest.truncated).toBe(false);
    await ufs.abortUpload(key, uploadId);
  });

  it('lists an upload until it is completed or aborted', async () => {
    const { ufs, scope } = subject();
    const key = `${scope}object`;
    const { uploadId } = await ufs.createUpload(key, []);
    const list = async () => {
      const { uploads } = await ufs.listUploads({ prefix: key, maxUploads: 10 });
      return uploads.map((upload) => [upload.key, upload.uploadId]);
    };
    expect(await list()).toEqual([[key, uploadId]]);
    await ufs.abortUpload(key, uploadId);
    expect(await list()).toEqual([]);
  });

  itWhere(uploadListing)('lists uploads by key, then by age, folded and page by page', async () => {
    const { ufs, scope } = subject();
    const created: [string, string][] = [];
    for (const name of ['b', 'a/1', 'a/2', 'c', 'b']) {
      const { uploadId } = await ufs.createUpload(scope + name, []);
      created.push([scope + name, uploadId]);
    }
    const whole = await ufs.listUploads({ prefix: scope, maxUploads: 100 });
    expect(whole.uploads.map(({ key }) => key.slice(scope.length))).toEqual(['a/1', 'a/2', 'b', 'b', 'c']);
    const seen: string[] = [];
    let marker: { keyMarker?: string | undefined; uploadIdMarker?: string | undefined } = {};
    for (let pages = 0; pages < 10; pages += 1) {
      const page = await ufs.listUploads({ prefix: scope, maxUploads: 2, ...marker });
      seen.push(...page.uploads.map(({ uploadId }) => uploadId));
      if (!page.truncated) break;
      marker = { keyMarker: page.nextKeyMarker, uploadIdMarker: page.nextUploadIdMarker };
    }
    expect(seen).toEqual(whole.uploads.map(({ uploadId }) => uploadId));
    const folded = await ufs.listUploads({ prefix: scope, delimiter: '/', maxUploads: 100 });
    expect(folded.commonPrefixes).toEqual([`${scope}a/`]);
    expect(folded.uploads).toHaveLength(3);
    for (const [key, uploadId] of created) await ufs.abortUpload(key, uploadId);
  });
}
