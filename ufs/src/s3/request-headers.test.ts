import { expect, it } from 'vitest';
import { bytesOf, openStore, reply } from './testing/raw-server.ts';

const headers = [['x-amz-request-payer', 'requester']] as const;
const page = { prefix: '', maxKeys: 10, headers };

it('headers of a read, a list and an abort reach the store', async () => {
  const { ufs, server } = await openStore(({ method, target, write }) => {
    const root = /\?uploads|[?&]versions/.test(target) ? 'Result' : 'ListBucketResult';
    write(method === 'DELETE' ? reply(204) : reply(200, `<${root}></${root}>`));
  });
  await bytesOf((await ufs.get('k', { headers })).body);
  await ufs.list(page);
  await ufs.listVersions(page);
  await ufs.listUploads({ prefix: '', maxUploads: 10, headers });
  await ufs.listParts('k', { uploadId: 'u', partNumberMarker: 0, maxParts: 10, headers });
  await ufs.abortUpload('k', 'u', headers);
  expect(server.requests).toHaveLength(6);
  for (const request of server.requests) {
    expect(request.headers).toMatchObject({ 'x-amz-request-payer': 'requester' });
  }
});

it('a write says whether its requester pays', async () => {
  const { ufs } = await openStore(async (request) => {
    await request.body();
    request.write(reply(200, '', ['ETag: "e"', 'x-amz-request-charged: requester', 'x-amz-id-2: i']));
  });
  async function* body() {
    yield Buffer.from('x');
  }
  const written = await ufs.put('k', { sizeBytes: 1, body: body(), headers });
  expect(written.headers).toEqual([
    ['etag', '"e"'],
    ['x-amz-request-charged', 'requester'],
  ]);
});
