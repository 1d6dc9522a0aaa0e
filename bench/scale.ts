/**
 * A cluster of thousands of nodes, simulated with the real ring, leases and membership: what its registry has
 * to do, how long an epoch takes, how many keys have no home meanwhile, balance and movement.
 * Run: npm run bench -- scale [--nodes 3000] [--gateways 30000] [--writers 3000] [--minutes 5]
 *   [--churn 0.01] [--uplink 10]
 */
import { parseArgs } from 'node:util';
import { gunzipSync, gzipSync } from 'node:zlib';
import { wireEpochOf } from '@forebay/core/epoch-change';
import type { Membership, RenewalRequest } from '@forebay/core/membership';
import { ringOf } from '@forebay/core/ring';
import { readWireText, wireTextOf } from '@forebay/core/view-text';
import { MembershipMachine } from '@forebay/registry/cluster/membership-machine';
import { type ScaleOptions, ScaleWorld } from './src/scale-world.ts';

const { values } = parseArgs({
  options: {
    nodes: { type: 'string', default: '3000' },
    gateways: { type: 'string', default: '30000' },
    /** Gateways that write, and so hold leases. */
    writers: { type: 'string', default: '3000' },
    minutes: { type: 'string', default: '5' },
    churn: { type: 'string', default: '0.01' },
    /** Gbit/s of the registry. */
    uplink: { type: 'string', default: '10' },
  },
});
const nodes = Number(values.nodes);
const watchers = nodes + Number(values.gateways);
const writers = Number(values.writers);
const minutes = Number(values.minutes);
/** In bytes a second. */
const uplink = (Number(values.uplink) * 1e9) / 8;

/** The whole epoch, packed as the registry packs its view. */
const wholeBytes = (_: Membership | undefined, now: Membership) =>
  gzipSync(wireTextOf(now), { level: 1 }).length;

/** Of the rest of the answer: names of state and revisions, the root's sealed pair. */
const headBytes = 300;

/** As the registry tells somebody who has the membership before: packed where it is long. */
function toldBytes(before: Membership | undefined, now: Membership): number {
  const text = wireTextOf({ ...now, epoch: wireEpochOf(now.epoch, before?.epoch) });
  return headBytes + (text.length < 16 * 1024 ? text.length : gzipSync(text, { level: 1 }).length);
}

const keyOf = (number: number) =>
  `http://s3.example:9000\0lake\0table/dt=${number % 365}/part-${number}.parquet`;
/** Spread over a billion. */
const someKeys = (count: number) => Array.from({ length: count }, (_, at) => keyOf(at * (1e9 / count)));

function percentile(of: readonly number[], share: number): number {
  return of.toSorted((a, b) => a - b)[Math.min(of.length - 1, Math.floor(of.length * share))] ?? 0;
}

const meanOf = (of: readonly number[]) => of.reduce((sum, each) => sum + each, 0) / of.length;
const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
const bytesText = (bytes: number) =>
  bytes > 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${(bytes / 1e6).toFixed(2)} MB`;
const cpuMs = () => process.cpuUsage().user / 1000 + process.cpuUsage().system / 1000;

interface Row {
  readonly name: string;
  readonly values: readonly string[];
}

function table(head: readonly string[], rows: readonly Row[]): void {
  console.log(`\n| ${head.join(' | ')} |\n|${' --- |'.repeat(head.length)}`);
  for (const { name, values: cells } of rows) console.log(`| ${[name, ...cells].join(' | ')} |`);
}

/** Of keys, the share that nobody is the leased home of, second by second. */
function homelessShare(world: ScaleWorld, keys: readonly string[]): number {
  const rings = world.epochs.slice(-2).map(({ membership }) => ringOf(membership.epoch));
  const homeless = keys.filter((key) => {
    return !rings.some((ring) => {
      const node = world.nodes.get(ring.homeOf(key)?.nodeId ?? '');
      return node?.isAlive === true && node.lease.isHome(key);
    });
  });
  return homeless.length / keys.length;
}

/** Of keys, the share whose info their homes do not use: a gateway may have gone with writes under way. */
function doubtfulShare(world: ScaleWorld, keys: readonly string[]): number {
  const { membership } = world;
  if (!membership?.lost) return 0;
  const ring = ringOf(membership.epoch);
  const doubtful = keys.filter((key) => {
    const node = world.nodes.get(ring.homeOf(key)?.nodeId ?? '');
    return node?.isAlive === true && node.lease.isDoubtful(key);
  });
  return doubtful.length / keys.length;
}

function churned(name: string, more: Partial<ScaleOptions>): readonly [string, string][] {
  const world = new ScaleWorld({
    ...{
      nodes,
      watchers,
      writers,
      churnPerMinute: Number(values.churn),
      uplinkBytesPerSecond: uplink,
      seed: 1,
    },
    newsBytesOf: toldBytes,
    ...more,
  });
  const wantsStart = () => world.membership?.epoch.members.length !== nodes || !world.membership.settled;
  for (let at = 1000; at <= 180_000 && wantsStart(); at += 1000) world.time.runAtOnceUntil(at);
  const startedMs = world.time.nowMs;
  const before = { renewals: world.renewals, news: world.news, bytes: world.newsBytes };
  const firstEpoch = world.epochs.length;
  world.churn();
  const keys = someKeys(2000);
  const homeless: number[] = [];
  const doubtful: number[] = [];
  const started = cpuMs();
  for (let second = 1; second <= minutes * 60; second += 1) {
    world.time.runAtOnceUntil(startedMs + second * 1000);
    homeless.push(homelessShare(world, keys));
    if (second % 10 === 0) doubtful.push(doubtfulShare(world, keys.slice(0, 300)));
  }
  process.stderr.write(`${name}: ${seconds(cpuMs() - started)} of CPU\n`);
  const spent = minutes * 60;
  const epochs = world.epochs.slice(firstEpoch);
  const latencies = epochs.flatMap(({ formedAtMs, settledAtMs }) =>
    settledAtMs ? [settledAtMs - formedAtMs] : [],
  );
  const news = world.news - before.news;
  const bytes = world.newsBytes - before.bytes;
  return [
    ['from the first start to a settled epoch of all', seconds(startedMs)],
    ['renewals a second', ((world.renewals - before.renewals) / spent).toFixed(0)],
    ['epochs a minute', (epochs.length / minutes).toFixed(1)],
    ['an epoch, formed to settled: median', seconds(percentile(latencies, 0.5))],
    ['99 in 100', seconds(percentile(latencies, 0.99))],
    ['one change told to all', bytesText(bytes / Math.max(1, news))],
    ['that takes', seconds((bytes / Math.max(1, news) / world.uplinkBytesPerSecond) * 1000)],
    ['news of the membership, a second', bytesText(bytes / spent)],
    ['keys without a leased home: mean', `${(meanOf(homeless) * 100).toFixed(2)} %`],
    ['at worst', `${(Math.max(...homeless) * 100).toFixed(2)} %`],
    ['keys in doubt: mean', `${(meanOf(doubtful) * 100).toFixed(2)} %`],
    ['at worst', `${(Math.max(...doubtful) * 100).toFixed(2)} %`],
    ...movement(world, firstEpoch),
  ];
}

function missing(of: ReadonlySet<string>, elsewhere: ReadonlySet<string>): number {
  return [...of].filter((id) => !elsewhere.has(id)).length;
}

/** What moved with each epoch, to what had to: the shares of the members that came and went. */
function movement(world: ScaleWorld, firstEpoch: number): [string, string][] {
  const keys = someKeys(20_000);
  const epochs = world.epochs.slice(Math.max(0, firstEpoch - 1)).map(({ membership }) => membership.epoch);
  let [moved, ideal] = [0, 0];
  let before:
    | { readonly ids: ReadonlySet<string>; readonly homes: readonly (string | undefined)[] }
    | undefined;
  for (const epoch of epochs) {
    const ids = new Set(epoch.members.map(({ nodeId }) => nodeId));
    const ring = ringOf(epoch);
    const homes = keys.map((key) => ring.homeOf(key)?.nodeId);
    if (before) {
      const { ids: idsBefore, homes: homesBefore } = before;
      moved += homes.filter((home, at) => home !== homesBefore[at]).length / keys.length;
      ideal += missing(idsBefore, ids) / idsBefore.size + missing(ids, idsBefore) / ids.size;
    }
    before = { ids, homes };
  }
  return [
    ['keys that moved', `${(moved * 100).toFixed(1)} %`],
    ['moved / ideal', (moved / Math.max(ideal, Number.EPSILON)).toFixed(2)],
  ];
}

/** A quiet registry of so many nodes, renewal after renewal, with their text read and written. */
function renewalCostUs(): number {
  let [ids, nowMs] = [0, 0];
  const makeId = () => {
    ids += 1;
    return `0f8fad5b-d9cb-469f-a165-${ids}`;
  };
  const machine = new MembershipMachine({ durable: undefined, segmentBytes: 2 ** 26, nowMs, makeId });
  nowMs = 12_000;
  machine.tick(nowMs);
  const said = Array.from({ length: nodes }, (_, number): RenewalRequest => {
    const address = `10.0.${number >> 8}.${number & 255}:9100`;
    const name = {
      nodeId: `node-${number}`,
      incarnation: makeId(),
      address,
      adminAddress: address,
      weight: 400,
    };
    return { ...name, holdsLock: true, wish: 'active', epoch: 0, registry: undefined, lastGrant: undefined };
  });
  const rounds = 30;
  let started = 0;
  for (let round = 0; round < rounds; round += 1) {
    nowMs += 3000;
    if (round === rounds / 2) started = cpuMs();
    for (const [at, request] of said.entries()) {
      const answer = machine.renew(JSON.parse(wireTextOf(request)) as RenewalRequest, nowMs);
      const { epoch } = answer.membership!;
      const lastGrant = answer.granted ? answer.grant : request.lastGrant;
      wireTextOf({ ...answer, membership: { epoch: 'yours', settled: true } });
      said[at] = { ...request, epoch: epoch.number, registry: epoch.registry, lastGrant };
    }
  }
  return ((cpuMs() - started) * 1000) / (nodes * (rounds / 2));
}

/** Unpacking, reading, and making the ring. */
function takeOverCostMs(membership: Membership): number {
  const packed = gzipSync(wireTextOf(membership), { level: 1 });
  const rounds = 50;
  const started = cpuMs();
  for (let round = 0; round < rounds; round += 1) {
    ringOf((readWireText(gunzipSync(packed).toString()) as Membership).epoch);
  }
  return (cpuMs() - started) / rounds;
}

function balance(world: Membership, count: number): string {
  const counts = new Map<string, number>();
  const ring = ringOf(world.epoch);
  for (let at = 0; at < count; at += 1) {
    const { nodeId } = ring.homeOf(keyOf(at * Math.floor(1e9 / count)))!;
    counts.set(nodeId, (counts.get(nodeId) ?? 0) + 1);
  }
  const mean = count / world.epoch.members.length;
  const spread = Math.sqrt(
    [...counts.values()].reduce((sum, each) => sum + (each - mean) ** 2, 0) / counts.size,
  );
  const [busiest, deviation, chance] = [
    Math.max(...counts.values()) / mean,
    spread / mean,
    1 / Math.sqrt(mean),
  ];
  return `${busiest.toFixed(3)} (deviation ${(deviation * 100).toFixed(2)} %; of chance alone ${(chance * 100).toFixed(2)} %)`;
}

const gbit = `${values.uplink} Gbit/s`;
const told = churned('as it is told', {});
const narrow = churned('over a tenth', { uplinkBytesPerSecond: uplink / 10 });
const whole = churned('whole', { newsBytesOf: wholeBytes });
console.log(
  `\n${nodes} nodes, ${values.gateways} gateways, ${writers} of them write, churn of ${Number(values.churn) * 100} % a minute, ${minutes} minutes`,
);
table(
  [
    '',
    `changes over ${gbit}`,
    `changes over ${Number(values.uplink) / 10} Gbit/s`,
    `whole views over ${gbit}`,
  ],
  told.map(([name, value], at) => ({ name, values: [value, narrow[at]![1], whole[at]![1]] })),
);
const quiet = new ScaleWorld({
  ...{ nodes, watchers, writers, churnPerMinute: 0, uplinkBytesPerSecond: Number.POSITIVE_INFINITY, seed: 2 },
  newsBytesOf: wholeBytes,
});
quiet.time.runAtOnceUntil(60_000);
const at60 = quiet.renewals;
quiet.time.runAtOnceUntil(90_000);
table(
  ['', 'without churn'],
  [
    { name: 'renewals a second', values: [((quiet.renewals - at60) / 30).toFixed(0)] },
    { name: 'CPU of a renewal, its JSON included', values: [`${renewalCostUs().toFixed(1)} µs`] },
    { name: 'long polls open at the registry', values: [String(watchers)] },
    { name: 'the epoch as text', values: [bytesText(wireTextOf(quiet.membership).length)] },
    { name: 'packed', values: [bytesText(wholeBytes(undefined, quiet.membership!))] },
    {
      name: 'CPU of a watcher to take it over',
      values: [`${takeOverCostMs(quiet.membership!).toFixed(1)} ms`],
    },
    { name: 'busiest / mean, a million of a billion objects', values: [balance(quiet.membership!, 1e6)] },
  ],
);
