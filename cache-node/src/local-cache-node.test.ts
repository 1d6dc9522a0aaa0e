import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isKind } from '@forebay/core/errors';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  bodyOf,
  KiB,
  openAny,
  openObject,
  pageSizeBytes,
  readAll,
  refOf,
  TestNodes,
  testMount,
} from './testing/kit.ts';
import { gate, StepUfs } from './testing/step-ufs.ts';

const nodes = new TestNodes();
let ufs: StepUfs;

beforeEach(() => {
  ufs = new StepUfs();
});
afterEach(() => nodes.clear());

const object = refOf('models/a.bin');
const fivePages = randomBytes(4 * pageSizeBytes + 1000);

describe('a cold read', () => {
  it('brings info and bytes of a small object in one UFS request, and nothing within the TTL after that', async () => {
    ufs.put(object.ufsKey, 'small');
    const { node } = await nodes.open(ufs.asUfs());
    expect(await readAll(node, object)).toMatchObject({ bytes: Buffer.from('small'), cache: 'MISS' });
    expect(await readAll(node, object)).toMatchObject({ bytes: Buffer.from('small'), cache: 'HIT' });
    expect((await openObject(node, object, { want: 'info' })).cache).toBe('HIT');
    expect(ufs.requests).toHaveLength(1);
  });

  it('brings an empty object in one UFS request', async () => {
    ufs.put(object.ufsKey, '');
    const { node } = await nodes.open(ufs.asUfs());
    expect((await readAll(node, object)).bytes).toHaveLength(0);
    expect(await readAll(node, object)).toMatchObject({ cache: 'HIT' });
    expect(ufs.requests).toHaveLength(1);
    expect(ufs.bodiesOpen).toBe(0);
  });

  it('fetches only the pages that a range touches', async () => {
    ufs.put(object.ufsKey, fivePages);
    const { node } = await nodes.open(ufs.asUfs());
    const range = {
      kind: 'span',
      start: 2 * pageSizeBytes + 7,
      endExclusive: 2 * pageSizeBytes + 20,
    } as const;
    const read = await readAll(node, object, range);
    expect(read.bytes).toEqual(fivePages.subarray(range.start, range.endExclusive));
    expect(ufs.requests).toMatchObject([
      { op: 'get', range: { start: 2 * pageSizeBytes, endExclusive: 3 * pageSizeBytes } },
    ]);
    expect((await node.stat({ object, want: 'bytes' })).pages).toMatchObject({ cached: 1, total: 5 });
  });

  it('answers a range in one UFS request also where the client asks for checksums, which a range has none of', async () => {
    ufs.put(object.ufsKey, fivePages);
    const { node } = await nodes.open(ufs.asUfs());
    const range = { kind: 'span', start: 0, endExclusive: 10 } as const;
    const { signal } = new AbortController();
    for (const cache of ['MISS', 'HIT']) {
      const opened = await node.open({ object, want: 'bytes', range, needChecksums: true, signal });
      expect(opened).toMatchObject({ kind: 'object', cache });
      if (opened.kind === 'object') expect(await bodyOf(opened)).toEqual(fivePages.subarray(0, 10));
    }
    expect(ufs.requests).toMatchObject([{ op: 'get' }]);
  });

  it('reads a suffix of an unknown object in one request, and caches whole pages of it', async () => {
    ufs.put(object.ufsKey, fivePages);
    const { node } = await nodes.open(ufs.asUfs());
    const read = await readAll(node, object, { kind: 'suffix', lengthBytes: 8 });
    expect(read.bytes).toEqual(fivePages.subarray(-8));
    expect(ufs.requests).toHaveLength(1);
    const again = await readAll(node, object, { kind: 'suffix', lengthBytes: 1000 });
    expect(again).toMatchObject({ bytes: fivePages.subarray(-1000), cache: 'HIT' });
    expect(ufs.requests).toHaveLength(1);
  });

  it('fetches only what is missing, neighbouring pages together', async () => {
    ufs.put(object.ufsKey, fivePages);
    const { node } = await nodes.open(ufs.asUfs());
    await readAll(node, object, {
      kind: 'span',
      start: 2 * pageSizeBytes,
      endExclusive: 2 * pageSizeBytes + 1,
    });
    const whole = await readAll(node, object);
    expect(whole).toMatchObject({ bytes: fivePages, cache: 'PARTIAL' });
    expect(ufs.requests.slice(1)).toMatchObject([
      { op: 'get', range: { start: 0, endExclusive: 2 * pageSizeBytes }, ifMatch: whole.etag },
      {
        op: 'get',
        range: { start: 3 * pageSizeBytes, endExclusive: fivePages.byteLength },
        ifMatch: whole.etag,
      },
    ]);
  });

  it('counts what was cached beside the pages that it brings itself', async () => {
    ufs.put(object.ufsKey, fivePages);
    const { node } = await nodes.open(ufs.asUfs(), { settings: { readAheadPagesMax: 0 } });
    await readAll(node, object, { kind: 'from', start: 3 * pageSizeBytes });
    await node.beginWrite([object], 'tags');
    await node.endWrite([object], 'tags', 'known');
    const opened = await openObject(node, object);
    expect(opened).toMatchObject({ cache: 'PARTIAL', pages: { hit: 2, total: 5 } });
    expect(await bodyOf(opened)).toEqual(fivePages);
  });

  it('reads an object anew by the page size of a mount that was made again', async () => {
    ufs.put(object.ufsKey, fivePages);
    const { node } = await nodes.open(ufs.asUfs());
    await readAll(node, object);
    const remounted = refOf(object.ufsKey, testMount({ pageSizeBytes: 2 * pageSizeBytes }));
    expect((await readAll(node, remounted)).bytes).toEqual(fivePages);
    await vi.waitFor(async () => {
      const { pages } = await node.stat({ object: remounted, want: 'bytes' });
      expect(pages).toMatchObject({ cached: 3, total: 3 });
    });
  });

  it('hands out the first bytes while the rest is still on its way', async () => {
    ufs.put(object.ufsKey, fivePages);
    const rest = gate();
    ufs.beforePiece = (_, offset) => (offset > 0 ? rest.wait() : undefined);
    const { node } = await nodes.open(ufs.asUfs());
    const opened = await openObject(node, object);
    expect(opened.info.sizeBytes).toBe(fivePages.byteLength);
    rest.open();
    expect(await bodyOf(opened)).toEqual(fivePages);
  });

  it('says 416 by the size that the UFS tells, without a body', async () => {
    ufs.put(object.ufsKey, 'small');
    const { node } = await nodes.open(ufs.asUfs());
    const opened = await openObject(node, object, { range: { kind: 'from', start: 5 } });
    expect(opened).toMatchObject({ range: 'unsatisfiable', info: { sizeBytes: 5 }, body: undefined });
  });
});

describe('freshness', () => {
  it('confirms with one HEAD after the TTL, serves the pages it has, and is fresh again', async () => {
    ufs.put(object.ufsKey, fivePages);
    const { node, clock } = await nodes.open(ufs.asUfs());
    await readAll(node, object);
    clock.advance(60_000);
    expect(await readAll(node, object)).toMatchObject({ cache: 'REVALIDATED', bytes: fivePages });
    expect(await readAll(node, object)).toMatchObject({ cache: 'HIT' });
    expect(ufs.requests.map((request) => request.op)).toEqual(['get', 'head']);
  });

  it('confirms an object without a byte with a HEAD, too', async () => {
    ufs.put(object.ufsKey, '');
    const { node, clock } = await nodes.open(ufs.asUfs());
    await readAll(node, object);
    clock.advance(60_000);
    expect(await readAll(node, object)).toMatchObject({ cache: 'REVALIDATED' });
    expect(ufs.requests.map((request) => request.op)).toEqual(['get', 'head']);
  });

  it('asks on every open of a mount that always asks, and serves its pages', async () => {
    const always = refOf('a', testMount({ freshness: 'always' }));
    ufs.put('a', 'one');
    const { node } = await nodes.open(ufs.asUfs());
    await readAll(node, always);
    expect(await readAll(node, always)).toMatchObject({ cache: 'REVALIDATED' });
    ufs.put('a', 'two');
    expect((await readAll(node, always)).bytes.toString()).toBe('two');
  });

  it('sees a change behind its back once the TTL is over, never before, and never mixed', async () => {
    ufs.put(object.ufsKey, 'old');
    const { node, clock } = await nodes.open(ufs.asUfs());
    await readAll(node, object);
    ufs.put(object.ufsKey, 'new!');
    clock.advance(59_000);
    expect((await readAll(node, object)).bytes.toString()).toBe('old');
    clock.advance(1000);
    expect((await readAll(node, object)).bytes.toString()).toBe('new!');
  });

  it('remembers for the negative TTL that nothing is there', async () => {
    const { node, clock } = await nodes.open(ufs.asUfs());
    expect(await openAny(node, object)).toMatchObject({ kind: 'absent', cache: 'MISS' });
    expect(await openAny(node, object)).toMatchObject({ kind: 'absent', cache: 'HIT' });
    expect(ufs.requests).toHaveLength(1);
    ufs.put(object.ufsKey, 'born');
    clock.advance(5000);
    expect((await readAll(node, object)).bytes.toString()).toBe('born');
  });

  it('serves what is cached and fresh while the UFS is down, and says so for the rest', async () => {
    ufs.put(object.ufsKey, 'small');
    const { node, clock } = await nodes.open(ufs.asUfs());
    await readAll(node, object);
    ufs.down = true;
    expect((await readAll(node, object)).bytes.toString()).toBe('small');
    clock.advance(60_000);
    const refused = await readAll(node, object).catch((error: unknown) => error);
    expect(isKind(refused, 'ufs-unavailable')).toBe(true);
  });
});

describe('restarts', () => {
  it('is warm at once: pages are kept, and one HEAD confirms each object', async () => {
    ufs.put(object.ufsKey, fivePages);
    const { node, dataDir } = await nodes.open(ufs.asUfs());
    await readAll(node, object);
    await node.close();
    const { node: restarted } = await nodes.open(ufs.asUfs(), { dataDir });
    expect(await restarted.stat({ object, want: 'bytes' })).toMatchObject({
      level: 'persistent',
      fresh: false,
      pages: { cached: 5 },
    });
    expect(await readAll(restarted, object)).toMatchObject({ cache: 'REVALIDATED', bytes: fivePages });
    expect(ufs.requests.map((request) => request.op)).toEqual(['get', 'head']);
  });

  it('serves immutable mounts after a restart without asking', async () => {
    const immutable = refOf('a', testMount({ freshness: 'immutable' }));
    ufs.put('a', 'for ever');
    const { node, dataDir } = await nodes.open(ufs.asUfs());
    await readAll(node, immutable);
    await node.close();
    const { node: restarted } = await nodes.open(ufs.asUfs(), { dataDir });
    expect(await readAll(restarted, immutable)).toMatchObject({ cache: 'HIT' });
    expect(ufs.requests).toHaveLength(1);
  });

  it('finds a rotten page before a byte of it is sent, and fetches it again', async () => {
    ufs.put(object.ufsKey, fivePages);
    const { node, dataDir } = await nodes.open(ufs.asUfs());
    await readAll(node, object);
    await node.close();
    for (const name of readdirSync(join(dataDir, 'pages', 'packs'))) {
      const path = join(dataDir, 'pages', 'packs', name);
      const bytes = readFileSync(path);
      bytes[bytes.byteLength >> 1]! ^= 0x10;
      writeFileSync(path, bytes);
    }
    const { node: restarted, metrics } = await nodes.open(ufs.asUfs(), { dataDir });
    expect((await readAll(restarted, object)).bytes).toEqual(fivePages);
    expect(await metrics.text()).toMatch(/forebay_page_corruptions_total [1-5]/);
  });
});

describe('bounds', () => {
  it('stays within its disk and memory budgets while reading far more', async () => {
    const settings = {
      cacheSizeBytes: 8 * pageSizeBytes,
      memorySizeBytes: 4 * pageSizeBytes,
      diskWriteQueueBytesMax: 2 * pageSizeBytes,
    };
    const { node } = await nodes.open(ufs.asUfs(), { settings });
    for (let index = 0; index < 12; index += 1) {
      const bytes = randomBytes(3 * pageSizeBytes);
      ufs.put(`o${index}`, bytes);
      expect((await readAll(node, refOf(`o${index}`))).bytes).toEqual(bytes);
      const stats = await node.stats();
      expect(stats.diskBytes).toBeLessThanOrEqual(settings.cacheSizeBytes);
      expect(stats.memoryBytes).toBeLessThanOrEqual(settings.memorySizeBytes);
    }
  });

  it('serves without a disk and without memory', async () => {
    const { node } = await nodes.open(ufs.asUfs(), { settings: { cacheSizeBytes: 0, memorySizeBytes: 0 } });
    ufs.put(object.ufsKey, fivePages);
    expect((await readAll(node, object)).bytes).toEqual(fivePages);
    expect((await readAll(node, object)).bytes).toEqual(fivePages);
    expect((await node.stats()).fillsInFlight).toBe(0);
  });

  it('serves many large reads through a small budget of bytes in flight', async () => {
    const settings = { fillsInFlightBytesMax: 2 * pageSizeBytes, memorySizeBytes: 64 * KiB };
    const { node } = await nodes.open(ufs.asUfs(), { settings });
    const contents = Array.from({ length: 10 }, () => randomBytes(5 * pageSizeBytes));
    for (const [index, bytes] of contents.entries()) ufs.put(`o${index}`, bytes);
    const reads = await Promise.all(contents.map((_, index) => readAll(node, refOf(`o${index}`))));
    expect(reads.every((read, index) => read.bytes.equals(contents[index]!))).toBe(true);
  });
});
