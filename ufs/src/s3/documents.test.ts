import { describe, expect, it } from 'vitest';
import { errorOf, openStore, reply } from './testing/raw-server.ts';

describe('other writes', () => {
  it('see an error that comes with 200, also after the white space of a slow one', async () => {
    const late =
      '<?xml version="1.0"?>\n    \n<Error><Code>InternalError</Code><Message>Late.</Message></Error>';
    const { ufs, server } = await openStore(({ write }) => write(reply(200, late)));
    const answer = { status: 500, code: 'InternalError', message: 'Late.' };
    await expect(ufs.copy({ sourceKey: 'a', key: 'b', headers: [] })).rejects.toMatchObject({ answer });
    const parts = [{ partNumber: 1, etag: '"e"', checksums: [] }];
    await expect(ufs.completeUpload('k', { uploadId: 'u', parts, headers: [] })).rejects.toMatchObject({
      answer,
    });
    expect(server.requests).toHaveLength(2);
  });

  it('read the result after the white space of a slow one', async () => {
    const result =
      '\n \n<?xml version="1.0"?><CopyObjectResult><ETag>"e"</ETag>' +
      '<LastModified>2013-05-24T00:00:00Z</LastModified><ChecksumCRC32>c==</ChecksumCRC32></CopyObjectResult>';
    const { ufs, server } = await openStore(({ write }) =>
      write(reply(200, result, ['x-amz-version-id: v'])),
    );
    const copied = await ufs.copy({
      sourceKey: 'a/../b +',
      sourceVersionId: 'v=1',
      key: '/c//d',
      headers: [],
    });
    expect(copied).toEqual({
      etag: '"e"',
      lastModifiedMs: Date.UTC(2013, 4, 24),
      checksums: [['ChecksumCRC32', 'c==']],
      headers: [['x-amz-version-id', 'v']],
    });
    expect(server.requests[0]).toMatchObject({
      target: '/lake//c//d',
      headers: { 'x-amz-copy-source': '/lake/a/../b%20%2B?versionId=v%3D1' },
    });
  });

  it('whose document cannot be read are state-unknown', async () => {
    const { ufs } = await openStore(({ write }) => write(reply(200, '<CopyObjectResult><ETag>')));
    const error = await errorOf(ufs.copy({ sourceKey: 'a', key: 'b', headers: [] }));
    expect(error?.kind).toBe('state-unknown');
  });

  it.each([
    ['nothing', ''],
    ['white space alone', ' \n \n'],
    ['a page of somebody else', '<html><body>Sign in.</body></html>'],
    ['an empty result', '<CopyObjectResult/>'],
  ])('answered 200 and %s are state-unknown: that is no success', async (_name, body) => {
    const { ufs } = await openStore(({ write }) => write(reply(200, body)));
    const parts = [{ partNumber: 1, etag: '"e"', checksums: [] }];
    const copy = { sourceKey: 'a', key: 'b', headers: [] };
    for (const write of [
      ufs.copy(copy),
      ufs.uploadPartCopy({ ...copy, uploadId: 'u', partNumber: 1 }),
      ufs.completeUpload('k', { uploadId: 'u', parts, headers: [] }),
    ]) {
      expect((await errorOf(write))?.kind).toBe('state-unknown');
    }
  });

  it.each([
    ['no word', ''],
    ['a page of somebody else', '<html><body>Sign in.</body></html>'],
  ])('of many keys, answered with %s, are state-unknown', async (_name, body) => {
    const { ufs } = await openStore(({ write }) => write(reply(200, body)));
    expect((await errorOf(ufs.deleteMany([{ key: 'a' }, { key: 'b' }], [])))?.kind).toBe('state-unknown');
  });

  it('of many keys tell of each that the store left out of its answer', async () => {
    const { ufs } = await openStore(({ write }) =>
      write(reply(200, '<DeleteResult><Deleted><Key>a</Key></Deleted></DeleteResult>')),
    );
    expect(await ufs.deleteMany([{ key: 'a' }, { key: 'b', versionId: 'v' }, { key: 'a' }], [])).toEqual([
      { key: 'a' },
      { key: 'b', versionId: 'v', error: { code: 'InternalError', message: expect.any(String) } },
    ]);
  });

  it('of keys one by one end only when the last of them has its answer', async () => {
    const late = Promise.withResolvers<void>();
    let answered = 0;
    const { ufs } = await openStore(async ({ target, socket, write }) => {
      if (target.includes('%01')) return void socket.resetAndDestroy();
      await late.promise;
      answered += 1;
      write(reply(204));
    });
    const failed = errorOf(ufs.deleteMany([{ key: 'x\u0001' }, { key: ' y' }, { key: ' z' }], []));
    await new Promise((resolve) => setImmediate(resolve));
    late.resolve();
    expect((await failed)?.kind).toBe('state-unknown');
    expect(answered).toBe(2);
  });

  it('without a body that were sent and got no answer are state-unknown, and not sent again', async () => {
    const { ufs, server } = await openStore(({ socket }) => void socket.resetAndDestroy());
    for (const write of [
      () => ufs.delete('k', { headers: [] }),
      () => ufs.copy({ sourceKey: 'a', key: 'b', headers: [] }),
      () => ufs.abortUpload('k', 'u'),
      () => ufs.deleteMany([{ key: 'k' }], []),
    ]) {
      expect((await errorOf(write()))?.kind).toBe('state-unknown');
    }
    expect(server.requests).toHaveLength(4);
  });

  it('of keys that no document can name go one by one, the others in one list', async () => {
    const { ufs, server } = await openStore(({ method, target, write }) => {
      if (method === 'POST') {
        write(reply(200, '<DeleteResult><Deleted><Key>a&amp;b</Key></Deleted></DeleteResult>'));
      } else if (target.includes('%01')) {
        write(reply(204, '', ['x-amz-delete-marker: true', 'x-amz-version-id: v']));
      } else {
        write(reply(403, '<Error><Code>AccessDenied</Code><Message>No.</Message></Error>'));
      }
    });
    const keys = ['a&b', 'x\u0001', ' y'];
    const deleted = await ufs.deleteMany(
      keys.map((key) => ({ key })),
      [],
    );
    expect(deleted).toEqual([
      { key: 'a&b' },
      { key: 'x\u0001', deleteMarker: true, deleteMarkerVersionId: 'v' },
      { key: ' y', error: { code: 'AccessDenied', message: 'No.' } },
    ]);
    expect(server.requests.map((one) => `${one.method} ${one.target}`).sort()).toEqual([
      'DELETE /lake/%20y',
      'DELETE /lake/x%01',
      'POST /lake?delete=',
    ]);
    const list = server.requests.find((one) => one.method === 'POST');
    expect(list?.headers['content-md5']).toMatch(/^.{22}==$/);
  });

  it('that delete are sent once, whatever the store answers', async () => {
    const { ufs, server } = await openStore(({ write }) => write(reply(503)));
    expect((await errorOf(ufs.delete('k', { headers: [] })))?.kind).toBe('ufs-answer');
    expect(server.requests).toHaveLength(1);
  });
});

describe('a listing', () => {
  it('decodes keys by form rules and leaves out what startAfter covers, page after page', async () => {
    const page = (inner: string, next = '') =>
      reply(
        200,
        `<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>${next !== ''}</IsTruncated>` +
          `<NextContinuationToken>${next}</NextContinuationToken>${inner}</ListBucketResult>`,
      );
    const { ufs, server } = await openStore(({ target, write }) =>
      write(
        target.includes('continuation-token=t%2B1')
          ? page('<Contents><Key>b+%2B%01%F0%9F%98%80</Key><Size>3</Size></Contents>')
          : page('<CommonPrefixes><Prefix>a/</Prefix></CommonPrefixes>', 't+1'),
      ),
    );
    const listing = await ufs.list({ prefix: '', delimiter: '/', startAfter: 'a/zz', maxKeys: 1 });
    expect(listing.entries.map((entry) => entry.key)).toEqual(['b +\u0001😀']);
    expect(listing.commonPrefixes).toEqual([]);
    expect(server.requests[0]?.target).toContain('start-after=a%2Fzz');
  });
});
