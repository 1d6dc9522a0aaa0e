import { randomBytes } from 'node:crypto';
import { ForebayError, isKind } from '@forebay/core/errors';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  bodyOf,
  openAny,
  openObject,
  pageSizeBytes,
  readAll,
  refOf,
  TestNodes,
  testMount,
} from './testing/kit.ts';
import { laxUfs, StepUfs } from './testing/step-ufs.ts';

const nodes = new TestNodes();
let ufs: StepUfs;

beforeEach(() => {
  ufs = new StepUfs();
});
afterEach(() => nodes.clear());

const object = refOf('models/a.bin');
const fivePages = randomBytes(4 * pageSizeBytes + 1000);

describe('versions', () => {
  it('starts over when the object changed before the first byte', async () => {
    ufs.put(object.ufsKey, fivePages);
    const { node } = await nodes.open(ufs.asUfs());
    await openObject(node, object, { want: 'info' });
    const next = randomBytes(1000);
    ufs.put(object.ufsKey, next);
    const read = await readAll(node, object);
    expect(read.bytes).toEqual(next);
    expect(ufs.requests.map((request) => request.op)).toEqual(['head', 'get', 'get']);
  });

  it('breaks off when the object changes in the middle of a read whose rest is not cached', async () => {
    const large = randomBytes(1200 * pageSizeBytes);
    ufs.pieceBytes = pageSizeBytes;
    ufs.put(object.ufsKey, large);
    const { node } = await nodes.open(ufs.asUfs());
    await openObject(node, object, { want: 'info' });
    const opened = await openObject(node, object);
    const next = randomBytes(pageSizeBytes);
    ufs.put(object.ufsKey, next);
    const error = await bodyOf(opened).catch((reason: unknown) => reason);
    expect(isKind(error, 'version-changed')).toBe(true);
    // Whoever was cut reads again, long before the TTL is over.
    expect((await readAll(node, object)).bytes).toEqual(next);
  });

  it('breaks off where the cached pages of a replaced object end, and reads it anew after that', async () => {
    ufs.put(object.ufsKey, fivePages);
    const { node } = await nodes.open(ufs.asUfs());
    await readAll(node, object, { kind: 'span', start: 0, endExclusive: 2 * pageSizeBytes });
    ufs.objects.delete(object.ufsKey);
    const opened = await openObject(node, object);
    const error = await bodyOf(opened).catch((reason: unknown) => reason);
    expect(isKind(error, 'version-changed')).toBe(true);
    expect((await openAny(node, object)).kind).toBe('absent');
  });

  it('starts over where a store looks at the range of an object that shrank before its ETag', async () => {
    ufs.put(object.ufsKey, fivePages);
    const { node } = await nodes.open(laxUfs(ufs, { ifMatch: undefined }));
    await openObject(node, object, { want: 'info' });
    ufs.put(object.ufsKey, 'tiny');
    const range = { kind: 'span', start: 2 * pageSizeBytes, endExclusive: 2 * pageSizeBytes + 1 } as const;
    const opened = await openAny(node, object, { range });
    expect(opened).toMatchObject({ range: 'unsatisfiable', info: { sizeBytes: 4 } });
  });

  it('answers If-Range past the cache by the version that it reads, not by the one before', async () => {
    const capped = refOf('big', testMount({ maxObjectSizeBytes: 10 }));
    ufs.put('big', 'the first, of some length');
    for (const store of [ufs.asUfs(), laxUfs(ufs, { ifMatch: undefined })]) {
      const { node } = await nodes.open(store);
      ufs.beforeAnswer = ({ op }) => {
        if (op === 'head') ufs.put('big', 'the second: longer than the first');
        if (op === 'head') ufs.beforeAnswer = () => undefined;
        return undefined;
      };
      const request = { object: capped, want: 'bytes', range: { kind: 'from', start: 4 } } as const;
      const { signal } = new AbortController();
      const opened = await node.open({ ...request, ifRange: { etag: '"another"' }, signal });
      if (opened.kind === 'absent') throw new Error('absent');
      expect((await bodyOf(opened)).toString()).toBe('the second: longer than the first');
      expect(opened).toMatchObject({ cache: 'BYPASS', range: { endExclusive: 33 } });
      expect(ufs.bodiesOpen).toBe(0);
      ufs.put('big', 'the first, of some length');
    }
  });

  it('takes up a fill that breaks midway where it broke, in the same version', async () => {
    ufs.put(object.ufsKey, fivePages);
    let breaks = 2;
    ufs.beforePiece = (_, offset) => {
      if (offset < pageSizeBytes + ufs.pieceBytes || breaks === 0) return undefined;
      breaks -= 1;
      throw new ForebayError('ufs-unavailable', 'connection reset');
    };
    const { node } = await nodes.open(ufs.asUfs());
    const read = await readAll(node, object);
    expect(read.bytes).toEqual(fivePages);
    expect(ufs.requests).toMatchObject([
      { range: undefined },
      { range: { start: pageSizeBytes }, ifMatch: read.etag },
      { range: { start: 2 * pageSizeBytes }, ifMatch: read.etag },
    ]);
  });

  it('gives up on a UFS that breaks at the same place again and again', async () => {
    ufs.put(object.ufsKey, fivePages);
    ufs.beforePiece = (_, offset) => {
      if (offset === 0) return undefined;
      throw new ForebayError('ufs-unavailable', 'connection reset');
    };
    const { node } = await nodes.open(ufs.asUfs());
    const opened = await openObject(node, object);
    await expect(bodyOf(opened)).rejects.toThrow('connection reset');
    expect((await node.stats()).fillsInFlight).toBe(0);
  });

  it('caches nothing of an object without a strong ETag', async () => {
    ufs.put(object.ufsKey, 'weak', 'W/"1"');
    const { node } = await nodes.open(ufs.asUfs());
    expect(await readAll(node, object)).toMatchObject({ cache: 'BYPASS', bytes: Buffer.from('weak') });
    expect(await readAll(node, object)).toMatchObject({ cache: 'BYPASS' });
    expect((await node.stats()).pages).toBe(0);
    expect(ufs.bodiesOpen).toBe(0);
  });

  it('ends a range past the cache with its last byte, though the store goes on', async () => {
    const capped = refOf('big', testMount({ maxObjectSizeBytes: 10 }));
    ufs.put('big', fivePages);
    const { node } = await nodes.open(laxUfs(ufs, { range: undefined }));
    await openObject(node, capped, { want: 'info' });
    ufs.beforePiece = (_, offset) => (offset > 0 ? new Promise(() => {}) : undefined);
    const range = { kind: 'span', start: 5, endExclusive: 8 } as const;
    expect((await readAll(node, capped, range)).bytes).toEqual(fivePages.subarray(5, 8));
    expect(ufs.bodiesOpen).toBe(0);
  });

  it('caches nothing of an object over the mount’s largest size', async () => {
    const capped = refOf('big', testMount({ maxObjectSizeBytes: 10 }));
    ufs.put('big', 'more than ten bytes');
    const { node } = await nodes.open(ufs.asUfs());
    expect(await readAll(node, capped)).toMatchObject({ cache: 'BYPASS' });
    const range = { kind: 'span', start: 5, endExclusive: 8 } as const;
    expect(await readAll(node, capped, range)).toMatchObject({ cache: 'BYPASS', bytes: Buffer.from('tha') });
    expect((await node.stat({ object: capped, want: 'bytes' })).pages.cached).toBe(0);
  });
});
