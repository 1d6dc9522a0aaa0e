/**
 * One run of the consistency checker: clients write and read through several gateways while processes of the
 * cluster are killed, paused and cut off, and what they saw is held against the promises P1 and P2.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { Cluster, type ClusterOptions } from '../support/cluster/cluster.ts';
import { type NetworkKind, openNetwork } from '../support/cluster/network.ts';
import { startMemoryS3 } from '../support/memory-s3.ts';
import { Random } from '../support/random.ts';
import { WireClient } from '../support/wire-client.ts';
import { Client } from './client.ts';
import { FaultSchedule } from './fault-schedule.ts';
import { History, type Violation } from './history.ts';

export interface ConsistencyOptions {
  readonly seed: number;
  readonly operations: number;
  readonly nodes: number;
  readonly gateways: number;
  readonly registries: number;
  /** Of all clients together; they wait between operations to keep it. */
  readonly operationsPerSecond: number;
  /** All kinds, or none, or one kind for longer than a lease each time. */
  readonly faults: boolean | { readonly only: string };
  readonly networkKind?: NetworkKind | undefined;
  readonly redisUrl?: string | undefined;
  readonly mainOf?: ClusterOptions['mainOf'];
  readonly onProgress?: (what: string) => void;
}

export interface ConsistencyReport {
  readonly seed: number;
  readonly network: NetworkKind;
  readonly operations: number;
  readonly seconds: number;
  /** By name, how often. */
  readonly faults: Readonly<Record<string, number>>;
  /** `get ok`, `put unknown`, ...: how often. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** Reads and writes of single keys that were held against an order. */
  readonly checked: number;
  readonly violations: readonly Violation[];
}

const mount = '/lake';
const clientCount = 32;
const groups = 5;
const keysPerGroup = 4;
/** Small ones, so that an object has several pages on several nodes. */
const pageSize = '64KiB';
const segmentSize = '128KiB';

/** @throws Error where the cluster does not start, or does not come back after the last fault */
export async function runConsistency(options: ConsistencyOptions): Promise<ConsistencyReport> {
  const { seed, onProgress } = options;
  const random = new Random(seed);
  const network = openNetwork(options.networkKind);
  const slow = new Random(seed + 1);
  const ufs = await startMemoryS3({ host: network.host, delay: () => wait(delayMs(slow)) });
  const cluster = await Cluster.start({
    ...{ nodes: options.nodes, gateways: options.gateways, registries: options.registries, network },
    ...{ redisUrl: options.redisUrl, mainOf: options.mainOf },
    mounts: [{ path: mount, ufs: `s3://lake?${ufsQuery(ufs.endpoint)}&ttl=1h&pageSize=${pageSize}` }],
    env: { UFS_ACCESS_KEY_ID: ufs.accessKey, UFS_SECRET_ACCESS_KEY: ufs.secretKey },
    flags: { registry: ['--segment-size', segmentSize], 'cache-node': ['--cache-size', '64MiB'] },
  });
  onProgress?.(`${cluster.members.length} processes, ${network.kind}`);
  try {
    return await runOn(cluster, { options, random });
  } finally {
    await cluster.stop();
    await ufs.stop();
  }
}

async function runOn(
  cluster: Cluster,
  { options, random }: { options: ConsistencyOptions; random: Random },
): Promise<ConsistencyReport> {
  const { seed, operations, onProgress } = options;
  const history = new History();
  const [outcomes, faults] = [new Counts(), new Counts()];
  const hints = new Map<string, string>();
  const gateways = cluster.gateways.map((_, index) => new WireClient(cluster.endpoint(index)));
  const clients = Array.from({ length: clientCount }, (_, index) => {
    const count = (outcome: string) => outcomes.add(outcome);
    const own = new Random(random.int(2 ** 31));
    const shape = { mount, groups, keysPerGroup, parts: 2, does: index % 2 === 0 ? 'all' : 'reads' } as const;
    return new Client({ random: own, gateways, history, hints, ...shape, count });
  });
  const startedAtMs = performance.now();
  const over = new AbortController();
  const schedule = new FaultSchedule({
    ...{ cluster, random: new Random(seed + 2), signal: over.signal },
    onFault: (what) => faults.add(what),
    only: typeof options.faults === 'object' ? options.faults.only : undefined,
  });
  const faulting = options.faults ? schedule.run() : Promise.resolve();
  const pace = new Pace(operations, (clientCount * 1000) / options.operationsPerSecond);
  await Promise.all(clients.map((client) => work(client, { pace, history, onProgress, random })));
  onProgress?.('mending what is broken');
  over.abort();
  await faulting;
  await schedule.settle();
  await readAll(clients);
  onProgress?.('looking for an order of what was seen');
  for (const client of gateways) client.close();
  return {
    ...{ seed, network: cluster.network.kind, operations },
    seconds: Math.round((performance.now() - startedAtMs) / 1000),
    ...{ faults: faults.sorted(), outcomes: outcomes.sorted() },
    ...{ checked: history.operationCount, violations: history.violations() },
  };
}

/** How many operations are left, and how long a client waits between two. */
class Pace {
  left: number;
  readonly betweenMs: number;

  constructor(left: number, betweenMs: number) {
    this.left = left;
    this.betweenMs = betweenMs;
  }
}

async function work(
  client: Client,
  of: { pace: Pace; history: History; random: Random; onProgress: ConsistencyOptions['onProgress'] },
): Promise<void> {
  const { pace, history, random, onProgress } = of;
  while (pace.left > 0) {
    pace.left -= 1;
    if (pace.left % 1000 === 0) onProgress?.(`${pace.left} operations left, ${history.operationCount} seen`);
    const startedAtMs = performance.now();
    const isAnswered = await client.step();
    const restMs =
      random.next() * 2 * Math.max(isAnswered ? 0 : 300, pace.betweenMs) - (performance.now() - startedAtMs);
    if (restMs > 0) await wait(restMs);
  }
}

/** What is there in the end, by several readers. */
async function readAll(clients: readonly Client[]): Promise<void> {
  for (let group = 0; group < groups; group += 1) {
    for (let index = 0; index < keysPerGroup; index += 1) {
      await Promise.all(clients.slice(0, 4).map((client) => client.read('get', `g${group}/k${index}`)));
    }
  }
}

function ufsQuery(endpoint: string): string {
  return `endpoint=${endpoint}&region=us-east-1&pathStyle=true&credentials=env:UFS`;
}

/** Mostly short, at times long enough for a fault to come between. */
function delayMs(random: Random): number {
  return random.chance(0.97) ? random.int(15) : random.int(1_500);
}

class Counts {
  readonly #counts = new Map<string, number>();

  add(name: string): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }

  sorted(): Record<string, number> {
    return Object.fromEntries([...this.#counts].sort(([a], [b]) => a.localeCompare(b)));
  }
}
