import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { OpenedObject } from '@forebay/core/cache-node';
import { type ObjectRef, placementKeyOf } from '@forebay/core/mount';
import { isSliced } from '@forebay/core/pieces';
import { afterEach, describe, expect, it } from 'vitest';
import { newCells, testWorker } from '../testing/hot-kit.ts';
import { bodyOf, KiB, readAll, refOf, TestNodes, testMount } from '../testing/kit.ts';
import { slicesOf } from '../testing/slices.ts';
import { StepUfs } from '../testing/step-ufs.ts';
import { randomOf } from '../testing/steps.ts';

const nodes = new TestNodes();
afterEach(() => nodes.clear());

const bytes = Buffer.from(Array.from({ length: 900_000 }, (_, at) => (at * 31 + (at >> 8)) & 255));
const small = bytes.subarray(0, 4096);
const signal = new AbortController().signal;

async function world(of: Parameters<typeof testMount>[0] = {}) {
  const mount = testMount({ pageSizeBytes: 256 * KiB, ...of });
  const ufs = new StepUfs();
  ufs.put('big', bytes);
  ufs.put('small', small);
  const cells = newCells();
  const { node: home, clock, dataDir } = await nodes.open(ufs.asUfs(), { mounts: [mount], cells });
  const worker = testWorker({ home, cells, clock });
  const now = (object: ObjectRef): OpenedObject | undefined =>
    worker.node.openNow({ object, want: 'bytes', signal });
  return {
    ...{ ufs, home, clock, dataDir, worker, cells, now },
    big: refOf('big', mount),
    small: refOf('small', mount),
    /** Reads it until it is answered here: its pages reach the disk in their own time. */
    heat: async (object: ObjectRef) => {
      for (let read = 0; read < 100 && !now(object); read += 1) {
        await readAll(worker.node, object);
        await worker.learnt();
        clock.advance(600);
      }
      expect(now(object)?.cache).toBe('HIT');
    },
  };
}

describe('hot objects', () => {
  it('answers what is asked for again without its home, with the same bytes', async () => {
    const { worker, heat, ...objects } = await world();
    for (const [object, content] of [[objects.small, small] as const, [objects.big, bytes] as const]) {
      await heat(object);
      const before = worker.homeOpens;
      const whole = await readAll(worker.node, object);
      expect(whole.cache).toBe('HIT');
      expect(whole.bytes.equals(content)).toBe(true);
      const part = await readAll(worker.node, object, { kind: 'span', start: 1000, endExclusive: 4000 });
      expect(part.bytes.equals(content.subarray(1000, 4000))).toBe(true);
      expect(worker.homeOpens).toBe(before);
    }
  });

  it('lends pages where they lie, and takes back what was not sent', async () => {
    const { heat, now, big } = await world();
    await heat(big);
    const body = now(big)?.body as AsyncIterable<Uint8Array>;
    if (!isSliced(body)) throw new Error('no slices');
    const pieces: Uint8Array[] = [];
    const counts = { fileSlices: 0, fileBytes: 0 };
    for await (const piece of slicesOf(body, randomOf(7), counts)) pieces.push(Buffer.from(piece));
    expect(Buffer.concat(pieces).equals(bytes)).toBe(true);
  });

  it('asks the home from the moment a write begins, and sees what was written', async () => {
    const { ufs, home, worker, heat, now, ...objects } = await world();
    await heat(objects.small);
    await home.beginWrite([objects.small], 'f');
    expect(now(objects.small)).toBeUndefined();
    ufs.put('small', 'new');
    await home.endWrite([objects.small], 'f', 'known');
    expect((await readAll(worker.node, objects.small)).bytes.toString()).toBe('new');
  });

  it('learns nothing while a write is open or its outcome unknown', async () => {
    const { home, ...objects } = await world();
    await readAll(home, objects.small);
    const question = { object: objects.small, first: 0, endExclusive: 1 };
    expect(home.factsOf(question)?.pages.length).toBe(1);
    await home.beginWrite([objects.small], 'f');
    expect(home.factsOf(question)).toBeUndefined();
    await home.endWrite([objects.small], 'f', 'unknown');
    await readAll(home, objects.small);
    expect(home.factsOf(question)).toBeUndefined();
  });

  it.each([
    [
      'a bucket that is taken away',
      async ({ home, small: { mount } }: World) => home.beginBucketWrite(mount, 'f'),
    ],
    ['a mount that is taken away', async ({ home }: World) => home.forgetInfo()],
    ['the end of its time', async ({ clock }: World) => clock.advance(60_001)],
    ['what an operator frees', async ({ home }: World) => void (await home.free(everything))],
  ])('asks the home after %s', async (_, happen) => {
    const made = await world();
    await made.heat(made.small);
    await happen(made);
    expect(made.now(made.small)).toBeUndefined();
  });

  it('keeps what is good for ever past its time, and never what is asked for always', async () => {
    const forever = await world({ freshness: 'immutable' });
    await forever.heat(forever.small);
    forever.clock.advance(1e9);
    expect(forever.now(forever.small)?.cache).toBe('HIT');
    const always = await world({ freshness: 'always' });
    for (let read = 0; read < 4; read += 1) await readAll(always.worker.node, always.small);
    expect(always.now(always.small)).toBeUndefined();
    expect(always.worker.homeOpens).toBe(4);
  });

  it('gives the rest from the home where a page went bad under it', async () => {
    const { dataDir, heat, now, worker, big } = await world();
    await heat(big);
    const opened = now(big)!;
    for (const path of pageFilesIn(dataDir)) writeFileSync(path, Buffer.alloc(300_000));
    expect((await bodyOf(opened)).equals(bytes)).toBe(true);
    expect((await worker.metrics.samples('forebay_page_corruptions_total'))[0]?.value).toBe(1);
    expect(now(big)).toBeUndefined();
  });

  it('reads what it has open also after it was evicted', async () => {
    const { dataDir, heat, now, big } = await world();
    await heat(big);
    const opened = now(big)!;
    for (const path of pageFilesIn(dataDir)) rmSync(path);
    expect((await bodyOf(opened)).equals(bytes)).toBe(true);
  });

  it('tells the home what was served, and not of one more use of what it has just served itself', async () => {
    const { heat, worker, now, small: object } = await world();
    await heat(object);
    worker.uses.length = 0;
    const served = now(object)!.body as Uint8Array;
    expect(served.byteLength).toBe(small.byteLength);
    worker.node.close();
    const [told] = worker.uses;
    expect(told?.pages).toEqual([]);
    expect(told?.servedBytes.map(([path]) => path)).toEqual(['/lake']);
  });

  it('is not disturbed by changes of others', async () => {
    const { heat, now, cells, small: object, big } = await world();
    await heat(object);
    cells.changed(placementKeyOf(big));
    expect(now(object)).toBeDefined();
  });
});

type World = Awaited<ReturnType<typeof world>>;

const everything = {
  keys: { text: 's3://lake', bucket: 'lake', key: undefined, prefix: '' },
  pinned: true,
  dryRun: false,
  signal,
  onProgress: () => {},
};

function pageFilesIn(dataDir: string): string[] {
  const pages = join(dataDir, 'pages', 'pages');
  const folders = readdirSync(pages).map((folder) => join(pages, folder));
  return folders.flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)));
}
