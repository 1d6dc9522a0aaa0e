/** What is read again and again stays while large objects come through all at once. */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PageId } from '@forebay/core/page';
import { expect, it, onTestFinished } from 'vitest';
import type { PageStore } from './page-store.ts';
import { lakeObject, openTestStore } from './testing/test-store.ts';

const pageBytes = 128 * 1024;
const cachePages = 128;
const hotPages = 76;
/** Half of the cache. */
const scannedPages = 64;
const bytes = Buffer.alloc(pageBytes, 7);

const of = lakeObject({ sizeBytes: scannedPages * pageBytes, pageSizeBytes: pageBytes });

async function openStore(): Promise<PageStore> {
  const root = mkdtempSync(join(tmpdir(), 'forebay-scan-'));
  const store = await openTestStore({
    directories: [{ path: root, sizeBytesMax: cachePages * (pageBytes + 4096) }],
    diskWriteQueueBytesMax: 2 * scannedPages * pageBytes,
  });
  onTestFinished(async () => {
    await store.close();
    rmSync(root, { recursive: true, force: true });
  });
  return store;
}

/** Sets are hashes, and their queue relies on it. */
function setOf(name: string): string {
  return createHash('sha256').update(name).digest('hex').slice(0, 32);
}

/** The same numbers in each run. */
function numbers(): (below: number) => number {
  let state = 1;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return Math.floor((state / 0x8000_0000) * below);
  };
}

it('keeps over nine tenths of its hits while objects of half its size are read once each', async () => {
  const store = await openStore();
  const random = numbers();
  const hotSet = setOf('hot');
  const hot = (index: number): PageId => ({ set: hotSet, index });
  let reads = 0;
  let hits = 0;
  const readHot = async (index: number) => {
    const slice = await store.read(hot(index), 0, pageBytes);
    reads += 1;
    if (slice) {
      store.used(hot(index));
      slice.release();
      hits += 1;
    } else await store.put(hot(index), bytes, of);
  };
  for (let turn = 0; turn < 4 * hotPages; turn += 1) await readHot(turn % hotPages);
  for (let turn = 0; turn < 3 * hotPages; turn += 1) await readHot(random(hotPages));
  reads = 0;
  hits = 0;
  for (let object = 0; object < 20; object += 1) {
    const set = setOf(`scanned ${object}`);
    const pages = Array.from({ length: scannedPages }, (_, index) => ({ set, index }));
    await Promise.all(pages.map((page) => store.put(page, bytes, of)));
    for (let turn = 0; turn < scannedPages / 2; turn += 1) await readHot(random(hotPages));
  }
  expect(hits / reads).toBeGreaterThan(0.9);
});
