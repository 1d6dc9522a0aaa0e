import { ForebayError } from '@forebay/core/errors';
import { afterEach, describe, expect, it } from 'vitest';
import { bytesOf, never, openObject, Pairs } from './testing/pair.ts';
import { contentOf, refOf } from './testing/scripted-node.ts';

const pairs = new Pairs();
afterEach(() => pairs.clear());

const object = refOf('models/a.bin');
const content = contentOf(1_000_000);

async function pairWith() {
  const pair = await pairs.open();
  return { ...pair, info: pair.node.put(object.ufsKey, content) };
}

describe('an open in a cluster', () => {
  it('says the epoch and the version that is gone, and hears where the bytes of the node end', async () => {
    const { node, remote, info } = await pairWith();
    for (const bodyEnd of [700_000, 60_000, 100]) {
      node.bodyEnd = bodyEnd;
      const range = { kind: 'span', start: 100, endExclusive: 900_000 } as const;
      const request = { object, want: 'bytes', range, epoch: 12, goneVersion: '"caf\u00e9"|9|' } as const;
      const opened = await openObject(remote, request);
      expect(opened).toMatchObject({ range: { start: 100, endExclusive: 900_000 }, info });
      expect(opened.bodyEndExclusive).toBe(bodyEnd);
      if (bodyEnd === 100) expect(opened.body).toBeUndefined();
      else expect((await bytesOf(opened)).equals(content.subarray(100, bodyEnd))).toBe(true);
      expect(node.requests.at(-1)).toMatchObject({ epoch: 12, goneVersion: '"caf\u00e9"|9|' });
    }
  });

  it('hears that the node is not the home', async () => {
    const { node, remote } = await pairWith();
    node.beforeAnswer = () => Promise.reject(new ForebayError('not-home', 'another node is'));
    await expect(remote.open({ object, want: 'info', signal: never, epoch: 1 })).rejects.toMatchObject({
      kind: 'not-home',
    });
  });
});

describe('a read of pages', () => {
  it('brings the bytes of any range, short and long', async () => {
    const { node, remote, info } = await pairWith();
    const named = { ...object, versionId: 'v1' };
    for (const [start, endExclusive] of [
      [0, 1_000_000],
      [5, 6],
      [1000, 66_536],
      [999_999, 1_000_000],
    ] as const) {
      const range = { start, endExclusive };
      const read = await remote.read({ object: named, info, range, cachedOnly: false, signal: never });
      expect(read).toMatchObject({ nodeId: 'scripted', endExclusive, pages: { hit: 3, total: 4 } });
      expect((await bytesOf(read)).equals(content.subarray(start, endExclusive))).toBe(true);
      expect(node.reads.at(-1)).toMatchObject({ object: named, info, range, cachedOnly: false });
    }
    expect(node.bodiesOpen).toBe(0);
    expect(remote.lentBytes).toBe(0);
  });

  it('brings what is cached alone where that is asked for, also nothing', async () => {
    const { node, remote, info } = await pairWith();
    const range = { start: 1000, endExclusive: 900_000 };
    for (const bodyEnd of [1000, 1200, 500_000]) {
      node.bodyEnd = bodyEnd;
      const read = await remote.read({ object, info, range, cachedOnly: true, signal: never });
      expect(read.endExclusive).toBe(bodyEnd);
      expect((await bytesOf(read)).equals(content.subarray(1000, bodyEnd))).toBe(true);
      expect(node.reads.at(-1)?.cachedOnly).toBe(true);
    }
  });

  it('is refused with the kind that the node gave, and cut where the node breaks off', async () => {
    const { node, server, remote, info } = await pairWith();
    const range = { start: 0, endExclusive: content.length };
    node.beforePiece = (offset) =>
      offset > 300_000 ? Promise.reject(new ForebayError('version-changed', 'gone')) : undefined;
    const read = await remote.read({ object, info, range, cachedOnly: false, signal: never });
    await expect(bytesOf(read)).rejects.toMatchObject({ kind: 'version-changed' });
    node.beforePiece = (offset) => (offset > 300_000 ? server.close() : undefined);
    const other = await remote.read({ object, info, range, cachedOnly: false, signal: never });
    await expect(bytesOf(other)).rejects.toMatchObject({ kind: 'node-unavailable' });
    await expect(
      remote.read({ object, info, range, cachedOnly: false, signal: never }),
    ).rejects.toMatchObject({ kind: 'node-unavailable' });
  });

  it('is left by who does not want the rest', async () => {
    const { node, server, remote, info } = await pairWith();
    const left = new AbortController();
    const range = { start: 0, endExclusive: content.length };
    const read = await remote.read({ object, info, range, cachedOnly: false, signal: left.signal });
    left.abort();
    await expect(bytesOf(read)).rejects.toMatchObject({ kind: 'ufs-unavailable' });
    await expect.poll(() => node.bodiesOpen).toBe(0);
    expect(server.streamCount).toBe(0);
  });
});
