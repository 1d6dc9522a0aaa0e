import { randomBytes } from 'node:crypto';
import { isUfsAnswer } from '@forebay/core/errors';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bodyOf, openAny, openObject, pageSizeBytes, readAll, refOf, TestNodes } from './testing/kit.ts';
import { gate, StepUfs } from './testing/step-ufs.ts';

const nodes = new TestNodes();
let ufs: StepUfs;

const key = 'models/a.bin';
const current = refOf(key);
const first = refOf(key, current.mount, 'v1');
const second = refOf(key, current.mount, 'v2');
const bytesOfFirst = randomBytes(2 * pageSizeBytes + 7);
const bytesOfSecond = randomBytes(3 * pageSizeBytes);

beforeEach(() => {
  ufs = new StepUfs();
  ufs.putVersion(key, 'v1', bytesOfFirst);
  ufs.putVersion(key, 'v2', bytesOfSecond);
});
afterEach(() => nodes.clear());

async function openNode(settings = {}) {
  return nodes.open(ufs.asUfs(), { settings });
}

describe('a read of a version by its id', () => {
  it('is one UFS request, and none the next time', async () => {
    const { node } = await openNode();
    expect(await readAll(node, first)).toMatchObject({ bytes: bytesOfFirst, cache: 'MISS' });
    expect(await readAll(node, first)).toMatchObject({ bytes: bytesOfFirst, cache: 'HIT' });
    expect(ufs.requests).toMatchObject([{ op: 'get', versionId: 'v1', range: undefined }]);
  });

  it('is a hit where the current version was read and is the one named, and never the other way round', async () => {
    const { node } = await openNode();
    await readAll(node, current);
    expect(await readAll(node, second)).toMatchObject({ bytes: bytesOfSecond, cache: 'HIT' });
    expect(ufs.requests).toHaveLength(1);
    expect(await readAll(node, first)).toMatchObject({ bytes: bytesOfFirst, cache: 'MISS' });
    const { node: other } = await openNode();
    await readAll(other, second);
    ufs.putVersion(key, 'v3', 'three');
    expect((await readAll(other, current)).bytes.toString()).toBe('three');
  });

  it('joins no request for another version, nor one for the current version', async () => {
    const { node } = await openNode();
    const looking = gate();
    ufs.beforeRead = () => looking.wait();
    const reads = [current, first, second, first].map((object) => readAll(node, object));
    await looking.reached;
    looking.open();
    const [ofCurrent, ofFirst, ofSecond, joined] = await Promise.all(reads);
    expect(ofCurrent?.bytes).toEqual(bytesOfSecond);
    expect(ofFirst?.bytes).toEqual(bytesOfFirst);
    expect(ofSecond?.bytes).toEqual(bytesOfSecond);
    expect(joined).toMatchObject({ bytes: bytesOfFirst, cache: 'COALESCED' });
    expect(ufs.requests.map(({ versionId }) => versionId).sort()).toEqual(['v1', 'v2', undefined]);
  });

  it('is confirmed by one HEAD when the mount’s TTL is over, and moves no bytes', async () => {
    const { node, clock } = await openNode();
    await readAll(node, first);
    clock.advance(60_000);
    expect(await readAll(node, first)).toMatchObject({ bytes: bytesOfFirst, cache: 'REVALIDATED' });
    expect(ufs.requests.slice(1)).toMatchObject([{ op: 'head', versionId: 'v1' }]);
  });

  it('is confirmed by one HEAD after a restart, also where only the current version was read', async () => {
    const { node, dataDir, clock } = await openNode();
    await readAll(node, first);
    await readAll(node, current);
    await node.close();
    const { node: restarted } = await nodes.open(ufs.asUfs(), { dataDir, clock });
    ufs.requests.length = 0;
    for (const [object, bytes] of [[first, bytesOfFirst] as const, [second, bytesOfSecond] as const]) {
      expect(await readAll(restarted, object)).toMatchObject({ bytes, cache: 'REVALIDATED' });
    }
    expect(ufs.requests.map(({ op, versionId }) => [op, versionId])).toEqual([
      ['head', 'v1'],
      ['head', 'v2'],
    ]);
  });

  it('asks the UFS while a write is open on the key, and after it', async () => {
    const { node } = await openNode();
    await readAll(node, first);
    await node.beginWrite([current], 'w');
    await readAll(node, first);
    await node.endWrite([current], 'w', 'known');
    await readAll(node, first);
    expect(ufs.requests.map(({ versionId }) => versionId)).toEqual(['v1', 'v1', 'v1']);
    expect(await readAll(node, first)).toMatchObject({ cache: 'HIT' });
  });

  it('keeps to the bounds of memory, however many versions one key has', async () => {
    const { node } = await openNode({ infoMemoryEntriesMax: 4 });
    for (let id = 0; id < 20; id += 1) {
      ufs.putVersion('many', `m${id}`, `version ${id}`);
      await readAll(node, refOf('many', current.mount, `m${id}`));
    }
    expect((await node.stats()).infoMemoryEntries).toBe(4);
    await node.beginWrite([refOf('many')], 'w');
    expect((await node.stats()).infoMemoryEntries).toBe(0);
  });
});

describe('a version that goes away', () => {
  it('through a write is gone at once, and its absence is remembered in the store’s words', async () => {
    const { node } = await openNode();
    await readAll(node, first);
    await node.beginWrite([current], 'w');
    ufs.deleteVersion(key, 'v1');
    await node.endWrite([current], 'w', 'known');
    for (const cache of ['MISS', 'HIT']) {
      expect(await openAny(node, first)).toMatchObject({ cache, answer: { code: 'NoSuchVersion' } });
    }
    expect(await readAll(node, current)).toMatchObject({ bytes: bytesOfSecond });
  });

  it('behind Forebay is gone when the TTL is over', async () => {
    const { node, clock } = await openNode();
    await readAll(node, first);
    ufs.deleteVersion(key, 'v1');
    expect(await readAll(node, first)).toMatchObject({ cache: 'HIT' });
    clock.advance(60_000);
    expect(await openAny(node, first)).toMatchObject({ answer: { code: 'NoSuchVersion' } });
  });

  it('is refused to a HEAD in the words that a GET gets', async () => {
    const { node } = await openNode();
    const asUfs = ufs.asUfs();
    const unknown = refOf(key, current.mount, 'v9');
    expect(await openAny(node, unknown, { want: 'info' })).toMatchObject({ kind: 'absent', cache: 'MISS' });
    expect(await openAny(node, unknown)).toMatchObject({ cache: 'HIT', answer: { code: 'NoSuchVersion' } });
    expect(ufs.requests.map(({ op }) => op)).toEqual(['head', 'get']);
    await expect(asUfs.head(key, { versionId: 'v9' })).rejects.toThrow('no such version');
  });
});

describe('a delete marker', () => {
  const marker = refOf(key, current.mount, 'm1');

  it('is an absence that is remembered with its headers; the versions below it stay readable', async () => {
    const { node } = await openNode();
    ufs.mark(key, 'm1');
    const headers = [
      ['x-amz-delete-marker', 'true'],
      ['x-amz-version-id', 'm1'],
    ];
    for (const cache of ['MISS', 'HIT']) {
      expect(await openAny(node, current)).toMatchObject({ cache, answer: { status: 404, headers } });
    }
    expect((await readAll(node, second)).bytes).toEqual(bytesOfSecond);
  });

  it('refuses to be read by its own id, each time by the UFS', async () => {
    const { node } = await openNode();
    ufs.mark(key, 'm1');
    for (const want of ['info', 'bytes', 'bytes'] as const) {
      const refusal = await openAny(node, marker, { want }).catch((error: unknown) => error);
      expect(isUfsAnswer(refusal, 'MethodNotAllowed')).toBe(true);
    }
    expect(ufs.requests.filter(({ versionId }) => versionId === 'm1')).toHaveLength(4);
  });
});

it('goes on by itself where the fill it shares is of a version that is no longer current', async () => {
  const { node } = await openNode({ readAheadPagesMax: 1 });
  await readAll(node, current, { kind: 'span', start: 0, endExclusive: 1 });
  const held = gate();
  ufs.beforeRead = ({ versionId }) => (versionId === undefined ? held.wait() : undefined);
  const rest = { kind: 'from', start: 1 } as const;
  const shared = bodyOf(await openObject(node, current, { range: rest }));
  await held.reached;
  const named = await openObject(node, second, { range: rest });
  if (!named.body || named.body instanceof Uint8Array) throw new Error('a stream was to be seen');
  const pieces = named.body[Symbol.asyncIterator]();
  const ofFirstPage = Buffer.from((await pieces.next()).value as Uint8Array);
  const joined = pieces.next();
  ufs.putVersion(key, 'v3', 'three');
  held.open();
  await expect(shared).rejects.toThrow('gone from the UFS');
  const read = [ofFirstPage, Buffer.from((await joined).value as Uint8Array)];
  for (let piece = await pieces.next(); !piece.done; piece = await pieces.next()) {
    read.push(Buffer.from(piece.value));
  }
  expect(Buffer.concat(read)).toEqual(bytesOfSecond.subarray(1));
});
