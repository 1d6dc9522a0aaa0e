/** Parts of files in place of bytes: what may be lent, and what must be read first. */
import {
  closeSync,
  fsyncSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Metrics } from '@forebay/core/metrics';
import type { PageId } from '@forebay/core/page';
import type { FileSlice } from '@forebay/core/pieces';
import { syscalls } from '@forebay/core/syscalls';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { declareCacheNodeMetrics } from '../metrics.ts';
import type { PageStore } from './page-store.ts';
import { lakeObject, openTestStore } from './testing/test-store.ts';

const KiB = 1024;
const MiB = 1024 * KiB;
let root: string;
let metrics: Metrics;
let store: PageStore;

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'forebay-lending-'));
  store = await open();
});
afterEach(async () => {
  vi.useRealTimers();
  await store.close();
  rmSync(root, { recursive: true, force: true });
});

function open(scrubBytesPerSecond = 0): Promise<PageStore> {
  metrics = new Metrics();
  return openTestStore({
    directories: [{ path: root, sizeBytesMax: 64 * MiB }],
    scrubBytesPerSecond,
    metrics: declareCacheNodeMetrics(metrics),
  });
}

const object = lakeObject();
const page: PageId = { set: '0123456789abcdef0123456789abcdef', index: 0 };

async function stored(lengthBytes: number, index = 0): Promise<Buffer> {
  const bytes = Buffer.alloc(lengthBytes);
  for (let at = 0; at + 4 <= lengthBytes; at += 4) bytes.writeUInt32LE(at * 31 + index, at);
  expect(await store.put({ ...page, index }, bytes, object)).toBe(true);
  return bytes;
}

/** Reads all of it, and so verifies it; the count of bytes that were right. */
async function readThrough(lengthBytes: number, index = 0): Promise<number> {
  for (let at = 0; at < lengthBytes; ) {
    const slice = await store.read({ ...page, index }, at, lengthBytes);
    if (!slice) return at;
    at += slice.bytes.byteLength;
    slice.release();
  }
  return lengthBytes;
}

function bytesOf({ file, offset, lengthBytes }: FileSlice): Buffer {
  const bytes = Buffer.alloc(lengthBytes);
  expect(readSync(file, bytes, 0, lengthBytes, offset)).toBe(lengthBytes);
  return bytes;
}

function lent(start: number, end: number, index = 0): FileSlice | undefined {
  const found = store.lend({ ...page, index }, start, end);
  found?.release();
  return found && 'slice' in found ? found.slice : undefined;
}

function onlyFile(folder: string): string {
  const [found, ...others] = readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  expect(others).toEqual([]);
  return found!;
}

function inPlace(path: string, change: (file: number) => void): void {
  const file = openSync(path, 'r+');
  change(file);
  closeSync(file);
}

/** As when the system needs its memory for something else. */
function forget(path: string): void {
  inPlace(path, (file) => {
    fsyncSync(file);
    syscalls()!.leaveMemory(file, 0, 0);
  });
}

async function countOf(name: string): Promise<number> {
  return (await metrics.samples(name)).reduce((sum, { value }) => sum + value, 0);
}

const corruptions = () => countOf('forebay_page_corruptions_total');

/** Elsewhere everything is read. */
const onLinux = it.runIf(syscalls() !== undefined);

onLinux.each([
  ['a page file', MiB],
  ['a page file that ends within a block', 300 * KiB + 17],
  ['a record of a pack', 128 * KiB],
  ['the smallest record that is lent', 64 * KiB],
])('parts of files are lent of %s once it was read', async (_, lengthBytes) => {
  const bytes = await stored(lengthBytes);
  expect(lent(0, lengthBytes)).toBeUndefined();
  expect(await readThrough(lengthBytes)).toBe(lengthBytes);
  expect(bytesOf(lent(0, lengthBytes)!).equals(bytes)).toBe(true);
  const [start, end] = [1001, lengthBytes - 7];
  expect(bytesOf(lent(start, end)!).equals(bytes.subarray(start, end))).toBe(true);
});

onLinux('parts of files are lent of each record of a pack, and of no other', async () => {
  const pages = [await stored(100 * KiB, 0), await stored(10 * KiB, 1), await stored(128 * KiB, 2)];
  expect(await readThrough(10 * KiB, 1)).toBe(10 * KiB);
  expect(lent(0, 128 * KiB, 2)).toBeUndefined();
  expect(lent(0, 10 * KiB, 1)).toBeUndefined();
  for (const [index, { byteLength }] of pages.entries()) await readThrough(byteLength, index);
  expect(bytesOf(lent(0, 100 * KiB, 0)!).equals(pages[0]!)).toBe(true);
  expect(bytesOf(lent(0, 128 * KiB, 2)!).equals(pages[2]!)).toBe(true);
});

onLinux('parts of files are lent of the blocks that were read, and of no others', async () => {
  await stored(MiB);
  (await store.read(page, 128 * KiB, 200 * KiB))!.release();
  expect(lent(128 * KiB, 256 * KiB)).toBeDefined();
  expect(lent(128 * KiB, 256 * KiB + 1)).toBeUndefined();
  expect(lent(128 * KiB - 1, 200 * KiB)).toBeUndefined();
});

onLinux('parts of files are read at once where they are short', async () => {
  const bytes = await stored(MiB);
  await readThrough(MiB);
  const found = store.lend(page, 5000, 9000);
  expect(found && 'bytes' in found && bytes.subarray(5000, 9000).equals(found.bytes)).toBe(true);
  found?.release();
});

onLinux.each([
  ['a page file', MiB, 'pages'],
  ['a pack', 128 * KiB, 'packs'],
])(
  'parts of files are not lent of %s that somebody changed: it is found out, counted and dropped',
  async (...of) => {
    const [, lengthBytes, folder] = of;
    await stored(lengthBytes);
    await readThrough(lengthBytes);
    expect(lent(0, lengthBytes)).toBeDefined();
    inPlace(onlyFile(folder), (file) => writeSync(file, Buffer.from([0x55]), 0, 1, 70_001));
    expect(lent(0, lengthBytes)).toBeUndefined();
    expect(await readThrough(lengthBytes)).toBeLessThan(lengthBytes);
    expect(await corruptions()).toBe(1);
    expect(store.has(page)).toBe(false);
  },
);

onLinux('parts of files are not lent of a file that was cut', async () => {
  await stored(MiB);
  await readThrough(MiB);
  truncateSync(onlyFile('pages'), 500_000);
  expect(lent(0, MiB)).toBeUndefined();
  expect(await readThrough(MiB)).toBeLessThan(MiB);
  expect(await corruptions()).toBe(1);
});

onLinux.each([
  ['a page file', MiB, 'pages'],
  ['a pack', 128 * KiB, 'packs'],
])(
  'parts of files are not lent of %s that left memory, until it is read again',
  async (_, lengthBytes, folder) => {
    const bytes = await stored(lengthBytes);
    await readThrough(lengthBytes);
    forget(onlyFile(folder));
    expect(lent(0, lengthBytes)).toBeUndefined();
    expect(await readThrough(lengthBytes)).toBe(lengthBytes);
    expect(bytesOf(lent(0, lengthBytes)!).equals(bytes)).toBe(true);
  },
);

onLinux('parts of files stay as they are while they are lent, also of a page that goes', async () => {
  const bytes = await stored(MiB);
  await readThrough(MiB);
  const found = store.lend(page, 0, MiB);
  const slice = found && 'slice' in found ? found.slice : undefined;
  await store.free({
    path: 'lake/a',
    prefix: 'lake/a/',
    dryRun: false,
    spares: () => false,
    onObject: () => {},
    onProgress: () => {},
    signal: new AbortController().signal,
  });
  expect(store.has(page)).toBe(false);
  await stored(MiB, 1);
  expect(bytesOf(slice!).equals(bytes)).toBe(true);
  found?.release();
  expect(lent(0, MiB)).toBeUndefined();
});

it('what nobody reads is read and verified in the background: a bad page is dropped and counted', async () => {
  await stored(MiB, 0);
  await stored(128 * KiB, 1);
  await stored(MiB, 2);
  await store.close();
  inPlace(onlyFile('packs'), (file) => writeSync(file, Buffer.from([0x55]), 0, 1, 70_001));
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  store = await open(8 * MiB);
  vi.advanceTimersByTime(1000);
  await vi.waitFor(() => expect(store.has({ ...page, index: 1 })).toBe(false));
  expect(await corruptions()).toBe(1);
  await vi.waitFor(async () =>
    expect(await countOf('forebay_scrubbed_bytes_total')).toBe(2 * MiB + 128 * KiB),
  );
  expect(await readThrough(MiB, 0)).toBe(MiB);
  expect(await readThrough(MiB, 2)).toBe(MiB);
});

onLinux('what is stored is not read again and again: a pass begins an hour after the last', async () => {
  await stored(MiB, 0);
  await store.close();
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
  store = await open(8 * MiB);
  const patience = { timeout: 10_000 };
  const scrubbedBytes = () => countOf('forebay_scrubbed_bytes_total');
  vi.advanceTimersByTime(1000);
  await vi.waitFor(async () => expect(await scrubbedBytes()).toBe(MiB), patience);
  for (let minute = 1; minute <= 61; minute += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    vi.advanceTimersByTime(60_000);
  }
  await vi.waitFor(async () => expect(await scrubbedBytes()).toBe(2 * MiB), patience);
  await store.close();
  const bytes = await scrubbedBytes();
  store = await open();
  expect(bytes).toBe(2 * MiB);
});

onLinux('what is read in the background leaves memory as it was', async () => {
  await stored(MiB, 0);
  const path = onlyFile('pages');
  const resident = () => {
    const file = openSync(path, 'r');
    const found = syscalls()!.residentBytes(file, 0, MiB);
    closeSync(file);
    return found;
  };
  await readThrough(MiB);
  forget(path);
  await store.close();
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  store = await open(8 * MiB);
  vi.advanceTimersByTime(1000);
  await store.close();
  expect(resident()).toBe(0);
  expect(await corruptions()).toBe(0);
  store = await open();
  expect(await readThrough(MiB)).toBe(MiB);
  expect(resident()).toBe(MiB);
});
