/** Versioned buckets through Forebay, on two stores that keep versions. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { contentOf, differenceOf, mebibyte } from '../support/content.ts';
import { type CountingProxy, startCountingProxy } from '../support/counting-proxy.ts';
import { type ForebayProcess, s3Mount, startForebay } from '../support/forebay-process.ts';
import { runPython } from '../support/python.ts';
import { type S3Server, startAnyKeyServer, startVersitygw } from '../support/servers.ts';
import { tempDir } from '../support/temp.ts';
import { needs } from '../support/tools.ts';
import { rangeHeader, WireClient, type WireReply } from '../support/wire-client.ts';

interface Store {
  readonly name: 'versitygw' | 'radosgw';
  start(): Promise<S3Server>;
  /** Its word for a version that is not there. */
  readonly missing: string;
  /** Its answer to a read of a delete marker by its id. */
  readonly marker: { readonly status: number; readonly code: string };
  /** Its 404 says that a delete marker is why. */
  readonly tellsMarkers: boolean;
  /** Its answer to a copy says which version was copied. */
  readonly tellsCopied: boolean;
  /** Its answer to a read of a part says how many there are. */
  readonly tellsParts: boolean;
}

const enabled = Buffer.from('<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>');
const sizeBytes = 2 * mebibyte + 77;
const first = contentOf(1, sizeBytes);
const second = contentOf(2, sizeBytes + 1000);

const stores: readonly Store[] = [
  {
    name: 'versitygw',
    start: () => startVersitygw({ versioning: true }),
    missing: 'NoSuchVersion',
    marker: { status: 405, code: 'MethodNotAllowed' },
    tellsMarkers: true,
    tellsCopied: true,
    tellsParts: true,
  },
  {
    name: 'radosgw',
    start: startAnyKeyServer,
    missing: 'NoSuchKey',
    marker: { status: 404, code: 'NoSuchKey' },
    tellsMarkers: false,
    tellsCopied: false,
    tellsParts: false,
  },
];

const listAll = `
def line(kind, entry):
    return [entry['Key'], kind + (' latest' if entry['IsLatest'] else ''), entry['VersionId']]
def versions(prefix, **paging):
    lines = []
    pages = s3.get_paginator('list_object_versions').paginate(
        Bucket='lake', Prefix=prefix, PaginationConfig=paging)
    for page in pages:
        lines += [line('version', entry) for entry in page.get('Versions', [])]
        lines += [line('marker', entry) for entry in page.get('DeleteMarkers', [])]
    # boto3 takes a page apart by kind: within a key the latest first, as every page has it.
    return sorted(lines, key=lambda entry: (entry[0].encode(), 'latest' not in entry[1]))
`;

const list = `
for key in ['list/a', 'list/b', 'm/x']:
    for body in [b'one', b'two'][:1 if key == 'list/b' else 2]:
        s3.put_object(Bucket='lake', Key=key, Body=body)
s3.delete_object(Bucket='lake', Key='list/b')
s3.put_object(Bucket='lake', Key='list/c d+é', Body=b'three')
${listAll}
every = versions('list/')
top = s3.list_object_versions(Bucket='lake', Delimiter='/')
groups = [entry['Prefix'] for entry in top['CommonPrefixes']]
result = {'all': every, 'pages': [versions('list/', PageSize=size) for size in [1, 2, 3]], 'groups': groups}
`;

for (const store of stores) {
  describe(`versions on ${store.name}`, await needs(store.name, 'python'), () => {
    let server: S3Server;
    let proxy: CountingProxy;
    let forebay: ForebayProcess;
    let client: WireClient;
    let count = 0;

    beforeAll(async () => {
      server = await store.start();
      const direct = new WireClient(server);
      for (const bucket of ['lake', 'deep']) {
        await server.createBucket(bucket);
        const query = [['versioning', '']] as const;
        await direct.send({ method: 'PUT', path: `/${bucket}`, query, body: enabled });
      }
      direct.close();
      proxy = await startCountingProxy({ target: server });
      const lake = s3Mount('/lake', proxy, 'lake');
      const nested = s3Mount('/lake/m', proxy, 'deep/of/it');
      const pond = `/pond=file://${tempDir('pond')}`;
      const mounts = [`${lake.mount}&ttl=1h`, `${nested.mount}&ttl=1h`, pond];
      forebay = await startForebay({ mounts, env: { ...lake.env, ...nested.env } });
      client = new WireClient(forebay);
    });
    beforeEach(() => proxy.reset());
    afterAll(async () => {
      client?.close();
      await forebay?.remove();
      await proxy?.stop();
      await server?.stop();
    });

    const read = (path: string, versionId?: string, headers = {}): Promise<WireReply> =>
      client.send({ path, headers, ...(versionId !== undefined && { query: [['versionId', versionId]] }) });
    const remove = (path: string, versionId?: string): Promise<WireReply> =>
      client.send({ method: 'DELETE', path, ...(versionId && { query: [['versionId', versionId]] }) });
    const idOf = ({ headers }: WireReply) => headers['x-amz-version-id'] as string;

    /** An object that was written twice. */
    async function twoVersions() {
      count += 1;
      const path = `/lake/object-${count}`;
      const ids = [idOf(await client.put(path, first)), idOf(await client.put(path, second))] as const;
      proxy.reset();
      return { path, old: ids[0], newest: ids[1] };
    }

    async function expectBytes(reply: WireReply, content: Buffer, cache?: string): Promise<void> {
      expect(reply.status).toBe(200);
      expect(differenceOf(reply.body, content)).toBeUndefined();
      if (cache !== undefined) expect(reply.headers['x-cache']).toBe(cache);
    }

    it('an old version is read in one request when cold, and in none when warm', async () => {
      const { path, old } = await twoVersions();
      const cold = await read(path, old);
      await expectBytes(cold, first, 'MISS');
      expect(idOf(cold)).toBe(old);
      await expectBytes(await read(path, old), first, 'HIT');
      const range = await read(path, old, rangeHeader(mebibyte, mebibyte + 5));
      expect(range).toMatchObject({ status: 206, headers: { 'x-cache': 'HIT' } });
      expect(range.body).toEqual(first.subarray(mebibyte, mebibyte + 5));
      const head = await client.send({ method: 'HEAD', path, query: [['versionId', old]] });
      expect(head.headers).toMatchObject({ 'x-cache': 'HIT', 'content-length': String(sizeBytes) });
      expect(proxy.requests).toHaveLength(1);
    });

    it('the current version answers for its id, and a named one never for the current', async () => {
      const { path, old, newest } = await twoVersions();
      await expectBytes(await read(path, old), first, 'MISS');
      await expectBytes(await read(path), second, 'MISS');
      await expectBytes(await read(path, newest), second, 'HIT');
      expect(proxy.requests).toHaveLength(2);
    });

    it('reads of several versions at once each get their own', async () => {
      const { path, old, newest } = await twoVersions();
      const gate = proxy.hold(({ method }) => method === 'GET');
      const replies = [undefined, old, newest, old].map((id) => read(path, id));
      gate.release();
      const contents = [second, first, second, first];
      for (const [index, reply] of (await Promise.all(replies)).entries()) {
        await expectBytes(reply, contents[index]!);
      }
      proxy.clearRules();
    });

    it('an overwritten version stays readable, and the new one is there at once', async () => {
      const { path, newest } = await twoVersions();
      await expectBytes(await read(path), second);
      const third = contentOf(3, 5000);
      const written = await client.put(path, third);
      await expectBytes(await read(path), third);
      await expectBytes(await read(path, newest), second);
      await expectBytes(await read(path, idOf(written)), third, 'HIT');
    });

    it('a version deleted through Forebay is gone at once, and its absence is remembered', async () => {
      const { path, old } = await twoVersions();
      await expectBytes(await read(path, old), first);
      expect(await remove(path, old)).toMatchObject({ status: 204, headers: { 'x-amz-version-id': old } });
      const gone = await read(path, old);
      expect(gone).toMatchObject({ status: 404, code: store.missing, headers: { 'x-cache': 'MISS' } });
      proxy.reset();
      const again = await read(path, old);
      expect(again).toMatchObject({ status: 404, code: store.missing, headers: { 'x-cache': 'HIT' } });
      expect(proxy.requests).toHaveLength(0);
      await expectBytes(await read(path), second);
    });

    it('a delete marker is a 404 that is remembered; taken away, the object is back', async () => {
      const { path, old } = await twoVersions();
      await expectBytes(await read(path), second);
      const deleted = await remove(path);
      expect(deleted).toMatchObject({ status: 204, headers: { 'x-amz-delete-marker': 'true' } });
      proxy.reset();
      for (const cache of ['MISS', 'HIT']) {
        const reply = await read(path);
        expect(reply).toMatchObject({ status: 404, code: 'NoSuchKey', headers: { 'x-cache': cache } });
        expect(reply.headers['x-amz-delete-marker']).toBe(store.tellsMarkers ? 'true' : undefined);
      }
      expect(proxy.requests).toHaveLength(1);
      const marker = await read(path, idOf(deleted));
      expect(marker).toMatchObject(store.marker);
      if (store.tellsMarkers) expect(marker.headers['x-amz-delete-marker']).toBe('true');
      await expectBytes(await read(path, old), first);
      const undone = await remove(path, idOf(deleted));
      expect(undone).toMatchObject({ status: 204, headers: { 'x-amz-delete-marker': 'true' } });
      await expectBytes(await read(path), second);
    });

    it('copies the version that is named, within the store and to another', async () => {
      const { path, old } = await twoVersions();
      for (const target of [`${path}-copy`, `/pond/copy-${count}`]) {
        const source = { 'x-amz-copy-source': `${path}?versionId=${old}` };
        const reply = await client.send({ method: 'PUT', path: target, headers: source });
        expect(reply.status).toBe(200);
        if (store.tellsCopied || target.startsWith('/pond')) {
          expect(reply.headers['x-amz-copy-source-version-id']).toBe(old);
        }
        await expectBytes(await read(target), first);
      }
    });

    it('lists versions and markers by pages of any size, those of a nested mount in their place', async () => {
      const listed = await runPython<{ all: string[][]; pages: string[][][]; groups: string[] }>(
        forebay,
        list,
      );
      const names = listed.all.map(([key, what]) => `${key} ${what}`);
      expect(names).toEqual([
        'list/a version latest',
        'list/a version',
        'list/b marker latest',
        'list/b version',
        'list/c d+é version latest',
      ]);
      for (const page of listed.pages) expect(page).toEqual(listed.all);
      expect(listed.groups).toEqual(['list/', 'm/']);
      const nested = await runPython<string[][]>(
        forebay,
        `result = None\n${listAll}\nresult = versions('m/')`,
      );
      expect(nested.map(([key, what]) => `${key} ${what}`)).toEqual(['m/x version latest', 'm/x version']);
    });

    it('deletes versions by a list, each by its id', async () => {
      const { path, old, newest } = await twoVersions();
      const key = path.slice('/lake/'.length);
      const ids = await runPython<string[]>(
        forebay,
        `
      objects = [{'Key': args['key'], 'VersionId': id} for id in args['ids']]
      answer = s3.delete_objects(Bucket='lake', Delete={'Objects': objects})
      result = sorted(deleted['VersionId'] for deleted in answer['Deleted'])
      `,
        { key, ids: [old, newest] },
      );
      expect(ids).toEqual([old, newest].sort());
      expect(await read(path)).toMatchObject({ status: 404, code: 'NoSuchKey' });
      expect(await read(path, old)).toMatchObject({ status: 404 });
    });

    it('completes an upload with the id of its version', async () => {
      const path = `/lake/multipart`;
      const result = await runPython<{ id: string; parts: number | null }>(
        forebay,
        `
      upload = s3.create_multipart_upload(Bucket='lake', Key='multipart')['UploadId']
      named = {'Bucket': 'lake', 'Key': 'multipart', 'UploadId': upload}
      part = s3.upload_part(**named, PartNumber=1, Body=b'of a part')
      parts = [{'PartNumber': 1, 'ETag': part['ETag']}]
      done = s3.complete_multipart_upload(**named, MultipartUpload={'Parts': parts})
      version = done['VersionId']
      got = s3.get_object(Bucket='lake', Key='multipart', PartNumber=1, VersionId=version)
      result = {'id': version, 'parts': got.get('PartsCount'), 'body': got['Body'].read().decode()}
      `,
      );
      expect(result).toMatchObject({ parts: store.tellsParts ? 1 : null, body: 'of a part' });
      await client.put(path, first);
      expect((await read(path, result.id)).body.toString()).toBe('of a part');
    });
  });
}
