/** From samples to figures: medians over the rounds, ratios within a round, and the verdicts. */
import { Histogram } from 'forebay/bench/histogram';
import { median } from '../report.ts';
import type { WireOutcome } from '../wire-load.ts';

export type Temperature = 'warm' | 'cold' | 'half load';

export interface PeerSample {
  readonly peer: string;
  readonly distanceMs: number;
  readonly temperature: Temperature;
  /** Name of the size. */
  readonly size: string;
  readonly round: number;
  readonly outcome: WireOutcome;
  /** Of all processes of the peer; undefined where the system does not tell. */
  readonly cpuUs: number | undefined;
  readonly residentBytes: number;
}

export interface PeerRow {
  readonly peer: string;
  readonly distanceMs: number;
  readonly temperature: Temperature;
  readonly size: string;
  readonly rounds: number;
  readonly requests: number;
  readonly cpuUs: number | null;
  readonly requestsPerSecond: number;
  readonly bytesPerSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly p999Us: number;
  readonly residentBytes: number;
  /** CPU per request over that of Forebay with one worker in the same round. */
  readonly cpuToForebay: number | null;
  readonly rateToForebay: number | null;
  readonly failures: Readonly<Record<string, number>>;
}

export const baseline = 'forebay';

/** One row for each peer in each setting, in the order of the samples. */
export function peerRows(samples: readonly PeerSample[]): PeerRow[] {
  const groups = Map.groupBy(samples, (one) => `${settingOf(one)}/${one.peer}`);
  return [...groups.values()].map((group) => rowOf(group, samples));
}

const settingOf = ({ distanceMs, temperature, size }: Omit<PeerRow, 'failures'> | PeerSample) =>
  `${distanceMs}/${temperature}/${size}`;

function rowOf(group: readonly PeerSample[], all: readonly PeerSample[]): PeerRow {
  const { peer, distanceMs, temperature, size } = group[0]!;
  const cpus = group.flatMap((one) => cpuPerRequest(one) ?? []);
  const times = new Histogram();
  for (const { outcome } of group) times.add(outcome.times);
  const failures: Record<string, number> = {};
  for (const [reason, count] of group.flatMap(({ outcome }) => Object.entries(outcome.failures)))
    failures[reason] = (failures[reason] ?? 0) + count;
  return {
    ...{ peer, distanceMs, temperature, size, rounds: group.length },
    requests: times.count,
    cpuUs: cpus.length === 0 ? null : median(cpus),
    requestsPerSecond: median(group.map(rateOf)),
    bytesPerSecond: median(group.map(({ outcome }) => (outcome.bytes / outcome.elapsedMs) * 1000)),
    p50Us: times.quantile(0.5),
    p99Us: times.quantile(0.99),
    p999Us: times.quantile(0.999),
    residentBytes: Math.max(...group.map(({ residentBytes }) => residentBytes)),
    cpuToForebay: medianRatio(group, all, { to: baseline, of: cpuPerRequest }),
    rateToForebay: medianRatio(group, all, { to: baseline, of: rateOf }),
    failures,
  };
}

function cpuPerRequest({ cpuUs, outcome }: PeerSample): number | undefined {
  return cpuUs === undefined ? undefined : cpuUs / outcome.requests;
}

function rateOf({ outcome }: PeerSample): number {
  return (outcome.requests / outcome.elapsedMs) * 1000;
}

/** Over the rounds in which both were measured: what else the machine does changes from round to round. */
function medianRatio(
  group: readonly PeerSample[],
  all: readonly PeerSample[],
  { to, of }: { to: string; of(sample: PeerSample): number | undefined },
): number | null {
  const ratios = group.flatMap((sample) => {
    const other = all.find(
      (one) => one.peer === to && one.round === sample.round && settingOf(one) === settingOf(sample),
    );
    const [above, below] = [of(sample), other && of(other)];
    return above === undefined || below === undefined ? [] : [above / below];
  });
  return ratios.length === 0 ? null : median(ratios);
}

/** At most so much of nginx's CPU per request, warm, with nothing between. */
const nginxBounds: Readonly<Record<string, { readonly floor: number; readonly goal: number }>> = {
  '4KiB': { floor: 3.9, goal: 3.0 },
  '128KiB': { floor: 2.8, goal: 2.2 },
  '1MiB': { floor: 1.8, goal: 1.4 },
  '64MiB': { floor: 1.6, goal: 1.25 },
};
/** Of every S3 server's CPU per request. */
const peerBound = 0.5;
/** CPU per request with two workers over that with one. */
const workersBound = 1.15;
/** What counts as reached, over the bound. */
const tolerance = 1.1;

export interface Verdict {
  readonly size: string;
  readonly what: string;
  readonly ratio: number;
  readonly bound: number;
  readonly goal?: number;
  readonly reached: 'goal' | 'bound' | 'within 10%' | 'no';
}

/** Of the warm rows with nothing between. */
export function verdicts(samples: readonly PeerSample[]): Verdict[] {
  const warm = samples.filter(({ temperature, distanceMs }) => temperature === 'warm' && distanceMs === 0);
  const sizes = [...new Set(warm.map(({ size }) => size))];
  const peers = [...new Set(warm.map(({ peer }) => peer))].filter((peer) => peer !== baseline);
  return sizes.flatMap((size) =>
    peers.flatMap((peer) => {
      const group = warm.filter((one) => one.peer === baseline && one.size === size);
      const ratio = medianRatio(group, warm, { to: peer, of: cpuPerRequest });
      return ratio === null ? [] : verdictOf(size, peer, ratio);
    }),
  );
}

function verdictOf(size: string, peer: string, ratio: number): Verdict[] {
  if (peer === 'forebay-clustered') return [];
  if (peer === 'forebay-2') {
    const turned = 1 / ratio;
    return [
      {
        size,
        what: '2 workers to 1',
        ratio: turned,
        bound: workersBound,
        reached: reachedOf(turned, workersBound),
      },
    ];
  }
  if (peer !== 'nginx') {
    return [{ size, what: `to ${peer}`, ratio, bound: peerBound, reached: reachedOf(ratio, peerBound) }];
  }
  const bounds = nginxBounds[size];
  if (!bounds) return [];
  const { floor: bound, goal } = bounds;
  return [{ size, what: 'to nginx', ratio, bound, goal, reached: reachedOf(ratio, bound, goal) }];
}

function reachedOf(ratio: number, bound: number, goal?: number): Verdict['reached'] {
  if (goal !== undefined && ratio <= goal) return 'goal';
  if (ratio <= bound) return 'bound';
  return ratio <= bound * tolerance ? 'within 10%' : 'no';
}
