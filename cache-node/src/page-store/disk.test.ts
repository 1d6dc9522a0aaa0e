import { mkdir, mkdtemp, readdir, readFile, rename, rm, rmdir, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '@forebay/core/log';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { DiskPages } from './disk.ts';

const KiB = 1024;
const setA = 'aa'.repeat(16);
const setB = 'bb'.repeat(16);
let directory: string;
let corrupt: number;
let errors: string[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'forebay-pages-'));
  corrupt = 0;
  errors = [];
});
afterEach(() => rm(directory, { recursive: true, force: true }));

function openPages(sizeBytesMax = 1024 * KiB, freeBytes?: number): Promise<DiskPages> {
  return DiskPages.open({
    directory,
    sizeBytesMax,
    log: silentLog,
    ...(freeBytes !== undefined && { freeBytesOf: () => Promise.resolve(freeBytes) }),
    events: {
      onEvict: () => {},
      onCorrupt: () => {
        corrupt += 1;
      },
      onError: (what, error) => errors.push(`${what}: ${(error as Error).message}`),
    },
  });
}

async function onlyFile(set: string): Promise<string> {
  const folder = join(directory, set.slice(0, 2));
  const names = await readdir(folder);
  expect(names).toHaveLength(1);
  return join(folder, names[0]!);
}

it('gives back what was put, also after a restart', async () => {
  const bytes = Buffer.from('some page');
  const pages = await openPages();
  expect(await pages.put({ set: setA, index: 3 }, bytes)).toBe(true);
  expect(await pages.get({ set: setA, index: 3 })).toEqual(bytes);
  const reopened = await openPages();
  expect(await reopened.get({ set: setA, index: 3 })).toEqual(bytes);
  expect(await reopened.get({ set: setA, index: 4 })).toBeUndefined();
  expect(await reopened.get({ set: setB, index: 3 })).toBeUndefined();
  expect([...reopened.indexesOf(setA)]).toEqual([3]);
});

it('reads a page once for all who ask for it together, and counts it once where it is bad', async () => {
  const pages = await openPages();
  const page = { set: setA, index: 0 };
  await pages.put(page, Buffer.alloc(5000, 7));
  const [first, second] = await Promise.all([pages.get(page), pages.get(page)]);
  expect(first).toBe(second);
  const path = await onlyFile(setA);
  await writeFile(path, Buffer.alloc(5000, 8));
  expect(await Promise.all([pages.get(page), pages.get(page), pages.get(page)])).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
  expect(corrupt).toBe(1);
  expect(pages.count).toBe(0);
});

it('keeps what it has where nothing can be taken away', async () => {
  const pages = await openPages(8 * KiB);
  for (const index of [0, 1]) await pages.put({ set: setA, index }, Buffer.alloc(4 * KiB, index));
  // A directory cannot be unlinked, nor can anything on a disk that became read-only.
  for (const name of await readdir(join(directory, 'aa'))) {
    await rename(join(directory, 'aa', name), join(directory, name));
    await mkdir(join(directory, 'aa', name));
  }
  expect(await pages.put({ set: setB, index: 0 }, Buffer.alloc(4 * KiB))).toBe(false);
  expect([pages.count, pages.sizeBytes]).toEqual([2, 8 * KiB]);
  for (const name of await readdir(join(directory, 'aa'))) {
    await rmdir(join(directory, 'aa', name));
    await rename(join(directory, name), join(directory, 'aa', name));
  }
  expect(await pages.get({ set: setA, index: 0 })).toEqual(Buffer.alloc(4 * KiB));
  expect(await pages.put({ set: setB, index: 0 }, Buffer.alloc(4 * KiB))).toBe(true);
  expect([pages.count, pages.sizeBytes]).toEqual([2, 8 * KiB]);
});

it('never hands out a page with a flipped bit: it is dropped, counted and gone', async () => {
  const pages = await openPages();
  await pages.put({ set: setA, index: 0 }, Buffer.alloc(5000, 7));
  const path = await onlyFile(setA);
  const stored = await readFile(path);
  stored[4321]! ^= 1;
  await writeFile(path, stored);
  expect(await pages.get({ set: setA, index: 0 })).toBeUndefined();
  expect(corrupt).toBe(1);
  expect(pages.count).toBe(0);
  expect(pages.sizeBytes).toBe(0);
  expect(await pages.put({ set: setA, index: 0 }, Buffer.alloc(5000, 7))).toBe(true);
  expect(await pages.get({ set: setA, index: 0 })).toEqual(Buffer.alloc(5000, 7));
});

it('takes a truncated page for a bad one', async () => {
  const pages = await openPages();
  await pages.put({ set: setA, index: 0 }, Buffer.alloc(5000, 7));
  await truncate(await onlyFile(setA), 4096);
  const reopened = await openPages();
  expect(await reopened.get({ set: setA, index: 0 })).toBeUndefined();
  expect(corrupt).toBe(1);
});

it('removes what a killed process left half written', async () => {
  const pages = await openPages();
  await pages.put({ set: setA, index: 0 }, Buffer.from('whole'));
  const path = await onlyFile(setA);
  await writeFile(`${path}.1.tmp`, 'hal');
  await writeFile(join(directory, 'aa', 'foreign'), 'x');
  const reopened = await openPages();
  expect(reopened.count).toBe(1);
  await onlyFile(setA);
});

it('never takes more disk than its budget, however many pages are put together', async () => {
  const budget = 64 * KiB;
  const pages = await openPages(budget);
  let largest = 0;
  await Promise.all(
    Array.from({ length: 100 }, async (_, index) => {
      await pages.put({ set: setA, index }, Buffer.alloc(4 * KiB, index));
      largest = Math.max(largest, pages.sizeBytes);
    }),
  );
  expect(largest).toBeLessThanOrEqual(budget);
  expect(pages.count).toBe(16);
  expect(await readdir(join(directory, 'aa'))).toHaveLength(16);
});

it('counts whole file system blocks, as the disk does', async () => {
  const pages = await openPages();
  await pages.put({ set: setA, index: 0 }, Buffer.from('x'));
  expect(pages.sizeBytes).toBe(4096);
});

it('shrinks to a smaller budget at start', async () => {
  const pages = await openPages();
  for (let index = 0; index < 10; index += 1) await pages.put({ set: setA, index }, Buffer.alloc(4 * KiB));
  const shrunk = await openPages(12 * KiB);
  expect(shrunk.count).toBe(3);
  expect(await readdir(join(directory, 'aa'))).toHaveLength(3);
});

it('goes on without a page that it could not store', async () => {
  const pages = await openPages();
  await writeFile(join(directory, 'aa'), 'a file where a folder belongs');
  expect(await pages.put({ set: setA, index: 0 }, Buffer.from('x'))).toBe(false);
  expect(errors[0]).toMatch(/^store: ENOTDIR/);
  expect(pages.sizeBytes).toBe(0);
  expect(await pages.get({ set: setA, index: 0 })).toBeUndefined();
});

it('takes a file that somebody deleted for a miss', async () => {
  const pages = await openPages();
  await pages.put({ set: setB, index: 0 }, Buffer.from('x'));
  await rm(await onlyFile(setB));
  expect(await pages.get({ set: setB, index: 0 })).toBeUndefined();
  expect(pages.sizeBytes).toBe(0);
});

it('takes no more than nine tenths of what the disk has left, whatever it was given', async () => {
  const pages = await openPages();
  await pages.put({ set: setA, index: 0 }, Buffer.alloc(4 * KiB));
  const crowded = await openPages(1024 * KiB, 40 * KiB);
  expect(crowded.sizeBytesMax).toBe(40 * KiB);
  const roomy = await openPages(1024 * KiB, 1e12);
  expect(roomy.sizeBytesMax).toBe(1024 * KiB);
});
