import { headerValue } from '@forebay/core/object';
import { describe, expect, it } from 'vitest';
import { bytesOf, errorOf, openStore, reply } from './testing/raw-server.ts';

describe('a read of a version by its id', () => {
  it('names it in the query, also for a range and a HEAD', async () => {
    const { ufs, server } = await openStore(({ write }) => write(reply(404, '')));
    await errorOf(ufs.head('k', { versionId: 'v/1+é' }));
    await errorOf(ufs.get('k', { versionId: 'null', range: { kind: 'from', start: 1 } }));
    expect(server.requests.map(({ method, target }) => `${method} ${target}`)).toEqual([
      'HEAD /lake/k?versionId=v%2F1%2B%C3%A9',
      'GET /lake/k?versionId=null',
    ]);
  });

  it('is given the version that was asked for', async () => {
    const { ufs } = await openStore(({ write }) =>
      write(reply(200, 'one', ['ETag: "1"', 'x-amz-version-id: v1'])),
    );
    const { info, body } = await ufs.get('k', { versionId: 'v1' });
    expect([await bytesOf(body), info.versionId]).toEqual(['one', 'v1']);
  });

  it('refuses an answer of another version: the store does not know the parameter', async () => {
    const { ufs, server } = await openStore(
      ({ write }) => write(reply(200, 'two', ['ETag: "2"', 'x-amz-version-id: v2'])),
      { idleTimeoutMs: 20 },
    );
    for (const read of [ufs.get('k', { versionId: 'v1' }), ufs.head('k', { versionId: 'v1' })]) {
      expect(await errorOf(read)).toMatchObject({ kind: 'ufs-unavailable' });
    }
    await server.idle();
  });

  it('tells a marker and a missing version apart, with the headers that come along', async () => {
    const { ufs } = await openStore(({ write, index }) =>
      write(
        index === 0
          ? reply(405, '', ['Allow: DELETE', 'x-amz-delete-marker: true'])
          : reply(404, '', ['x-amz-id-2: of the answer']),
      ),
    );
    const marker = await errorOf(ufs.head('k', { versionId: 'm1' }));
    expect(marker).toMatchObject({ answer: { status: 405, code: 'MethodNotAllowed' } });
    const headers =
      marker && 'answer' in marker ? (marker.answer as { headers: [string, string][] }).headers : [];
    expect([headerValue(headers, 'allow'), headerValue(headers, 'x-amz-delete-marker')]).toEqual([
      'DELETE',
      'true',
    ]);
    const missing = await errorOf(ufs.head('k', { versionId: 'v9' }));
    expect(missing).toMatchObject({ answer: { status: 404, code: 'NoSuchVersion', headers: [] } });
  });
});
