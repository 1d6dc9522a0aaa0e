import { expect, it } from 'vitest';
import { openStore, reply } from './testing/raw-server.ts';

const time = (second: number) => `2026-01-02T03:04:${String(second).padStart(2, '0')}.500Z`;

function element(kind: 'Version' | 'DeleteMarker', name: string, second: number, isLatest = false): string {
  const [key, versionId] = name.split('@');
  const named = `<Key>${key}</Key><VersionId>${versionId}</VersionId><IsLatest>${isLatest}</IsLatest>`;
  const content = kind === 'Version' ? '<ETag>&quot;e&quot;</ETag><Size>3</Size>' : '';
  return `<${kind}>${named}<LastModified>${time(second)}</LastModified>${content}</${kind}>`;
}

const version = (name: string, second: number, isLatest?: boolean) =>
  element('Version', name, second, isLatest);
const marker = (name: string, second: number, isLatest?: boolean) =>
  element('DeleteMarker', name, second, isLatest);

function page(elements: readonly string[], more = '<IsTruncated>false</IsTruncated>'): string {
  const namespace = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"';
  return `<ListVersionsResult ${namespace}>${more}${elements.join('')}</ListVersionsResult>`;
}

/** A store that answers with these documents, one after the other. */
async function storeOf(...documents: string[]) {
  const { ufs, server } = await openStore(({ write, index }) => write(reply(200, documents[index] ?? '')));
  const list = async (request = {}) => {
    const { entries, truncated } = await ufs.listVersions({ prefix: '', maxKeys: 1000, ...request });
    return { names: entries.map(({ key, versionId }) => `${key}@${versionId}`), entries, truncated };
  };
  return {
    list,
    queries: () => server.requests.map(({ target }) => new URL(target, 'http://x').searchParams),
  };
}

it('keeps the order of the document, of versions and markers in turn', async () => {
  const document = page([
    version('a@3', 9, true),
    marker('a@2', 9),
    version('a@1', 9),
    marker('b@2', 4, true),
    version('b@1', 4),
  ]);
  const { entries, names } = await (await storeOf(document)).list();
  expect(names).toEqual(['a@3', 'a@2', 'a@1', 'b@2', 'b@1']);
  expect(entries.slice(0, 2)).toEqual([
    {
      ...{ key: 'a', versionId: '3', isLatest: true, deleteMarker: false, sizeBytes: 3, etag: '"e"' },
      lastModifiedMs: Date.parse(time(9)),
      storageClass: 'STANDARD',
    },
    { key: 'a', versionId: '2', isLatest: false, deleteMarker: true, lastModifiedMs: Date.parse(time(9)) },
  ]);
});

it('makes the order where a store lists its markers apart: by key, the latest first, by time, by id', async () => {
  const markers = [marker('a@2', 7), marker('b@5', 9, true), marker('c@4', 5)];
  const versions = [
    version('a@3', 9, true),
    version('a@1', 2),
    version('b@4', 9),
    version('c@6', 8, true),
    version('c@3', 5),
  ];
  const { names } = await (await storeOf(page([...markers, ...versions]))).list();
  expect(names).toEqual(['a@3', 'a@2', 'a@1', 'b@5', 'b@4', 'c@6', 'c@4', 'c@3']);
});

it('leaves out what is at a marker, wherever the store begins', async () => {
  const document = page([version('a@2', 9, true), version('a@1', 8), version('b@1', 7, true)]);
  const store = await storeOf(document, document);
  expect((await store.list({ startAfter: 'a' })).names).toEqual(['b@1']);
  expect((await store.list({ startAfter: 'a', startAfterVersion: '2' })).names).toEqual(['a@1', 'b@1']);
  const [alone, within] = store.queries();
  expect([alone?.get('key-marker'), alone?.get('version-id-marker')]).toEqual(['a', null]);
  expect([within?.get('key-marker'), within?.get('version-id-marker')]).toEqual(['a', '2']);
});

it('gets past a marker that the store shows again, and gives up on one that never moves', async () => {
  const next = '<NextKeyMarker>a</NextKeyMarker><NextVersionIdMarker>2</NextVersionIdMarker>';
  const stuck = page([marker('a@2', 9, true)], `<IsTruncated>true</IsTruncated>${next}`);
  const behind = page([marker('a@2', 9, true), version('a@1', 8)]);
  const store = await storeOf(stuck, behind);
  const asked = { startAfter: 'a', startAfterVersion: '2', maxKeys: 1 };
  expect(await store.list(asked)).toMatchObject({ names: ['a@1'], truncated: false });
  expect(store.queries().map((query) => query.get('max-keys'))).toEqual(['1', '2']);
  const endless = await storeOf(...Array<string>(200).fill(stuck));
  await expect(endless.list(asked)).rejects.toMatchObject({ kind: 'ufs-unavailable' });
});

it('decodes the names of a store that encodes them', async () => {
  const encoding = '<EncodingType>url</EncodingType><IsTruncated>false</IsTruncated>';
  const store = await storeOf(page([version('c+d%2B%C3%A9@1', 1, true)], encoding));
  expect((await store.list()).names).toEqual(['c d+é@1']);
  expect(store.queries()[0]?.get('encoding-type')).toBe('url');
});
