import { mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { bytesOf, openObject, Pairs } from './testing/pair.ts';
import { contentOf, refOf } from './testing/scripted-node.ts';

const pairs = new Pairs();
const object = refOf('a');
const content = contentOf(6_000_000);
let directory = '';
let file = 0;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'forebay-lent-'));
  writeFileSync(join(directory, 'page'), content);
  file = openSync(join(directory, 'page'), 'r');
});
afterEach(async () => {
  await pairs.clear();
  rmSync(directory, { recursive: true });
});

function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Reads with a pause before some pieces, so that the sockets between fill up. */
async function readSlowly(body: AsyncIterable<Uint8Array>, random: () => number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of body) {
    pieces.push(Buffer.from(piece));
    if (random() < 0.5) await new Promise((resolve) => setImmediate(resolve));
  }
  return Buffer.concat(pieces);
}

describe.each([true, false])('parts of files, sendfile %s', (sendfile) => {
  it('arrive as the bytes they are, on one connection with others', async () => {
    const options = { windowBytes: 2_000_000, connectionsMax: 1 };
    const { node, server, remote } = await pairs.open({ server: { sendfile }, client: options });
    node.put('a', content);
    node.put('small', contentOf(3000));
    for (const seed of [1, 2, 3]) {
      node.lendsFrom = { file, random: randomOf(seed) };
      const random = randomOf(seed + 100);
      const large = Array.from({ length: 8 }, async (_, index) => {
        const start = index * 1111;
        const range = { kind: 'from', start } as const;
        const { body } = await openObject(remote, { object, want: 'bytes', range });
        const bytes = await readSlowly(body as AsyncIterable<Uint8Array>, random);
        expect(bytes.equals(content.subarray(start))).toBe(true);
      });
      const small = Array.from({ length: 50 }, async (_, index) => {
        for (let turn = 0; turn < index % 7; turn += 1) await new Promise((resolve) => setImmediate(resolve));
        node.lendsFrom = { file, random: randomOf(seed + index) };
        const range = { kind: 'span', start: index, endExclusive: 40_000 } as const;
        const opened = await openObject(remote, { object, want: 'bytes', range });
        expect((await bytesOf(opened)).equals(content.subarray(index, 40_000))).toBe(true);
      });
      await Promise.all([...large, ...small]);
    }
    await vi.waitFor(() => expect(node.bodiesOpen).toBe(0));
    expect([remote.lentBytes, remote.lentPipes]).toEqual([0, 0]);
    expect(server.streamCount).toBe(0);
  });

  it('are free for others as soon as who reads them leaves', async () => {
    const options = { windowBytes: 2_000_000, connectionsMax: 1 };
    const { node, server, remote } = await pairs.open({ server: { sendfile }, client: options });
    node.put('a', content);
    node.lendsFrom = { file, random: randomOf(9) };
    for (let round = 0; round < 20; round += 1) {
      const { body } = await openObject(remote, { object, want: 'bytes' });
      const pieces = (body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
      for (let count = 0; count < round % 4; count += 1) await pieces.next();
      await pieces.return?.();
    }
    await vi.waitFor(() => expect(node.bodiesOpen).toBe(0));
    expect((await bytesOf(await openObject(remote, { object, want: 'bytes' }))).equals(content)).toBe(true);
    expect(server.streamCount).toBe(0);
  });
});
