import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { mkdir, readFile, truncate, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CachePolicy } from '@forebay/core/cache-policy';
import { Metrics } from '@forebay/core/metrics';
import type { PageId } from '@forebay/core/page';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { declareCacheNodeMetrics } from '../metrics.ts';
import type { PageStoreOptions } from './open-directories.ts';
import type { PageStore } from './page-store.ts';
import type { PagedObject } from './paged-object.ts';
import { lakeObject, lakePolicy, openTestStore } from './testing/test-store.ts';

const KiB = 1024;
const MiB = 1024 * KiB;
let root: string;
let metrics: Metrics;
const opened: PageStore[] = [];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'forebay-pages-'));
});
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close().catch(() => {});
  rmSync(root, { recursive: true, force: true });
});

function objectAt(path: string, changes: Partial<CachePolicy> = {}): PagedObject {
  return lakeObject({ path, policy: { ...lakePolicy, ...changes } });
}

function setOf(name: string): string {
  return createHash('sha256').update(name).digest('hex').slice(0, 32);
}

/** Bytes that no other page has. */
function bytesOf({ set, index }: PageId, lengthBytes: number): Buffer {
  const seed = createHash('sha256').update(`${set} ${index}`).digest();
  return Buffer.alloc(lengthBytes, seed);
}

async function open(options: Partial<PageStoreOptions> & { sizeBytesMax?: number } = {}): Promise<PageStore> {
  metrics = new Metrics();
  const { sizeBytesMax = 64 * MiB, ...others } = options;
  const store = await openTestStore({
    directories: [{ path: join(root, 'disk'), sizeBytesMax }],
    metrics: declareCacheNodeMetrics(metrics),
    probeDelayMs: 10,
    ...others,
  });
  opened.push(store);
  return store;
}

async function close(store: PageStore): Promise<void> {
  opened.splice(opened.indexOf(store), 1);
  await store.close();
}

/** The whole page, read slice by slice; undefined where any of it is missing. */
async function readWhole(store: PageStore, page: PageId, lengthBytes: number): Promise<Buffer | undefined> {
  const parts: Buffer[] = [];
  for (let at = 0; at < lengthBytes; ) {
    const slice = await store.read(page, at, lengthBytes);
    if (!slice) return undefined;
    expect(slice.bytes.byteLength).toBeGreaterThan(0);
    parts.push(Buffer.from(slice.bytes));
    at += slice.bytes.byteLength;
    slice.release();
  }
  return Buffer.concat(parts);
}

async function countOf(name: string): Promise<number> {
  return (await metrics.samples(name)).reduce((sum, { value }) => sum + value, 0);
}

function filesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** What the system says that all of it takes. */
function diskUse(directory: string): number {
  return Number(execFileSync('du', ['-s', '-B1', directory], { encoding: 'utf8' }).split('\t')[0]);
}

const lengths = [1, 100, 4 * KiB, 64 * KiB, 128 * KiB, 128 * KiB + 1, 300 * KiB, MiB];

async function fill(store: PageStore, count: number, lengthBytes: number, of = objectAt('lake/a')) {
  const pages: PageId[] = [];
  for (let index = 0; index < count; index += 1) {
    const page = { set: setOf(of.path), index };
    expect(await store.put(page, bytesOf(page, lengthBytes), of)).toBe(true);
    pages.push(page);
  }
  return pages;
}

describe('a page store', () => {
  it('gives back what was put, of any length and from any offset, also after a restart', async () => {
    let store = await open();
    for (const [index, lengthBytes] of lengths.entries()) {
      const page = { set: setOf('a'), index };
      expect(await store.put(page, bytesOf(page, lengthBytes), objectAt('lake/a'))).toBe(true);
    }
    for (let round = 0; round < 2; round += 1) {
      for (const [index, lengthBytes] of lengths.entries()) {
        const page = { set: setOf('a'), index };
        const expected = bytesOf(page, lengthBytes);
        expect(await readWhole(store, page, lengthBytes)).toEqual(expected);
        const start = Math.floor(lengthBytes / 3);
        const slice = await store.read(page, start, Math.min(lengthBytes, start + 70_000));
        expect(Buffer.from(slice!.bytes)).toEqual(expected.subarray(start, start + slice!.bytes.byteLength));
        slice!.release();
      }
      await close(store);
      store = await open();
    }
    expect(store.has({ set: setOf('a'), index: 99 })).toBe(false);
    expect(await store.read({ set: setOf('b'), index: 0 }, 0, 10)).toBeUndefined();
  });

  it('keeps 100,000 pages of 4 KiB in few files, and finds all of them again', async () => {
    const store = await open({ sizeBytesMax: 1024 * MiB });
    const count = 100_000;
    const page = (at: number) => ({ set: setOf(`object ${at}`), index: 0 });
    const bytes = (at: number) => {
      const made = Buffer.alloc(4 * KiB, 7);
      made.writeUInt32LE(at, 0);
      return made;
    };
    for (let at = 0; at < count; at += 1000) {
      const puts = Array.from({ length: 1000 }, (_, next) =>
        store.put(page(at + next), bytes(at + next), objectAt(`lake/object-${at + next}`)),
      );
      expect((await Promise.all(puts)).every(Boolean)).toBe(true);
    }
    await close(store);
    expect(filesBelow(root).length).toBeLessThan(100);
    const again = await open({ sizeBytesMax: 1024 * MiB });
    expect(again.usage().directories[0]!.pages).toBe(count);
    for (let at = 0; at < count; at += 997) {
      expect(await readWhole(again, page(at), 4 * KiB)).toEqual(bytes(at));
    }
  }, 120_000);

  it('lends bytes that stay as they are until they are given back', async () => {
    const store = await open();
    const pages = await fill(store, 8, 100 * KiB);
    const slices = await Promise.all(pages.map((page) => store.read(page, 0, 100 * KiB)));
    for (const [at, slice] of slices.entries()) {
      expect(Buffer.from(slice!.bytes)).toEqual(bytesOf(pages[at]!, 100 * KiB));
      slice!.release();
    }
  });

  it('lends whole pages while little is lent, and 256 KiB at most beyond 16 MiB', async () => {
    const store = await open();
    const [page] = await fill(store, 1, MiB);
    const slices = [];
    for (let at = 0; at < 24; at += 1) slices.push(await store.read(page!, 0, MiB));
    const lengths = slices.map((slice) => slice!.bytes.byteLength);
    expect(lengths).toEqual([...Array(16).fill(MiB), ...Array(8).fill(256 * KiB)]);
    for (const slice of slices) slice!.release();
    const next = await store.read(page!, 0, MiB);
    expect(next!.bytes.byteLength).toBe(MiB);
    next!.release();
  });

  it('keeps small pages in memory, and all of them where no directory takes any', async () => {
    const small = { set: setOf('a'), index: 0 };
    const large = { set: setOf('a'), index: 1 };
    const store = await open({ memorySizeBytes: MiB });
    for (const [page, length] of [
      [small, 128 * KiB],
      [large, 129 * KiB],
    ] as const) {
      await store.put(page, bytesOf(page, length), objectAt('lake/a'));
    }
    expect(store.inMemory(small)).toEqual(bytesOf(small, 128 * KiB));
    expect(store.inMemory(large)).toBeUndefined();
    await close(store);
    const diskless = await open({ memorySizeBytes: MiB, directories: [] });
    expect(await diskless.put(large, bytesOf(large, 129 * KiB), objectAt('lake/a'))).toBe(true);
    expect(diskless.inMemory(large)).toEqual(bytesOf(large, 129 * KiB));
  });

  it('takes a buffer that is used again right after', async () => {
    const store = await open({ memorySizeBytes: MiB });
    const buffer = Buffer.alloc(200 * KiB);
    const pages = Array.from({ length: 12 }, (_, index) => ({ set: setOf('a'), index }));
    const lengthOf = (index: number) => (index % 2 === 0 ? 4 * KiB : 200 * KiB);
    for (const page of pages) {
      bytesOf(page, lengthOf(page.index)).copy(buffer);
      await store.put(page, buffer.subarray(0, lengthOf(page.index)), objectAt('lake/a'));
      buffer.fill(0);
    }
    for (const page of pages) {
      expect(await readWhole(store, page, lengthOf(page.index))).toEqual(bytesOf(page, lengthOf(page.index)));
    }
  });
});

describe('the budget of a directory', () => {
  it('is never exceeded on the disk, whatever comes and however much of it at once', async () => {
    const sizeBytesMax = 12 * MiB;
    const store = await open({ sizeBytesMax });
    let stored = 0;
    for (let round = 0; round < 12; round += 1) {
      const puts = Array.from({ length: 40 }, async (_, next) => {
        const page = { set: setOf(`object ${round}`), index: next };
        const lengthBytes = lengths[(round + next) % lengths.length]!;
        if (await store.put(page, bytesOf(page, lengthBytes), objectAt(`lake/${round}`))) stored += 1;
        expect(store.usage().directories[0]!.bytes).toBeLessThanOrEqual(sizeBytesMax);
      });
      await Promise.all(puts);
      expect(diskUse(join(root, 'disk'))).toBeLessThanOrEqual(sizeBytesMax);
    }
    expect(stored).toBeGreaterThan(400);
    expect(await countOf('forebay_evictions_total')).toBeGreaterThan(100);
  });

  it('shrinks at a start, in the background', async () => {
    const store = await open();
    await fill(store, 20, MiB);
    await fill(store, 500, 10 * KiB, objectAt('lake/small'));
    await close(store);
    await open({ sizeBytesMax: 6 * MiB });
    await vi.waitFor(() => expect(diskUse(join(root, 'disk'))).toBeLessThanOrEqual(6 * MiB), 10_000);
  });

  it('is no more than nine tenths of what is free', async () => {
    const store = await open({ freeBytesOf: () => Promise.resolve(10 * MiB) });
    expect(store.usage().directories[0]!.bytesMax).toBeLessThanOrEqual(9 * MiB + 64 * KiB);
  });

  it('holds pinned pages for good, and then nothing else', async () => {
    const store = await open({ sizeBytesMax: 6 * MiB });
    const pinned = objectAt('lake/pinned', { pinned: true });
    const pages: PageId[] = [];
    for (let index = 0; index < 8; index += 1) {
      const page = { set: setOf('pinned'), index };
      if (await store.put(page, bytesOf(page, MiB), pinned)) pages.push(page);
    }
    expect(pages.length).toBeGreaterThan(3);
    const other = { set: setOf('other'), index: 0 };
    expect(await store.put(other, bytesOf(other, MiB), objectAt('lake/other'))).toBe(false);
    for (const page of pages) expect(await readWhole(store, page, MiB)).toEqual(bytesOf(page, MiB));
  });
});

describe('a stored page that went bad', () => {
  const cases = [
    ['in a file', 300 * KiB, 3],
    ['in a pack', 10 * KiB, 1],
  ] as const;
  it.each(cases)('%s is dropped once, counted once and never handed out', async (_, lengthBytes, readers) => {
    const store = await open();
    const [page] = await fill(store, 1, lengthBytes);
    const path = filesBelow(join(root, 'disk')).find((name) => statSync(name).size > lengthBytes)!;
    const bytes = await readFile(path);
    bytes[1000]! ^= 4;
    await writeFile(path, bytes);
    const reads = Array.from({ length: readers * 2 }, () => store.read(page!, 0, lengthBytes));
    expect(await Promise.all(reads)).toEqual(reads.map(() => undefined));
    expect(await countOf('forebay_page_corruptions_total')).toBe(1);
    expect(store.has(page!)).toBe(false);
    expect(await store.put(page!, bytesOf(page!, lengthBytes), objectAt('lake/a'))).toBe(true);
    expect(await readWhole(store, page!, lengthBytes)).toEqual(bytesOf(page!, lengthBytes));
  });

  it('does not concern those who read other blocks of it', async () => {
    const store = await open();
    const [page] = await fill(store, 1, MiB);
    const path = filesBelow(join(root, 'disk')).find((name) => statSync(name).size > MiB)!;
    const bytes = await readFile(path);
    bytes[MiB - 1]! ^= 1;
    await writeFile(path, bytes);
    const slice = await store.read(page!, 0, 64 * KiB);
    expect(Buffer.from(slice!.bytes)).toEqual(bytesOf(page!, MiB).subarray(0, 64 * KiB));
    slice!.release();
    expect(await readWhole(store, page!, MiB)).toBeUndefined();
  });

  it('is not found again where its file can neither be read nor go', async () => {
    const store = await open();
    const [page, other] = await fill(store, 2, 300 * KiB);
    const [path] = filesBelow(join(root, 'disk', 'pages'));
    await unlink(path!);
    await mkdir(path!);
    const read = [await readWhole(store, page!, 300 * KiB), await readWhole(store, other!, 300 * KiB)];
    expect(read.filter((bytes) => bytes === undefined)).toHaveLength(1);
    expect([page!, other!].filter((one) => store.has(one))).toHaveLength(1);
    expect(store.usage().directories[0]).toMatchObject({ state: 'ok', pages: 1 });
  });

  it('is a miss where its file was cut or deleted', async () => {
    const store = await open();
    const pages = await fill(store, 2, 300 * KiB);
    const [first, second] = filesBelow(join(root, 'disk', 'pages'));
    await truncate(first!, 200 * KiB);
    await unlink(second!);
    for (const page of pages) expect(await readWhole(store, page, 300 * KiB)).toBeUndefined();
    expect(store.usage().directories[0]).toMatchObject({ state: 'ok', pages: 0 });
  });
});

describe('several directories', () => {
  const two = () => [
    { path: join(root, 'one'), sizeBytesMax: 32 * MiB },
    { path: join(root, 'two'), sizeBytesMax: 16 * MiB },
  ];

  it('share the pages by their size, and are found again in another order and elsewhere', async () => {
    const store = await open({ directories: two() });
    const pages = await fill(store, 12, MiB);
    const [one, other] = store.usage().directories;
    expect(one!.pages).toBeGreaterThan(other!.pages);
    expect(other!.pages).toBeGreaterThan(2);
    await close(store);
    renameSync(join(root, 'one'), join(root, 'moved'));
    const moved = [two()[1]!, { path: join(root, 'moved'), sizeBytesMax: 32 * MiB }];
    const again = await open({ directories: moved });
    for (const page of pages) expect(await readWhole(again, page, MiB)).toEqual(bytesOf(page, MiB));
  });

  it('belong to one process at a time, and are given once', async () => {
    await open({ directories: two() });
    await expect(open({ directories: [two()[1]!] })).rejects.toThrow(/in use/);
  });

  it('that fail are out of use: the others serve; one that comes back is used again', async () => {
    const store = await open({ directories: two() });
    const pages = await fill(store, 12, MiB);
    renameSync(join(root, 'two'), join(root, 'away'));
    writeFileSync(join(root, 'two'), 'a file in place of a directory');
    let missing = 0;
    for (const page of pages) if (!(await readWhole(store, page, MiB))) missing += 1;
    expect(missing).toBeLessThan(12);
    await vi.waitFor(() => expect(store.usage().directories[1]!.state).toBe('failed'));
    const page = { set: setOf('new'), index: 0 };
    expect(await store.put(page, bytesOf(page, MiB), objectAt('lake/new'))).toBe(true);
    rmSync(join(root, 'two'));
    renameSync(join(root, 'away'), join(root, 'two'));
    await vi.waitFor(() => expect(store.usage().directories[1]!.state).toBe('ok'), 5000);
    for (const one of pages) expect(await readWhole(store, one, MiB)).toEqual(bytesOf(one, MiB));
  });

  it('that are wiped while in use begin anew', async () => {
    const store = await open({ directories: two() });
    const pages = await fill(store, 12, MiB);
    rmSync(join(root, 'two'), { recursive: true });
    for (const page of pages) await readWhole(store, page, MiB);
    await vi.waitFor(
      () => expect(store.usage().directories[1]).toMatchObject({ state: 'ok', pages: 0 }),
      5000,
    );
    await fill(store, 12, MiB, objectAt('lake/new'));
    expect(store.usage().directories[1]!.pages).toBeGreaterThan(0);
  });

  it('that cannot even be opened at a start are out of use', async () => {
    await mkdir(root, { recursive: true });
    writeFileSync(join(root, 'two'), 'a file in place of a directory');
    const store = await open({ directories: two() });
    expect(store.usage().directories.map(({ state }) => state)).toEqual(['ok', 'failed']);
    await fill(store, 3, MiB);
    rmSync(join(root, 'two'));
    await vi.waitFor(() => expect(store.usage().directories[1]!.state).toBe('ok'), 5000);
  });
});

describe('stored pages', () => {
  it('are freed by key and by prefix, also after a restart, and stay gone', async () => {
    let store = await open();
    await fill(store, 3, MiB, objectAt('lake/a/1'));
    await fill(store, 3, 10 * KiB, objectAt('lake/a/12'));
    await fill(store, 2, 10 * KiB, objectAt('lake/b/1'));
    await close(store);
    store = await open();
    const free = (prefix: string, path?: string) =>
      store.free({
        ...{ path, prefix, dryRun: false, spares: () => false, onObject: () => {}, onProgress: () => {} },
        signal: new AbortController().signal,
      });
    expect(await free('lake/a/1/', 'lake/a/1')).toMatchObject({ pages: 3, bytes: 3 * MiB });
    expect(await free('lake/a/')).toMatchObject({ pages: 3, bytes: 30 * KiB });
    expect(await free('lake/a/')).toMatchObject({ pages: 0, bytes: 0 });
    await close(store);
    store = await open();
    expect(store.usage().directories[0]!.pages).toBe(2);
  });

  it('keep to the quota of their scope, and follow another policy when they are told', async () => {
    let store = await open();
    const limited = objectAt('lake/q', { scope: 's3://lake/q', quotaBytes: 3 * MiB });
    for (let index = 0; index < 6; index += 1) {
      const page = { set: setOf('q'), index };
      await store.put(page, bytesOf(page, 900 * KiB), limited);
    }
    const usedBy = (name: string) => store.usage().scopes.find(({ scope }) => scope === name)?.bytes ?? 0;
    expect(usedBy('s3://lake/q')).toBeLessThanOrEqual(3 * MiB);
    expect(usedBy('s3://lake/q')).toBeGreaterThan(2 * MiB);
    await store.applyPolicies(() => ({ ...lakePolicy, scope: '/moved', pinned: true }));
    const moved = usedBy('/moved');
    expect(moved).toBeGreaterThan(2 * MiB);
    await close(store);
    store = await open();
    expect(usedBy('/moved')).toBe(moved);
  });

  it('are dropped when their time is over', async () => {
    let nowMs = Date.now();
    const clock = { wallMs: () => nowMs, monotonicMs: () => nowMs };
    const store = await open({ clock, memorySizeBytes: MiB });
    const page = { set: setOf('t'), index: 0 };
    await store.put(page, bytesOf(page, 300 * KiB), objectAt('lake/t', { cacheTtlMs: 60_000 }));
    const small = { set: setOf('t'), index: 1 };
    await store.put(small, bytesOf(small, KiB), objectAt('lake/t', { cacheTtlMs: 60_000 }));
    expect([store.has(page), store.has(small)]).toEqual([true, true]);
    nowMs += 61_000;
    expect([store.has(page), store.has(small)]).toEqual([false, false]);
    expect(await store.read(page, 0, 10)).toBeUndefined();
    await vi.waitFor(() => expect(store.usage().directories[0]!.pages).toBe(0), 5000);
  });
});
