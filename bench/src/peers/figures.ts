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

interface Bound {
  /** What the ratio may be, at most. */
  readonly bound: number;
  readonly goal?: number;
}

interface Comparison {
  readonly what: string;
  readonly of: string;
  readonly to: string;
  /** By size; those that are not here are not judged. */
  readonly bounds: Readonly<Record<string, Bound>>;
}

const everySize = (bound: number) => ({
  '4KiB': { bound },
  '128KiB': { bound },
  '1MiB': { bound },
  '64MiB': { bound },
});
const nginxBounds = {
  '4KiB': { bound: 3.9, goal: 3.0 },
  '128KiB': { bound: 2.8, goal: 2.2 },
  '1MiB': { bound: 1.8, goal: 1.4 },
  '64MiB': { bound: 1.6, goal: 1.25 },
};
/** Of a gateway and a cache node as two processes, beside nginx before nginx. */
export const hopBounds: Comparison['bounds'] = {
  '4KiB': { bound: 2.5 },
  '1MiB': { bound: 0.8, goal: 0.5 },
  '64MiB': { bound: 0.8, goal: 0.5 },
};

const comparisons: readonly Comparison[] = [
  { what: 'to nginx', of: baseline, to: 'nginx', bounds: nginxBounds },
  { what: '2 workers to 1, on one CPU', of: 'forebay-2-bound', to: baseline, bounds: everySize(1.15) },
  // The two share the second CPU with the client, which a single one does not.
  { what: '2 workers to 1', of: 'forebay-2', to: baseline, bounds: everySize(1.15) },
  { what: 'clustered to nginx, twice', of: 'forebay-hop', to: 'nginx-hop', bounds: hopBounds },
  ...['rclone', 'versitygw', 'minio'].map((to) => ({
    ...{ what: `to ${to}`, of: baseline, to },
    bounds: everySize(0.5),
  })),
];
/** What counts as reached, over the bound. */
const tolerance = 1.1;

export interface Verdict extends Bound {
  readonly size: string;
  readonly what: string;
  readonly ratio: number;
  readonly reached: 'goal' | 'bound' | 'within 10%' | 'no';
}

/** Of the warm rows with nothing between: CPU per request of one over that of another. */
export function verdicts(samples: readonly PeerSample[]): Verdict[] {
  const warm = samples.filter(({ temperature, distanceMs }) => temperature === 'warm' && distanceMs === 0);
  const sizes = [...new Set(warm.map(({ size }) => size))];
  return sizes.flatMap((size) =>
    comparisons.flatMap(({ what, of, to, bounds }) => {
      const group = warm.filter((one) => one.peer === of && one.size === size);
      const ratio = medianRatio(group, warm, { to, of: cpuPerRequest });
      const wanted = bounds[size];
      return ratio === null || !wanted
        ? []
        : [{ size, what, ratio, ...wanted, reached: reachedOf(ratio, wanted) }];
    }),
  );
}

function reachedOf(ratio: number, { bound, goal }: Bound): Verdict['reached'] {
  if (goal !== undefined && ratio <= goal) return 'goal';
  if (ratio <= bound) return 'bound';
  return ratio <= bound * tolerance ? 'within 10%' : 'no';
}

/** Half load: what p99 of Forebay may be over that of nginx, in milliseconds. */
export const p99GapMsMax = 3;

/** Median over the rounds of Forebay's p99 less nginx's; null where either was not measured. */
export function p99GapMs(samples: readonly PeerSample[]): number | null {
  const half = samples.filter(({ temperature }) => temperature === 'half load');
  const p99Ms = ({ outcome }: PeerSample) => Histogram.from(outcome.times).quantile(0.99) / 1000;
  const gaps = half
    .filter(({ peer }) => peer === baseline)
    .flatMap((one) => {
      const nginx = half.find(({ peer, round }) => peer === 'nginx' && round === one.round);
      return nginx ? [p99Ms(one) - p99Ms(nginx)] : [];
    });
  return gaps.length === 0 ? null : median(gaps);
}
