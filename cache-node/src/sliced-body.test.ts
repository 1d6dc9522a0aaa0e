/** Bodies whose pages are lent in their files: the same bytes, counted the same, whoever takes them how. */
import { randomBytes } from 'node:crypto';
import { isSliced, type SlicedBody } from '@forebay/core/pieces';
import { syscalls } from '@forebay/core/syscalls';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openObject, readAll, refOf, type TestNode, TestNodes, testMount } from './testing/kit.ts';
import { slicesOf } from './testing/slices.ts';
import { StepUfs } from './testing/step-ufs.ts';

const MiB = 1024 * 1024;
const nodes = new TestNodes();
afterEach(() => nodes.clear());

const content = randomBytes(5 * MiB + 12_345);
const object = refOf('a', testMount({ pageSizeBytes: MiB }));
let ufs: StepUfs;
let opened: TestNode;

beforeEach(async () => {
  ufs = new StepUfs();
  ufs.put(object.ufsKey, content);
  opened = await nodes.open(ufs.asUfs());
  await readAll(opened.node, object);
  await expect.poll(async () => (await opened.node.stat({ object, want: 'bytes' })).pages.cached).toBe(6);
});

async function bodyOf(start = 0, endExclusive = content.byteLength): Promise<SlicedBody> {
  const { body } = await openObject(opened.node, object, { range: { kind: 'span', start, endExclusive } });
  if (!body || body instanceof Uint8Array || !isSliced(body)) throw new Error('no slices');
  return body;
}

async function countOf(name: string, labels: Record<string, string>): Promise<number> {
  const samples = await opened.metrics.samples(name);
  return samples.find((sample) => JSON.stringify(sample.labels) === JSON.stringify(labels))?.value ?? 0;
}

const servedFromDisk = () => countOf('forebay_bytes_served_total', { source: 'disk' });

describe.runIf(syscalls())('a body whose pages lie in files', () => {
  it('lends a whole page at a time, at once, when it was read before', async () => {
    await readAll(opened.node, object);
    const body = await bodyOf(100);
    const lengths: number[] = [];
    for (;;) {
      const piece = body.nextSlice();
      if (piece instanceof Promise) {
        expect(await piece).toBeUndefined();
        break;
      }
      lengths.push(piece instanceof Uint8Array ? -piece.byteLength : piece!.lengthBytes);
    }
    // The end of the last page is short, and so it is read.
    expect(lengths).toEqual([MiB - 100, MiB, MiB, MiB, MiB, -12_345]);
  });

  it('gives the same bytes, whatever is taken as slices, as pieces or given back', async () => {
    const ufsRequests = ufs.requests.length;
    for (let round = 0; round < 40; round += 1) {
      const start = Math.floor(Math.random() * 4 * MiB);
      const end = start + MiB;
      const counts = { fileSlices: 0, fileBytes: 0 };
      const pieces: Buffer[] = [];
      for await (const piece of slicesOf(await bodyOf(start, end), Math.random, counts)) {
        pieces.push(Buffer.from(piece));
      }
      expect(Buffer.concat(pieces).equals(content.subarray(start, end)), `${start}-${end}`).toBe(true);
    }
    expect(ufs.requests.length).toBe(ufsRequests);
    await expect.poll(() => opened.metrics.text()).toMatch(/^forebay_buffers_lent_bytes 0$/m);
  });

  it('counts what was taken, and not what was given back', async () => {
    await readAll(opened.node, object);
    const before = await servedFromDisk();
    const hits = await countOf('forebay_page_reads_total', { result: 'hit' });
    const body = await bodyOf(0, 3 * MiB);
    expect(await body.nextSlice()).toMatchObject({ lengthBytes: MiB });
    body.unread(MiB - 1000);
    expect(await body.nextSlice()).toMatchObject({ lengthBytes: MiB - 1000 });
    body.unread(MiB - 1000);
    await body.return?.();
    expect(await servedFromDisk()).toBe(before + 1000);
    expect(await countOf('forebay_page_reads_total', { result: 'hit' })).toBe(hits + 1);
  });

  it('lends no more when its reader has left', async () => {
    await readAll(opened.node, object);
    const leaver = new AbortController();
    const { body } = await openObject(opened.node, object, { signal: leaver.signal });
    leaver.abort();
    await expect((body as SlicedBody).nextSlice()).rejects.toMatchObject({ kind: 'ufs-unavailable' });
  });
});
