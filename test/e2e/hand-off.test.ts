/**
 * A ring that grows from three nodes to four and shrinks back while its objects are read: pages move from
 * node to node, the UFS hardly hears of it, and every byte is right.
 */
import type { OpenedObject } from '@forebay/core/cache-node';
import { parseMount } from '@forebay/core/mount-uri';
import { wholeOf } from '@forebay/core/pieces';
import { ringOf } from '@forebay/core/ring';
import { type FaultyUfs, faultyUfs } from '@forebay/ufs/faulty';
import { memoryUfs } from '@forebay/ufs/memory';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { NodeRing } from '../support/node-ring.ts';
import { Random } from '../support/random.ts';

const KiB = 1024;
const seconds = Number(process.env.FOREBAY_TEST_HAND_OFF_SECONDS ?? 2);
const scale = Number(process.env.FOREBAY_TEST_HAND_OFF_SCALE ?? 1);
const segmentBytes = 2 * 1024 * KiB;
const mount = parseMount('/lake=file:///lake?ttl=10m', { pageSizeBytes: 256 * KiB, createdAtMs: 0 });
const random = new Random(4);
const objects = new Map<string, Buffer>();
const block = random.bytes(64 * KiB);

/** Cheap, and different everywhere. */
function contentOf(number: number, sizeBytes: number): Buffer {
  const content = Buffer.alloc(sizeBytes);
  for (let at = 0; at + 4 < sizeBytes; at += block.byteLength) {
    block.copy(content, at);
    content.writeUInt32LE(number * 100_000 + at / block.byteLength, at);
  }
  return content;
}
for (let number = 0; number < 300 * scale; number += 1) {
  objects.set(`small-${number}`, contentOf(number, 20 * KiB + number));
}
for (let number = 0; number < 8 * scale; number += 1) {
  objects.set(`large-${number}`, contentOf(10_000 + number, 10 * 1024 * KiB + 100 + number));
}
const keys = [...objects.keys()];

let ufs: FaultyUfs;
let ring: NodeRing;

beforeEach(() => {
  ufs = faultyUfs(memoryUfs(Object.fromEntries(objects)));
  ring = new NodeRing({ ufs, mount, segmentBytes });
});
afterEach(() => ring.stop());

async function read(key: string): Promise<number> {
  const signal = new AbortController().signal;
  const opened = (await ring.gateway.open({
    object: { mount, ufsKey: key },
    want: 'bytes',
    signal,
  })) as OpenedObject;
  const { body } = opened;
  const bytes = body instanceof Uint8Array ? body : await wholeOf(body!);
  expect(objects.get(key)!.equals(bytes!), key).toBe(true);
  return bytes!.byteLength;
}

interface Load {
  reads: number;
  bytes: number;
  /** By second of the load. */
  readonly hitRatios: number[];
}

/** Four readers of random objects until told otherwise. */
async function underLoad(change: () => Promise<void>): Promise<Load> {
  const load: Load = { reads: 0, bytes: 0, hitRatios: [] };
  let isOver = false;
  const reader = async (seed: number) => {
    const choices = new Random(seed);
    while (!isOver) {
      load.bytes += await read(choices.pick(keys));
      load.reads += 1;
    }
  };
  const readers = [1, 2, 3, 4].map(reader);
  let [served, fetched] = [0, ufs.readBytes];
  const timer = setInterval(() => {
    if (load.bytes === served) return;
    load.hitRatios.push(1 - (ufs.readBytes - fetched) / (load.bytes - served));
    [served, fetched] = [load.bytes, ufs.readBytes];
  }, 250);
  try {
    await change();
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  } finally {
    isOver = true;
    clearInterval(timer);
    await Promise.all(readers);
  }
  return load;
}

function report(what: string, load: Load): void {
  const figures = {
    reads: load.reads,
    readMiB: Math.round(load.bytes / KiB / KiB),
    ufsGets: ufs.countOf('get'),
    ufsHeads: ufs.countOf('head'),
    ufsMiB: Math.round((ufs.readBytes / KiB / KiB) * 10) / 10,
    hitRatioMin: Math.min(...load.hitRatios),
  };
  process.stderr.write(`${what}: ${JSON.stringify(figures)}\n`);
}

it('grows from 3 nodes to 4 and shrinks back under load, hardly noticed by the UFS', async () => {
  const three = ['a', 'b', 'c'];
  for (const nodeId of three) await ring.start(nodeId);
  const members = () => [...ring.nodes.values()].map(({ member }) => member);
  const before = ring.form(members());
  for (const key of keys) await read(key);
  await ring.untilHandedOff();
  ufs.resetCounts();
  report('at rest', await underLoad(async () => {}));
  expect(ufs.countOf('get')).toBe(0);

  const d = await ring.start('d');
  let after = before;
  const grown = await underLoad(async () => {
    after = ring.form(members());
    await ring.untilHandedOff();
  });
  report('3 to 4 nodes', grown);
  const [ringBefore, ringAfter] = [ringOf(before), ringOf(after)];
  const sample = Array.from({ length: 20_000 }, (_, number) => `file:/lake\0key-${number}`);
  const moved = sample.filter((key) => ringBefore.homeOf(key)?.nodeId !== ringAfter.homeOf(key)?.nodeId);
  const movedShare = moved.length / sample.length;
  process.stderr.write(`moved: ${movedShare} of the keys, ideal ${1 / 4}\n`);
  expect(Math.abs(movedShare - 1 / 4)).toBeLessThan(0.1 / 4);
  expect(ufs.countOf('get')).toBeLessThanOrEqual(keys.length / 100);
  expect(Math.min(...grown.hitRatios)).toBeGreaterThan(0.95);
  expect((await d.node.stats()).pages).toBeGreaterThan(keys.length / 8);

  ufs.resetCounts();
  const shrunk = await underLoad(async () => {
    ring.form(members().map((member) => (member.nodeId === 'd' ? { ...member, state: 'draining' } : member)));
    await ring.untilHandedOff();
    ring.form(members().filter(({ nodeId }) => nodeId !== 'd'));
    await d.stop();
    await ring.untilHandedOff();
  });
  report('4 to 3 nodes', shrunk);
  expect(ufs.countOf('get')).toBeLessThanOrEqual(keys.length / 100);
  expect(Math.min(...shrunk.hitRatios)).toBeGreaterThan(0.95);
});

it('takes over from others what is read before it was moved', async () => {
  ring = new NodeRing({ ufs, mount, segmentBytes, bytesPerSecond: 0 });
  for (const nodeId of ['a', 'b', 'c']) await ring.start(nodeId);
  const members = () => [...ring.nodes.values()].map(({ member }) => member);
  ring.form(members());
  for (const key of keys) await read(key);
  const { metrics } = await ring.start('d');
  ufs.resetCounts();
  ring.form(members());
  for (const key of keys) await read(key);
  expect(ufs.countOf('get')).toBe(0);
  expect(await metrics.text()).toMatch(/forebay_bytes_served_total{source="peer"} [1-9]/);
});
