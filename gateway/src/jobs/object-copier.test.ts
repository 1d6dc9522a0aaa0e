import { randomBytes } from 'node:crypto';
import { MiB } from '@forebay/core/bytes';
import type { CacheNode } from '@forebay/core/cache-node';
import { UfsAnswerError } from '@forebay/core/errors';
import type { CopyRequest } from '@forebay/core/job-worker';
import type { Mount } from '@forebay/core/mount';
import { parseMount } from '@forebay/core/mount-uri';
import { headerValue } from '@forebay/core/object';
import { faultyUfs } from '@forebay/ufs/faulty';
import { memoryUfs } from '@forebay/ufs/memory';
import type { Ufs, UfsPartRef } from '@forebay/ufs/ufs';
import { describe, expect, it } from 'vitest';
import { ObjectCopier } from './object-copier.ts';

const mountOf = (name: string) =>
  parseMount({ path: `/${name}`, uri: `s3://${name}` }, { pageSizeBytes: 65_536, createdAtMs: 0 });
const [left, right] = [mountOf('left'), mountOf('right')];
const { signal } = new AbortController();
const bytes = randomBytes(300_000);

/** A home that only notes which fences were opened and closed. */
function fences() {
  const log: string[] = [];
  const cacheNode = {
    beginWrite: async ([object]: readonly { ufsKey: string }[]) => void log.push(`begin ${object!.ufsKey}`),
    endWrite: async ([object]: readonly { ufsKey: string }[], fenceId: string, outcome: string) => {
      log.push(`end ${object!.ufsKey} ${outcome}`);
      return { fenceId, ended: true };
    },
  };
  return { log, cacheNode: cacheNode as unknown as CacheNode };
}

function world(of: { readonly left: Ufs; readonly right: Ufs; readonly partBytes?: number }) {
  const { log, cacheNode } = fences();
  const ufsOf = async ({ path }: Mount) => (path === '/left' ? of.left : of.right);
  const parts = of.partBytes && { partBytes: of.partBytes, wholeBytesMax: of.partBytes };
  const copier = new ObjectCopier({ cacheNode, ufsOf, ...parts });
  const copy = (more: Partial<CopyRequest> = {}) =>
    copier.copy({
      source: { mount: left, ufsKey: 'a' },
      target: { mount: right, ufsKey: 'b' },
      ...{ job: 'job-1', signal, ...more },
    });
  const remove = (etag: string) => copier.remove({ source: { mount: left, ufsKey: 'a' }, etag, signal });
  return { log, copy, remove };
}

async function contentOf(ufs: Ufs, key: string): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of (await ufs.get(key)).body) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces);
}

describe('a copy', () => {
  it('has the bytes and headers of the source, and is fenced', async () => {
    const from = memoryUfs({});
    const headers = [
      ['content-type', 'text/x'],
      ['x-amz-meta-a', 'b'],
    ] as const;
    await from.put('a', { sizeBytes: bytes.byteLength, body: piecesOf(bytes), headers });
    const to = memoryUfs({});
    const { log, copy } = world({ left: from, right: to });
    expect(await copy()).toMatchObject({ kind: 'done', bytes: bytes.byteLength, ufsBytes: bytes.byteLength });
    expect((await contentOf(to, 'b')).equals(bytes)).toBe(true);
    expect((await to.head('b')).headers).toEqual(expect.arrayContaining([...headers]));
    expect(log).toEqual(['begin b', 'end b known']);
  });

  it('is left out where the target has the same bytes', async () => {
    const { log, copy } = world({ left: memoryUfs({ a: bytes }), right: memoryUfs({ b: bytes }) });
    expect(await copy()).toMatchObject({ kind: 'cached', ufsBytes: 0 });
    expect(log).toEqual([]);
  });

  it('of a large object goes in parts, and what breaks off leaves no upload behind', async () => {
    const to = faultyUfs(memoryUfs({}, { partSizeBytesMin: 1 }));
    const from = memoryUfs({ a: bytes });
    const { copy } = world({ left: from, right: to, partBytes: 100_000 });
    expect(await copy()).toMatchObject({ kind: 'done', ufsRequests: 2 + 2 + 2 * 3 });
    expect((await contentOf(to, 'b')).equals(bytes)).toBe(true);
    const broken = otherwise(from, { get: () => Promise.reject(new Error('gone')) });
    const half = world({ left: broken, right: to, partBytes: 100_000 });
    await expect(half.copy({ target: { mount: right, ufsKey: 'c' } })).rejects.toThrow('gone');
    expect((await to.listUploads({ prefix: '', maxUploads: 10 })).uploads).toEqual([]);
  });

  it('of what came in parts goes in the same parts, so that it has the same ETag', async () => {
    const [from, to] = [memoryUfs({}), memoryUfs({})];
    const { uploadId } = await from.createUpload('a', []);
    const sizes = [5 * MiB, 5 * MiB, 3];
    const parts: UfsPartRef[] = [];
    for (const [index, sizeBytes] of sizes.entries()) {
      const part = { uploadId, partNumber: index + 1, sizeBytes, headers: [] };
      const { headers } = await from.uploadPart('a', { ...part, body: piecesOf(randomBytes(sizeBytes)) });
      parts.push({ partNumber: index + 1, etag: headerValue(headers, 'etag')!, checksums: [] });
    }
    await from.completeUpload('a', { uploadId, parts, headers: [] });
    const { copy } = world({ left: from, right: to });
    expect(await copy()).toMatchObject({ kind: 'done', ufsBytes: 10 * MiB + 3, ufsRequests: 2 + 1 + 2 + 6 });
    expect((await to.head('b')).etag).toBe((await from.head('a')).etag);
    expect((await contentOf(to, 'b')).equals(await contentOf(from, 'a'))).toBe(true);
    expect(await copy()).toMatchObject({ kind: 'cached', ufsRequests: 2 });
  });

  it("within one store is the store's own work", async () => {
    const ufs = memoryUfs({ a: bytes });
    const { copy } = world({ left: ufs, right: ufs });
    expect(await copy()).toMatchObject({ kind: 'done', ufsBytes: 0 });
    expect((await contentOf(ufs, 'b')).equals(bytes)).toBe(true);
  });

  it('counts what both stores were asked for, also of an empty object', async () => {
    const from = memoryUfs({ a: Buffer.alloc(0) });
    const { copy } = world({ left: from, right: memoryUfs({}) });
    expect(await copy()).toMatchObject({ kind: 'done', ufsRequests: 3, ufsBytes: 0 });
  });

  it.each([
    ['whole', undefined],
    ['in parts', 100_000],
  ])('is read back where the ETag of the target proves nothing: %s', async (_, partBytes) => {
    const to = memoryUfs({}, { partSizeBytesMin: 1 });
    const unnamed = otherwise(to, {
      put: async (key, upload) => {
        await to.put(key, upload);
        return { headers: [] };
      },
      completeUpload: async (key, request) => ({ ...(await to.completeUpload(key, request)), etag: '"x"' }),
    });
    const from = memoryUfs({ a: bytes });
    const { copy } = world({ left: from, right: unnamed, ...(partBytes && { partBytes }) });
    expect(await copy()).toMatchObject({ kind: 'done', ufsBytes: 2 * bytes.byteLength });
    expect((await contentOf(to, 'b')).equals(bytes)).toBe(true);
  });

  it('that reads back other bytes than it sent fails', async () => {
    const to = memoryUfs({});
    const lying = otherwise(to, {
      put: async (key: string) => {
        const body = piecesOf(Buffer.from('other'));
        await to.put(key, { sizeBytes: 5, body, headers: [] });
        return { headers: [] };
      },
    });
    const { copy } = world({ left: memoryUfs({ a: bytes }), right: lying });
    await expect(copy()).rejects.toThrow('does not have the bytes');
  });
});

describe('removing what was moved', () => {
  it('is fenced, and takes only the version that was copied', async () => {
    const from = memoryUfs({ a: bytes });
    const { log, copy, remove } = world({ left: from, right: memoryUfs({}) });
    const copied = await copy();
    const etag = copied.kind === 'refused' ? '' : copied.info.etag!;
    expect(await remove('"another"')).toMatchObject({ reason: expect.stringContaining('changed') });
    expect((await from.head('a')).etag).toBe(etag);
    expect(await remove(etag)).toEqual({ ufsRequests: 2, ufsBytes: 0 });
    await expect(from.head('a')).rejects.toThrow();
    expect(log.slice(2)).toEqual(['begin a', 'end a known']);
  });

  it('leaves what was written between its look and its delete', async () => {
    const from = memoryUfs({ a: bytes });
    const { etag } = await from.head('a');
    const raced = otherwise(from, {
      delete: async (key, options) => {
        await from.put('a', { sizeBytes: 3, body: piecesOf(Buffer.from('new')), headers: [] });
        return from.delete(key, options);
      },
    });
    const { remove } = world({ left: raced, right: memoryUfs({}) });
    expect(await remove(etag!)).toMatchObject({ reason: expect.stringContaining('changed') });
    expect((await contentOf(from, 'a')).toString()).toBe('new');
  });

  it('is done where it is gone already, and where the store knows no conditional delete', async () => {
    const from = memoryUfs({ a: bytes });
    const { etag } = await from.head('a');
    const plain = otherwise(from, {
      delete: (key, options) => {
        if (options.headers.length === 0) return from.delete(key, options);
        throw new UfsAnswerError({ status: 501, code: 'NotImplemented', message: 'no such condition' });
      },
    });
    const { remove } = world({ left: plain, right: memoryUfs({}) });
    expect(await remove(etag!)).toEqual({ ufsRequests: 3, ufsBytes: 0 });
    expect(await remove(etag!)).toEqual({ ufsRequests: 1, ufsBytes: 0 });
  });
});

/** The same store, but for these. */
function otherwise(ufs: Ufs, others: Partial<Ufs>): Ufs {
  return new Proxy(ufs, {
    get: (_, name) => {
      const value: unknown = Reflect.get(others, name) ?? Reflect.get(ufs, name, ufs);
      return typeof value === 'function' ? value.bind(ufs) : value;
    },
  });
}

async function* piecesOf(content: Buffer): AsyncGenerator<Uint8Array, void> {
  yield content;
}
