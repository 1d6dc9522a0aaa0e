/** What is read again and again stays while large objects are read once beside it, whole or in ranges. */
import { randomBytes } from 'node:crypto';
import { setImmediate as nextTick } from 'node:timers/promises';
import { isSliced } from '@forebay/core/pieces';
import { afterEach, expect, it } from 'vitest';
import { KiB, openObject, readAll, refOf, type TestNode, TestNodes, testMount } from './testing/kit.ts';
import { slicesOf } from './testing/slices.ts';
import { StepUfs } from './testing/step-ufs.ts';
import { randomOf } from './testing/steps.ts';

const nodes = new TestNodes();
afterEach(() => nodes.clear());

/** More than what is packed, so that each page has a file as large pages have. */
const pageBytes = 256 * KiB;
const stepBytes = pageBytes / 16;
const cachePages = 128;
const hotCount = 76;
const scannedPages = 64;
const scannedCount = 6;
const mount = testMount({ pageSizeBytes: pageBytes });
const content = randomBytes(scannedPages * pageBytes);

async function settledOf({ node, metrics }: TestNode): Promise<void> {
  for (;;) {
    const [inFlight] = await metrics.samples('forebay_fill_bytes_in_flight');
    if (inFlight?.value === 0 && (await node.stats()).fillsInFlight === 0) return;
    await nextTick();
  }
}

/** All that the fills may bring for now is on disk: they are over, or wait for their readers. */
async function stored({ metrics }: TestNode): Promise<void> {
  for (let still = 0; still < 5; await nextTick()) {
    const [inFlight] = await metrics.samples('forebay_fill_bytes_in_flight');
    still = inFlight?.value === 0 ? still + 1 : 0;
  }
}

async function opened(): Promise<TestNode & { ufs: StepUfs }> {
  const ufs = new StepUfs();
  ufs.pieceBytes = pageBytes;
  for (let at = 0; at < hotCount; at += 1) {
    ufs.objects.set(`hot-${at}`, { bytes: content.subarray(0, pageBytes), etag: `"hot-${at}"` });
  }
  for (let at = 0; at < scannedCount; at += 1) {
    ufs.objects.set(`scanned-${at}`, { bytes: content, etag: `"scanned-${at}"` });
  }
  const node = await nodes.open(ufs.asUfs(), {
    mounts: [mount],
    settings: {
      pageSizeBytes: pageBytes,
      cacheSizeBytes: cachePages * pageBytes,
      memorySizeBytes: 0,
      // A quarter of the cache, were it read ahead of each.
      readAheadPagesMax: 32,
      fillChunkBytes: 8 * pageBytes,
      fillsInFlightBytesMax: 64 * pageBytes,
      diskWriteQueueBytesMax: 64 * pageBytes,
    },
  });
  return { ...node, ufs };
}

/** The hot objects, each read until it is known, and then in any order. */
async function knownHot(test: TestNode, settled = settledOf): Promise<() => Promise<boolean>> {
  const random = randomOf(7);
  const read = async (at: number) => {
    const { cache } = await readAll(test.node, refOf(`hot-${at}`, mount));
    await settled(test);
    return cache === 'HIT';
  };
  for (let pass = 0; pass < 2; pass += 1) for (let at = 0; at < hotCount; at += 1) await read(at);
  const readHot = () => read(Math.floor(random() * hotCount));
  for (let turn = 0; turn < 3 * hotCount; turn += 1) await readHot();
  return readHot;
}

/** As a gateway takes it: lent files and all. */
async function expectRange({ node }: TestNode, key: string, start: number): Promise<void> {
  const range = { kind: 'span', start, endExclusive: start + stepBytes } as const;
  const { body } = await openObject(node, refOf(key, mount), { range });
  const pieces: Uint8Array[] = [];
  if (body instanceof Uint8Array) pieces.push(body);
  else if (body) {
    for await (const piece of isSliced(body) ? slicesOf(body, () => 0.5) : body) {
      pieces.push(Buffer.from(piece));
    }
  }
  expect(Buffer.concat(pieces).equals(content.subarray(start, start + stepBytes))).toBe(true);
}

it.each([1, scannedCount])(
  'keeps over nine tenths of its hits beside a scan of three times the cache, in %i objects at a time',
  async (readers) => {
    const test = await opened();
    const readHot = await knownHot(test);
    const hits: boolean[] = [];
    let readBytes = 0;
    for (let first = 0; first < scannedCount; first += readers) {
      for (let start = 0; start < content.byteLength; start += stepBytes) {
        for (let reader = 0; reader < readers; reader += 1) {
          await expectRange(test, `scanned-${first + reader}`, start);
          // All that was read ahead arrives before the next read.
          await settledOf(test);
          readBytes += stepBytes;
          if (readBytes % (2 * pageBytes) === 0) hits.push(await readHot());
        }
      }
    }
    expect(hits.filter(Boolean).length / hits.length).toBeGreaterThan(0.9);
  },
  60_000,
);

it('keeps nine tenths of its hits beside whole objects with lagging readers, none read twice', async () => {
  const test = await opened();
  const readHot = await knownHot(test, stored);
  const hits: boolean[] = [];
  for (let at = 0; at < scannedCount; at += 1) {
    const { body } = await openObject(test.node, refOf(`scanned-${at}`, mount));
    let readBytes = 0;
    for await (const piece of body as AsyncIterable<Uint8Array>) {
      expect(content.subarray(readBytes, readBytes + piece.byteLength).equals(piece)).toBe(true);
      readBytes += piece.byteLength;
      await stored(test);
      if (readBytes % (2 * pageBytes) === 0) hits.push(await readHot());
    }
  }
  // A page that has to be brought again comes back as one that is used.
  const brought = test.ufs.requests.filter(({ key }) => key.startsWith('scanned'));
  expect(brought).toHaveLength(scannedCount);
  expect(hits.filter(Boolean).length / hits.length).toBeGreaterThan(0.9);
}, 60_000);
