import { randomBytes } from 'node:crypto';
import { isKind } from '@forebay/core/errors';
import type { Placement } from '@forebay/core/homes';
import { versionOf } from '@forebay/core/object';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bodyOf, openAny, openObject, pageSizeBytes, refOf, TestNodes } from './testing/kit.ts';
import { StepUfs } from './testing/step-ufs.ts';

const nodes = new TestNodes();
let ufs: StepUfs;

beforeEach(() => {
  ufs = new StepUfs();
});
afterEach(() => nodes.clear());

const object = refOf('models/a.bin');
const segmentBytes = 2 * pageSizeBytes;
const content = randomBytes(5 * segmentBytes - 1000);
const { signal } = new AbortController();

/** Owner of these segments of every object. */
function ownerOf(...segments: number[]): Placement {
  return { segmentBytes, owns: (_, segment) => segments.includes(segment) };
}

async function nodeOf(placement: Placement) {
  ufs.put(object.ufsKey, content);
  return (await nodes.open(ufs.asUfs(), { placement, settings: { readAheadPagesMax: 0 } })).node;
}

const spanAt = (start: number, endExclusive: number) => ({ kind: 'span', start, endExclusive }) as const;

describe('an open at a node that owns some of the segments', () => {
  it('brings the first ones that it owns, known and unknown, and says where its bytes end', async () => {
    const node = await nodeOf(ownerOf(0, 1, 3));
    for (const cache of ['MISS', 'HIT']) {
      const opened = await openObject(node, object);
      const range = { start: 0, endExclusive: content.length };
      expect(opened).toMatchObject({ cache, range, whole: true, bodyEndExclusive: 2 * segmentBytes });
      expect(opened.pages.total).toBe(4);
      expect((await bodyOf(opened)).equals(content.subarray(0, 2 * segmentBytes))).toBe(true);
    }
    expect(ufs.requests).toHaveLength(1);
    expect((await node.stat({ object, want: 'bytes' })).pages?.cached).toBe(4);
  });

  it('asks the UFS with one HEAD alone where the first segment is not its own', async () => {
    const node = await nodeOf(ownerOf(0));
    const range = spanAt(segmentBytes + 5, 2 * segmentBytes);
    for (const cache of ['MISS', 'HIT']) {
      const opened = await openObject(node, object, { range });
      expect(opened).toMatchObject({ cache, range: { start: range.start }, body: undefined });
      expect(opened.bodyEndExclusive).toBe(range.start);
      expect(opened.info.sizeBytes).toBe(content.length);
    }
    expect(ufs.requests).toMatchObject([{ op: 'head' }]);
  });

  it('hands on what came with the info of an object whose size nobody knew', async () => {
    const node = await nodeOf(ownerOf(0));
    const opened = await openObject(node, object, { range: { kind: 'suffix', lengthBytes: 10 } });
    expect((await bodyOf(opened)).equals(content.subarray(-10))).toBe(true);
    expect(ufs.requests).toMatchObject([{ op: 'get' }]);
  });

  it('reads an object that cannot be cached to its end', async () => {
    const node = await nodeOf(ownerOf());
    ufs.put(object.ufsKey, content, 'W/"weak"');
    const opened = await openObject(node, object);
    expect(opened).toMatchObject({ cache: 'BYPASS' });
    expect(opened.bodyEndExclusive).toBeUndefined();
    expect((await bodyOf(opened)).equals(content)).toBe(true);
  });

  it('answers with no version that somebody found gone', async () => {
    const node = await nodeOf(ownerOf(0));
    const before = await openObject(node, object, { want: 'info' });
    ufs.put(object.ufsKey, 'another');
    const goneVersion = versionOf(before.info);
    const request = { object, want: 'info', signal, goneVersion } as const;
    expect(node.openNow(request)).toBeUndefined();
    expect(await node.open(request)).toMatchObject({ info: { sizeBytes: 7 } });
    expect(await node.open(request)).toMatchObject({ info: { sizeBytes: 7 }, cache: 'HIT' });
  });
});

describe('a read at an owner', () => {
  it('brings pages of the version, from the UFS once and then from the cache', async () => {
    const node = await nodeOf(ownerOf(1));
    const { info } = await openObject(node, object, { want: 'info' });
    const range = { start: segmentBytes + 7, endExclusive: 2 * segmentBytes };
    for (const hit of [0, 2]) {
      const opened = await node.read({ object, info, range, cachedOnly: false, signal });
      expect(opened).toMatchObject({ nodeId: 'n1', endExclusive: range.endExclusive });
      expect(opened.pages).toEqual({ hit, total: 2 });
      const { body } = opened;
      expect((await bytesOf(body)).equals(content.subarray(range.start, range.endExclusive))).toBe(true);
    }
    expect(ufs.requests).toMatchObject([{ op: 'head' }, { op: 'get', ifMatch: info.etag }]);
  });

  it('gives no byte of another version', async () => {
    const node = await nodeOf(ownerOf(1));
    const { info } = await openObject(node, object, { want: 'info' });
    ufs.put(object.ufsKey, randomBytes(content.length));
    const read = node.read({ object, info, range: { start: 0, endExclusive: 9 }, cachedOnly: false, signal });
    await expect(read).rejects.toSatisfy((error) => isKind(error, 'version-changed'));
  });

  it('brings only what is cached of the beginning to who takes over pages, and never asks the UFS', async () => {
    const node = await nodeOf(ownerOf(0, 1, 2, 3, 4));
    const { info } = await openObject(node, object, { want: 'info' });
    const take = (start: number) =>
      node.read({ object, info, range: { start, endExclusive: content.length }, cachedOnly: true, signal });
    expect(await take(0)).toMatchObject({ endExclusive: 0, pages: { hit: 0, total: 10 }, body: undefined });
    for (const at of [0, 1, 2, 5]) {
      const start = at * pageSizeBytes;
      const opened = await openAny(node, object, { range: spanAt(start, start + pageSizeBytes) });
      if (opened.kind === 'object') await bodyOf(opened);
    }
    const asked = ufs.requests.length;
    const taken = await take(100);
    expect(taken).toMatchObject({ endExclusive: 3 * pageSizeBytes, pages: { hit: 4, total: 10 } });
    expect((await bytesOf(taken.body)).equals(content.subarray(100, 3 * pageSizeBytes))).toBe(true);
    expect(ufs.requests).toHaveLength(asked);
  });
});

async function bytesOf(body: Uint8Array | AsyncIterable<Uint8Array> | undefined): Promise<Buffer> {
  if (!body) return Buffer.alloc(0);
  if (body instanceof Uint8Array) return Buffer.from(body);
  const pieces: Buffer[] = [];
  for await (const piece of body) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces);
}
