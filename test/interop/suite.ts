/**
 * The same claims for every client: before a versitygw bucket and, where the client can, every key before a
 * directory (lake.ts).
 */
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import { anyKeys } from '../support/any-keys.ts';
import { mebibyte } from '../support/content.ts';
import type { CountingProxy } from '../support/counting-proxy.ts';
import { fileOf } from '../support/servers.ts';
import { needs } from '../support/tools.ts';
import type { Client, Operation, Subject } from './client.ts';
import { type Lake, openLake } from './lake.ts';
import { oddKeys } from './odd-keys.ts';

/** Empty, one byte, around a page (1 MiB), around the smallest part (5 MiB). */
const sizes = [0, 1, ...[mebibyte, 5 * mebibyte].flatMap((size) => [size - 1, size, size + 1])];
const largeBytes = 200_000_000;

/** A Forebay before its bucket, and a client of it. */
export interface Stage extends Lake {
  readonly client: Client;
  /** A file of that many random bytes. */
  makeFile(sizeBytes: number): { readonly path: string; readonly hash: string };
  /** Marks a test as that of an operation, for the summary. */
  shows(context: TestContext, operation: Operation): void;
}

/** Claims of one client beyond those of all: `more` adds tests that use the stage inside them. */
export async function interopSuite(subject: Subject, more?: (stage: () => Stage) => void): Promise<void> {
  const { skip, meta } = await needs('versitygw', ...subject.tools);
  const { name, cannot } = subject;
  const options = { skip, meta: { ...meta, interop: { client: name, ...(cannot && { cannot }) } } };
  describe(name, options, () => {
    let stage: Stage;
    beforeAll(async () => {
      stage = await openStage(subject);
    });
    afterAll(async () => {
      await stage?.client.close?.();
      await stage?.close();
    });
    const open = () => stage;
    bytesAreExact(open);
    if (!cannot?.range) readsRanges(open);
    if (!cannot?.multipart) putsInParts(open);
    listsAndDeletes(open);
    if (!cannot?.copy) copies(open);
    if (!cannot?.presign) signsLinks(open, subject);
    keepsOddKeys(open, subject);
    more?.(open);
    it('leaves no complaint in the log', () => {
      expect(stage.forebay.log().match(/^\{"level":"(warn|error|fatal)".*$/gm)).toBeNull();
    });
  });
}

async function openStage(subject: Subject): Promise<Stage> {
  const lake = await openLake(subject.name);
  const client = await subject.start(lake.forebay, lake.home);
  mkdirSync(join(lake.home, 'files'));
  return {
    ...lake,
    client,
    makeFile: (sizeBytes) => {
      const path = join(lake.home, 'files', `${sizeBytes}-${files++}`);
      const bytes = randomBytes(sizeBytes);
      writeFileSync(path, bytes);
      return { path, hash: createHash('sha256').update(bytes).digest('hex') };
    },
    shows: ({ task }, operation) => {
      task.meta.interop = { client: subject.name, version: client.version, operation };
    },
  };
}

let files = 0;

/** Up, down from the bucket, and down from the cache, which asks the bucket for no byte. */
async function isExactBothWays({ client, server, proxy, home, makeFile }: Stage, sizeBytes: number) {
  const at = { bucket: 'lake', key: `sizes/${sizeBytes}` };
  const { path, hash } = makeFile(sizeBytes);
  const down = join(home, 'down');
  await client.put(at, path);
  const stored = await hashOf(fileOf(server, at.bucket, at.key));
  proxy.reset();
  await client.get(at, down);
  const cold = await hashOf(down);
  await proxy.idle();
  const read = readBytes(proxy);
  proxy.reset();
  await client.get(at, down);
  const warm = await hashOf(down);
  await proxy.idle();
  expect({ sizeBytes, stored, cold, warm, readWarm: readBytes(proxy) }).toEqual({
    ...{ sizeBytes, stored: hash, cold: hash, warm: hash, readWarm: 0 },
  });
  // A read of the first part of an object may be cut when the client has it: what was under way then counts.
  expect(read).toBeGreaterThanOrEqual(sizeBytes);
  expect(read).toBeLessThanOrEqual(sizeBytes * 1.05);
}

function readBytes(proxy: CountingProxy): number {
  const reads = proxy.requests.filter(({ method, path }) => method === 'GET' && path.startsWith('/lake/s'));
  return reads.reduce((sum, { responseBytes }) => sum + responseBytes, 0);
}

function bytesAreExact(open: () => Stage): void {
  it('puts and gets bytes exactly, from the bucket and then from the cache', async (context) => {
    open().shows(context, 'sizes');
    for (const size of sizes) await isExactBothWays(open(), size);
  });

  it('puts and gets 200 MB exactly, from the bucket and then from the cache', async (context) => {
    open().shows(context, '200 MB');
    await isExactBothWays(open(), largeBytes);
  });
}

function readsRanges(open: () => Stage): void {
  it('reads ranges within a page, over pages and to the end', async (context) => {
    const { client, home, makeFile, shows } = open();
    shows(context, 'range');
    const at = { bucket: 'lake', key: 'ranges' };
    const { path } = makeFile(3 * mebibyte + 5);
    const whole = readFileSync(path);
    await client.put(at, path);
    const down = join(home, 'range');
    const last = whole.length;
    const ranges = [
      { start: 0, endExclusive: 1 },
      { start: 5, endExclusive: 1000 },
      { start: mebibyte - 1, endExclusive: 2 * mebibyte + 1 },
      { start: last - 7, endExclusive: last },
    ];
    const wrong = [];
    for (const range of ranges) {
      writeFileSync(down, '');
      await client.range!(at, down, range);
      const expected = whole.subarray(range.start, range.endExclusive);
      if (!readFileSync(down).equals(expected)) wrong.push(range);
    }
    expect(wrong).toEqual([]);
  });
}

function putsInParts(open: () => Stage): void {
  it('puts 12 MiB in three parts', async (context) => {
    const { client, server, proxy, home, makeFile, shows } = open();
    shows(context, 'multipart');
    const at = { bucket: 'lake', key: 'parts' };
    const { path, hash } = makeFile(12 * mebibyte);
    proxy.reset();
    await client.multipart!(at, path);
    await proxy.idle();
    const parts = proxy.count(({ method, query }) => method === 'PUT' && query.includes('partNumber='));
    const down = join(home, 'down');
    await client.get(at, down);
    const stored = await hashOf(fileOf(server, at.bucket, at.key));
    expect([parts, stored, await hashOf(down)]).toEqual([3, hash, hash]);
  });
}

function listsAndDeletes(open: () => Stage): void {
  const names = Array.from({ length: 9 }, (_, index) => `${index % 3}/${String(index).padStart(2, '0')}`);
  const keys = names.map((name) => `list/${name}`).sort();

  it('lists what it put', async (context) => {
    const { client, makeFile, shows } = open();
    shows(context, 'list');
    const { path } = makeFile(3);
    for (const key of keys) await client.put({ bucket: 'lake', key }, path);
    expect(await client.list({ bucket: 'lake', prefix: 'list/' })).toEqual(keys);
    expect(await client.list({ bucket: 'lake', prefix: 'list/1/' })).toEqual(keys.slice(3, 6));
  });

  it('deletes one and many', async (context) => {
    const { client, home, shows } = open();
    shows(context, 'delete');
    await client.delete('lake', keys.slice(0, 1));
    expect(await client.list({ bucket: 'lake', prefix: 'list/' })).toEqual(keys.slice(1));
    await client.delete('lake', keys.slice(1, -1));
    expect(await client.list({ bucket: 'lake', prefix: 'list/' })).toEqual(keys.slice(-1));
    // Some clients call it a success to find nothing: then there must be no file.
    const gone = join(home, 'gone');
    const isFile = () => statSync(gone, { throwIfNoEntry: false })?.isFile() ?? false;
    const got = await client.get({ bucket: 'lake', key: keys[0]! }, gone).then(isFile, () => false);
    expect(got).toBe(false);
  });
}

function copies(open: () => Stage): void {
  it('copies within the bucket', async (context) => {
    const { client, home, makeFile, shows } = open();
    shows(context, 'copy');
    const { path, hash } = makeFile(mebibyte + 17);
    await client.put({ bucket: 'lake', key: 'copy/from + this' }, path);
    await client.copy!('lake', 'copy/from + this', 'copy/to that');
    await client.get({ bucket: 'lake', key: 'copy/to that' }, join(home, 'down'));
    expect(await hashOf(join(home, 'down'))).toBe(hash);
  });
}

function signsLinks(open: () => Stage, { linksOnlyToRead }: Subject): void {
  it(linksOnlyToRead ? 'signs links to read' : 'signs links to read and to write', async (context) => {
    const { client, makeFile, shows } = open();
    shows(context, 'presign');
    const at = { bucket: 'lake', key: 'links/a b+c & é' };
    const { path } = makeFile(100_000);
    await client.put(at, path);
    const answer = await fetch(await client.presign!(at, 'GET'));
    const body = Buffer.from(await answer.arrayBuffer());
    expect([answer.status, body.equals(readFileSync(path))]).toEqual([200, true]);
    if (linksOnlyToRead) return;
    // As bytes: for a text, fetch would add a content type that was not signed.
    const upload = { method: 'PUT', body: Buffer.from('by link') };
    const put = await fetch(await client.presign!(at, 'PUT'), upload);
    const again = await fetch(await client.presign!(at, 'GET'));
    expect([put.status, await again.text()]).toEqual([200, 'by link']);
  });
}

function keepsOddKeys(open: () => Stage, { anyKey, mangles = {} }: Subject): void {
  it('keeps odd keys as they are', async (context) => {
    open().shows(context, 'keys');
    const odd = oddKeys.filter((key) => !(key in mangles));
    await keeps(open(), { bucket: 'lake', folder: 'odd/', keys: odd });
    const all = anyKeys.filter((key) => !(key in mangles));
    if (anyKey) await keeps(open(), { bucket: 'any', folder: '', keys: all });
  });
}

interface Keys {
  readonly bucket: string;
  readonly folder: string;
  readonly keys: readonly string[];
}

async function keeps({ client, home, makeFile }: Stage, { bucket, folder, keys }: Keys): Promise<void> {
  const bodies = new Map(keys.map((key) => [folder + key, makeFile(1 + (Buffer.byteLength(key) % 50))]));
  for (const [key, { path }] of bodies) await client.put({ bucket, key }, path);
  const wrong = [];
  for (const [key, { hash }] of bodies) {
    await client.get({ bucket, key }, join(home, 'odd'));
    if ((await hashOf(join(home, 'odd'))) !== hash) wrong.push(key);
  }
  expect(wrong).toEqual([]);
  const inOrder = [...bodies.keys()].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  expect(await client.list({ bucket, prefix: folder })).toEqual(inOrder);
  // XML cannot name every key: one at a time where all are there.
  if (bucket === 'lake') await client.delete(bucket, inOrder);
  else for (const key of inOrder) await client.delete(bucket, [key]);
  expect(await client.list({ bucket, prefix: folder })).toEqual([]);
}

export async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  const stream = createReadStream(path).on('data', (bytes) => hash.update(bytes));
  await once(stream, 'close');
  return hash.digest('hex');
}
