/**
 * The ring beside other rules of placement: balance, what moves when a node joins, time of a lookup and of
 * making the ring, memory.
 * Run: npm run bench -- ring [--keys 1000000] [--nodes 3,10,100,1000,3000]
 */
import { parseArgs } from 'node:util';
import type { Epoch } from '@forebay/core/membership';
import { ringAlgorithm, ringOf } from '@forebay/core/ring';
import { circle, type Placing, slots } from './src/rings.ts';

const { values } = parseArgs({
  options: {
    keys: { type: 'string', default: '1000000' },
    nodes: { type: 'string', default: '3,10,100,1000,3000' },
  },
});
const keyCount = Number(values.keys);
const nodeCounts = values.nodes.split(',').map(Number);

const idsOf = (count: number) => Array.from({ length: count }, (_, number) => `node-${number}`);

function epochOf(nodeIds: readonly string[]): Epoch {
  const members = nodeIds.map((nodeId) => ({
    nodeId,
    address: '127.0.0.1:9100',
    weight: 400,
    incarnation: '1',
    state: 'active' as const,
  }));
  return { number: 1, registry: 'r', ring: ringAlgorithm, segmentBytes: 64 * 2 ** 20, members };
}

function ownRing(nodeIds: readonly string[]): Placing {
  const ring = ringOf(epochOf(nodeIds));
  const numbers = new Map(ring.epoch.members.map((each, number) => [each, number]));
  // Seeds and weights of the members, and what the ring remembers.
  const bytes = nodeIds.length * 16 + 2 ** 12 * 16;
  return { ownerOf: (key) => numbers.get(ring.homeOf(key)!)!, bytes };
}

const rules: readonly {
  readonly name: string;
  readonly make: (nodeIds: readonly string[]) => Placing;
}[] = [
  { name: 'ring (rendezvous)', make: ownRing },
  { name: 'slots, 2^18', make: (ids) => slots(ids, 2 ** 18) },
  { name: 'circle, 160 points', make: (ids) => circle(ids, 160) },
  { name: 'circle, 1000 points', make: (ids) => circle(ids, 1000) },
];

/** CPU of this thread in ms: the machine may have other work. */
function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/** About 60 characters, as an endpoint, a bucket and a key have together. */
const keyOf = (number: number) =>
  `http://s3.example:9000\0lake\0table/dt=${number % 365}/part-${number}.parquet`;

interface Figures {
  readonly busiest: number;
  readonly moved: number;
  readonly coldNs: number;
  readonly hotNs: number;
  readonly madeMs: number;
  readonly bytes: number;
}

function measure(make: (nodeIds: readonly string[]) => Placing, count: number): Figures {
  const before = cpuMs();
  const placing = make(idsOf(count));
  const madeMs = cpuMs() - before;
  const grown = make(idsOf(count + 1));
  const counts = new Array<number>(count + 1).fill(0);
  let [moved, coldMs] = [0, 0];
  const perPart = 10_000;
  for (let start = 0; start < keyCount; start += perPart) {
    const keys = Array.from({ length: perPart }, (_, at) => keyOf(start + at));
    const started = cpuMs();
    const owners = keys.map((key) => placing.ownerOf(key));
    coldMs += cpuMs() - started;
    keys.forEach((key, at) => {
      counts[owners[at]!]! += 1;
      if (grown.ownerOf(key) !== owners[at]) moved += 1;
    });
  }
  return {
    busiest: Math.max(...counts) / (keyCount / count),
    moved: moved / keyCount / (1 / (count + 1)),
    coldNs: (coldMs * 1e6) / keyCount,
    hotNs: hotNsOf(placing),
    madeMs,
    bytes: placing.bytes,
  };
}

/** Keys that are asked for again and again. */
function hotNsOf(placing: Placing): number {
  const keys = Array.from({ length: 100 }, (_, number) => keyOf(number));
  const rounds = 10_000;
  const started = cpuMs();
  for (let round = 0; round < rounds; round += 1) for (const key of keys) placing.ownerOf(key);
  return ((cpuMs() - started) * 1e6) / (rounds * keys.length);
}

const columns = ['nodes', 'rule', 'busiest / mean', 'moved / ideal', 'lookup', 'again', 'made in', 'memory'];
console.log(`\n${keyCount} keys\n\n| ${columns.join(' | ')} |\n|${' --- |'.repeat(columns.length)}`);
for (const count of nodeCounts) {
  for (const { name, make } of rules) {
    const of = measure(make, count);
    const cells = [
      String(count),
      name,
      of.busiest.toFixed(3),
      of.moved.toFixed(3),
      `${of.coldNs.toFixed(0)} ns`,
      `${of.hotNs.toFixed(0)} ns`,
      `${of.madeMs.toFixed(0)} ms`,
      `${(of.bytes / 2 ** 10).toFixed(0)} KiB`,
    ];
    console.log(`| ${cells.join(' | ')} |`);
  }
}
