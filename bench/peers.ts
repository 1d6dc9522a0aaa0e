/**
 * `npm run bench:peers`: what a read costs Forebay, beside a cache of nginx, rclone's, and S3 servers that
 * are read directly. On the same data, in one run, in turns.
 */
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { startDistance } from './src/distance.ts';
import {
  type BenchmarkContext,
  type BenchmarkReport,
  type FlagValues,
  numberFlag,
  runBenchmark,
  say,
} from './src/frame.ts';
import { forebayHop, nginxHop } from './src/hop/peers.ts';
import { writeObjects } from './src/objects.ts';
import { allowAnyone } from './src/peers/anyone.ts';
import { minioPeer, versitygwPeer } from './src/peers/direct.ts';
import { baseline, p99GapMs, peerRows, verdicts } from './src/peers/figures.ts';
import { forebayPeer } from './src/peers/forebay.ts';
import { type Contender, Measurement, type Setting } from './src/peers/measure.ts';
import { nginxFilesPeer, nginxPeer, nginxWorkersPeer } from './src/peers/nginx.ts';
import { linkColdObjects, type PeerSize, peerSizes } from './src/peers/objects.ts';
import type { Peer, PeerPlace } from './src/peers/peer.ts';
import { bindToCpu } from './src/peers/process-tree.ts';
import { rclonePeer } from './src/peers/rclone.ts';
import { p99GapLines, peerTables, verdictTable } from './src/peers/tables.ts';
import { type Server, startUfs, tempDirectory, type UfsServer } from './src/servers.ts';
import { WireLoad } from './src/wire-load.ts';

const peers: readonly Peer[] = [
  forebayPeer(baseline, 1),
  forebayPeer('forebay-2-bound', 2, false),
  forebayPeer('forebay-2', 2),
  { ...forebayHop, name: 'forebay-hop' },
  nginxPeer,
  nginxWorkersPeer,
  nginxFilesPeer,
  { ...nginxHop, name: 'nginx-hop' },
  rclonePeer,
  versitygwPeer,
  minioPeer,
];
const temperatures = ['warm', 'cold'] as const;

await runBenchmark({
  usage: `Usage: npm run bench:peers -- [--only NAMES] [--sizes NAMES] [--half-load]

CPU per request, requests per second, latency and memory of Forebay and its peers. Requests are signed where
the peer verifies signatures. Servers run on one CPU and the client on another, where there is taskset.

  --only NAMES          of ${peers.map(({ name }) => name).join(', ')} (all)
  --sizes NAMES         of ${peerSizes.map(({ name }) => name).join(', ')} (all)
  --temperatures NAMES  of ${temperatures.join(', ')} (both)
  --distances MS        milliseconds to the UFS (0,40)
  --rounds N            (5; quick: 3)
  --sample MS           length of a warm sample (1500; quick: 500)
  --half-load           also latencies of 4 KiB at half of Forebay's rate, the same rate for all
`,
  options: {
    only: { type: 'string' },
    sizes: { type: 'string' },
    temperatures: { type: 'string' },
    distances: { type: 'string' },
    rounds: { type: 'string' },
    sample: { type: 'string' },
    'half-load': { type: 'boolean' },
  },
  run: measure,
});

interface Plan {
  readonly peers: readonly Peer[];
  readonly sizes: readonly PeerSize[];
  readonly temperatures: readonly string[];
  readonly distancesMs: readonly number[];
  readonly rounds: number;
  readonly sampleMs: number;
  readonly halfLoad: boolean;
}

function planOf(flags: FlagValues, quick: boolean): Plan {
  const names = (flag: string, all: readonly string[]) => namesOf(flags, flag, all);
  const wantedPeers = names(
    'only',
    peers.map(({ name }) => name),
  );
  const wantedSizes = names(
    'sizes',
    peerSizes.map(({ name }) => name),
  );
  const distances = String(flags.distances ?? '0,40')
    .split(',')
    .map(Number);
  if (!distances.every((ms) => ms >= 0))
    throw new Error(`--distances must be milliseconds, not ${flags.distances}`);
  return {
    peers: peers.filter(({ name }) => wantedPeers.includes(name)),
    sizes: peerSizes.filter(({ name }) => wantedSizes.includes(name)),
    temperatures: names('temperatures', temperatures),
    distancesMs: distances,
    rounds: numberFlag(flags, 'rounds', quick ? 3 : 5),
    sampleMs: numberFlag(flags, 'sample', quick ? 500 : 1500),
    halfLoad: flags['half-load'] === true,
  };
}

function namesOf(flags: FlagValues, flag: string, all: readonly string[]): readonly string[] {
  if (flags[flag] === undefined) return all;
  const wanted = String(flags[flag]).split(',');
  const unknown = wanted.find((name) => !all.includes(name));
  if (unknown !== undefined) throw new Error(`--${flag}: there is no ${unknown}, only ${all.join(', ')}`);
  return wanted;
}

async function measure({ quick, flags, stack }: BenchmarkContext): Promise<BenchmarkReport> {
  const plan = planOf(flags, quick);
  const directory = tempDirectory(stack);
  const ufs = await startUfs(stack, directory);
  if (!ufs.name.startsWith('versitygw'))
    throw new Error('the comparison needs versitygw as the UFS, and so Go');
  await prepareUfs(ufs, plan);
  const client = new WireLoad();
  stack.defer(() => client.stop());
  await bindToCpu(client.pid, 1);
  const measurement = new Measurement(client);
  const titles = new Map<string, string>();
  for (const distanceMs of plan.distancesMs) {
    await measureAt({ plan, ufs, measurement, titles, directory, distanceMs });
  }
  return reportOf(plan, measurement, titles);
}

async function prepareUfs(ufs: UfsServer, plan: Plan): Promise<void> {
  say(`UFS: ${ufs.name}. Writing the objects.`);
  await writeWarm(ufs, plan);
  await allowAnyone(ufs);
  for (const size of plan.sizes) linkColdObjects(ufs, size, plan.rounds + 1);
}

async function writeWarm(server: Server, plan: Plan): Promise<void> {
  // Two sizes read the same large objects.
  const counts = new Map<number, number>();
  for (const { objectBytes, count } of plan.sizes) {
    counts.set(objectBytes, Math.max(count, counts.get(objectBytes) ?? 0));
  }
  for (const [sizeBytes, count] of counts) await writeObjects(server, { sizeBytes, count });
}

interface At {
  readonly plan: Plan;
  readonly ufs: UfsServer;
  readonly measurement: Measurement;
  readonly titles: Map<string, string>;
  readonly directory: string;
  readonly distanceMs: number;
}

/** With servers of its own, that know nothing of those at other distances. */
async function measureAt(at: At): Promise<void> {
  const { plan, measurement, distanceMs } = at;
  await using stack = new AsyncDisposableStack();
  const contenders = await startPeers(stack, at);
  for (const [index, size] of plan.sizes.entries()) {
    const { rounds, sampleMs } = plan;
    const warmUpMs = index === 0 ? Math.max(2000, sampleMs) : sampleMs;
    const setting: Setting = { distanceMs, size, rounds, sampleMs, warmUpMs };
    if (plan.temperatures.includes('warm')) await measurement.warm(contenders, setting);
    else await measurement.warmUp(contenders, setting);
    if (plan.halfLoad && size.name === '4KiB' && distanceMs === 0) {
      await measureHalfLoad(measurement, contenders, { ...setting, sampleMs: 2 * plan.sampleMs });
    }
    if (plan.temperatures.includes('cold')) await measurement.cold(contenders, setting);
  }
}

async function measureHalfLoad(
  measurement: Measurement,
  contenders: readonly Contender[],
  setting: Setting,
): Promise<void> {
  const full = peerRows(measurement.samples).find(
    (row) => row.peer === baseline && row.size === setting.size.name && row.temperature === 'warm',
  );
  if (full) await measurement.halfLoad(contenders, setting, full.requestsPerSecond / 2);
}

async function startPeers(stack: AsyncDisposableStack, at: At): Promise<Contender[]> {
  const { plan, ufs, distanceMs } = at;
  const afar = (server: Server) =>
    distanceMs === 0 ? Promise.resolve(server) : distant(stack, server, distanceMs);
  const seen = await afar(ufs);
  const contenders: Contender[] = [];
  for (const peer of plan.peers) {
    const directory = join(at.directory, `${peer.name}-${distanceMs}`);
    mkdirSync(directory);
    const fill = (server: Server) => writeWarm(server, plan);
    const place: PeerPlace = {
      ...{ directory, ufs: seen, ufsPid: ufs.pid, ufsFiles: dirname(ufs.files), afar, fill },
    };
    say(`Starting ${peer.name}.`);
    try {
      const running = await peer.start(stack, place);
      if (!peer.isParallel) await bindToCpu(running.pid, 0);
      at.titles.set(peer.name, running.title);
      contenders.push({ peer, running });
    } catch (error) {
      say(`${peer.name}: ${(error as Error).message}`);
      at.measurement.broken.set(peer.name, `did not start: ${(error as Error).message.split('\n')[0]}`);
    }
  }
  return contenders;
}

/** Each connection gets what one to a far store gets; the link is no limit. */
function distant(stack: AsyncDisposableStack, server: Server, roundTripMs: number): Promise<Server> {
  const connectionBytesPerSecond = 90_000_000;
  const way = { roundTripMs, connectionBytesPerSecond, bytesPerSecond: 10 * connectionBytesPerSecond };
  return startDistance(stack, server, way);
}

function reportOf(
  plan: Plan,
  { samples, broken }: Measurement,
  titles: Map<string, string>,
): BenchmarkReport {
  const rows = peerRows(samples);
  const judged = verdicts(samples);
  const gapMs = p99GapMs(samples);
  return {
    lines: [
      `Medians of ${plan.rounds} rounds in turns; ratios are medians of those within a round. Latencies are of all rounds.`,
      'At a distance every connection gets 90 MB/s. Servers that are no caches have no cold state of their own.',
      ...[...broken].map(([name, reason]) => `NOT MEASURED (from then on): ${name}: ${reason}`),
      ...peerTables(rows, titles),
      ...(judged.length > 0 ? ['', ...verdictTable(judged)] : []),
      ...p99GapLines(gapMs),
    ],
    figures: {
      peers: Object.fromEntries(titles),
      broken: Object.fromEntries(broken),
      rows,
      verdicts: judged,
      p99GapMs: gapMs,
    },
  };
}
