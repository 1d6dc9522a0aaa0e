import { isKind } from '@forebay/core/errors';
import { expect, it } from 'vitest';
import { bytesOf, patternBytes, uploadOf } from './contract/support.ts';
import { faultyUfs, writeMethods } from './faulty.ts';
import { memoryUfs } from './memory.ts';

const content = patternBytes(600_000);

it('holds reads until they are released, and counts them', async () => {
  const ufs = faultyUfs(memoryUfs({ object: 'held' }));
  ufs.holdReads();
  const reads = [ufs.get('object'), ufs.get('object')];
  await ufs.whenHeld(2);
  expect(ufs.readCount).toBe(2);
  ufs.releaseReads();
  const bodies = await Promise.all(reads.map(async (read) => (await bytesOf((await read).body)).toString()));
  expect(bodies).toEqual(['held', 'held']);
  expect(ufs.readBytes).toBe(8);
});

it('lets a held read go whose signal aborts', async () => {
  const ufs = faultyUfs(memoryUfs({ object: 'held' }));
  ufs.holdReads();
  const abort = new AbortController();
  const read = ufs.get('object', { signal: abort.signal });
  await ufs.whenHeld(1);
  abort.abort(new Error('gone'));
  await expect(read).rejects.toThrow('gone');
});

it('holds only the methods it is told to', async () => {
  const ufs = faultyUfs(memoryUfs());
  ufs.hold(writeMethods);
  const write = ufs.put('object', uploadOf('x'));
  await ufs.whenHeld(1);
  await expect(ufs.head('object')).rejects.toThrow('NoSuchKey');
  ufs.release();
  await write;
  expect(await ufs.head('object')).toMatchObject({ sizeBytes: 1 });
});

it('fails the next requests of a method, and then no more', async () => {
  const ufs = faultyUfs(memoryUfs({ object: 'x' }));
  ufs.failNext(2, { methods: ['head'] });
  ufs.failNext(1, { methods: ['get'], error: () => new Error('as told') });
  const failed = await ufs.head('object').catch((error: unknown) => error);
  expect(isKind(failed, 'ufs-unavailable')).toBe(true);
  await expect(ufs.get('object')).rejects.toThrow('as told');
  await expect(ufs.head('object')).rejects.toThrow();
  await ufs.head('object');
  expect(ufs.countOf('head')).toBe(3);
  ufs.resetCounts();
  expect(ufs.countOf('head')).toBe(0);
});

it('cuts a body at the byte', async () => {
  const ufs = faultyUfs(memoryUfs({ object: content }));
  ufs.cutNext(1, 300_000);
  const seen: Uint8Array[] = [];
  const read = async () => {
    for await (const chunk of (await ufs.get('object')).body) seen.push(chunk);
  };
  const error = await read().catch((failure: unknown) => failure);
  expect(isKind(error, 'ufs-unavailable')).toBe(true);
  expect(Buffer.concat(seen).equals(content.subarray(0, 300_000))).toBe(true);
  expect((await bytesOf((await ufs.get('object')).body)).equals(content)).toBe(true);
});

it('waits before each chunk of a slow body', async () => {
  const ufs = faultyUfs(memoryUfs({ object: content }));
  let waits = 0;
  ufs.slow(async () => {
    waits += 1;
  });
  await bytesOf((await ufs.get('object')).body);
  expect(waits).toBeGreaterThan(2);
});
