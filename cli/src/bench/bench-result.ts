/** What `forebay bench` says: as JSON, as CSV, and for people. */
import { formatDuration, formatSize } from '@forebay/core/bytes';
import { table } from '../terminal.ts';
import type { BenchPlan } from './bench-plan.ts';
import { Histogram } from './histogram.ts';
import type { WorkerOutcome } from './load-protocol.ts';

export interface ServerCpu {
  readonly pid: number;
  /** With all processes below it; undefined where the system does not tell. */
  readonly cpuUs: number | undefined;
}

export interface OperationResult {
  readonly operation: string;
  readonly requests: number;
  readonly bytes: number;
  readonly requestsPerSecond: number;
  readonly bytesPerSecond: number;
  /** Percentiles are at most 1/128 above the real ones. */
  readonly latencyUs: Latency;
  readonly firstByteUs: Latency;
}

interface Latency {
  readonly mean: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

export interface BenchResult {
  readonly plan: Omit<BenchPlan, 'target'> & { readonly endpoint: string };
  /** It was stopped before its time. */
  readonly stopped: boolean;
  readonly seconds: number;
  readonly operations: readonly OperationResult[];
  readonly errors: Readonly<Record<string, number>>;
  readonly xCache: Readonly<Record<string, number>>;
  readonly servers: readonly (ServerCpu & { readonly cpuUsPerRequest: number | undefined })[];
  readonly clientCpuUs: number;
}

export interface Measured {
  readonly plan: BenchPlan;
  readonly outcomes: readonly WorkerOutcome[];
  readonly servers: readonly ServerCpu[];
  readonly stopped: boolean;
}

export function resultOf({ plan, outcomes, servers, stopped }: Measured): BenchResult {
  const seconds = Math.max(...outcomes.map(({ elapsedMs }) => elapsedMs)) / 1000;
  const kinds = [...new Set(outcomes.flatMap(({ operations }) => Object.keys(operations)))].sort();
  const operations = kinds.map((kind) => operationOf(kind, outcomes, seconds));
  const requests = operations.reduce((sum, one) => sum + one.requests, 0);
  const { target, ...rest } = plan;
  return {
    plan: { endpoint: target.endpoint, ...rest },
    stopped,
    seconds,
    operations,
    errors: sums(outcomes.map(({ errors }) => errors)),
    xCache: sums(outcomes.map(({ xCache }) => xCache)),
    servers: servers.map((server) => ({
      ...server,
      cpuUsPerRequest: server.cpuUs === undefined || requests === 0 ? undefined : server.cpuUs / requests,
    })),
    clientCpuUs: outcomes.reduce((sum, { cpuUs }) => sum + cpuUs, 0),
  };
}

function operationOf(kind: string, outcomes: readonly WorkerOutcome[], seconds: number): OperationResult {
  const [times, firstByte] = [new Histogram(), new Histogram()];
  let bytes = 0;
  for (const { operations } of outcomes) {
    const one = operations[kind];
    if (!one) continue;
    times.add(one.times);
    firstByte.add(one.firstByte);
    bytes += one.bytes;
  }
  return {
    operation: kind,
    requests: times.count,
    bytes,
    requestsPerSecond: times.count / seconds,
    bytesPerSecond: bytes / seconds,
    latencyUs: latencyOf(times),
    firstByteUs: latencyOf(firstByte),
  };
}

function latencyOf(times: Histogram): Latency {
  return {
    mean: times.mean,
    p50: times.quantile(0.5),
    p90: times.quantile(0.9),
    p99: times.quantile(0.99),
    p999: times.quantile(0.999),
    max: times.max,
  };
}

function sums(all: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sum: Record<string, number> = {};
  for (const [name, count] of all.flatMap((one) => Object.entries(one))) sum[name] = (sum[name] ?? 0) + count;
  return sum;
}

const csvColumns = [
  ...['operation', 'requests', 'bytes', 'seconds', 'requests_per_second', 'bytes_per_second'],
  ...['mean_us', 'p50_us', 'p90_us', 'p99_us', 'p999_us', 'max_us', 'first_byte_p50_us', 'first_byte_p99_us'],
  ...['errors', 'server_cpu_us_per_request'],
];

/** A line for each operation. Errors and CPU are those of all of them. */
export function csvText({ operations, errors, servers, seconds }: BenchResult): string {
  const failed = Object.values(errors).reduce((sum, count) => sum + count, 0);
  const known = servers.flatMap(({ cpuUsPerRequest }) => cpuUsPerRequest ?? []);
  const cpuUs = known.length === 0 ? '' : known.reduce((sum, us) => sum + us, 0).toFixed(1);
  const rows = operations.map((one) => [
    ...[one.operation, one.requests, one.bytes, seconds.toFixed(3)],
    ...[one.requestsPerSecond.toFixed(1), one.bytesPerSecond.toFixed(0), one.latencyUs.mean.toFixed(1)],
    ...[one.latencyUs.p50, one.latencyUs.p90, one.latencyUs.p99, one.latencyUs.p999, one.latencyUs.max],
    ...[one.firstByteUs.p50, one.firstByteUs.p99, failed, cpuUs],
  ]);
  return `${[csvColumns, ...rows].map((row) => row.join(',')).join('\n')}\n`;
}

export function resultLines(result: BenchResult): string[] {
  const { operations, errors, xCache, servers, seconds } = result;
  const head = ['operation', 'requests', 'req/s', 'throughput', 'p50', 'p90', 'p99', 'p99.9', 'max'];
  const rows = operations.map(({ latencyUs, ...one }) => [
    one.operation,
    String(one.requests),
    one.requestsPerSecond.toFixed(1),
    `${formatSize(Math.round(one.bytesPerSecond))}/s`,
    ...[latencyUs.p50, latencyUs.p90, latencyUs.p99, latencyUs.p999, latencyUs.max].map(milliseconds),
  ]);
  return [
    `${headline(result)}`,
    '',
    ...(rows.length > 0 ? table([head, ...rows]) : ['no request succeeded']),
    '',
    ...countLine('x-cache', xCache),
    ...servers.map(serverLine(seconds)),
    `client: ${cores(result.clientCpuUs, seconds)}`,
    ...(Object.keys(errors).length === 0 ? ['no errors'] : countLine('ERRORS', errors)),
  ];
}

function headline({ plan, seconds, stopped }: BenchResult): string {
  const size = plan.workload === 'ranges' ? `${formatSize(plan.rangeBytes)} of ` : '';
  const what = plan.replay
    ? `replay of ${plan.replay.file}`
    : `${plan.workload}, ${plan.objects} objects of ${formatSize(plan.sizeBytes)}`.replace(
        'of ',
        `of ${size}`,
      );
  const how = `${plan.concurrency} at a time, ${plan.processes} client processes`;
  const early = stopped ? ' (stopped before its time)' : '';
  return `${plan.endpoint}: ${what}; ${how}; ${formatDuration(seconds * 1000)}${early}`;
}

function countLine(label: string, counts: Readonly<Record<string, number>>): string[] {
  const entries = Object.entries(counts).map(([name, count]) => `${name} ${count}`);
  return entries.length === 0 ? [] : [`${label}: ${entries.join(', ')}`];
}

function serverLine(seconds: number) {
  return ({ pid, cpuUs, cpuUsPerRequest }: BenchResult['servers'][number]) =>
    cpuUs === undefined || cpuUsPerRequest === undefined
      ? `server ${pid}: CPU unknown`
      : `server ${pid}: ${cpuUsPerRequest.toFixed(1)} µs of CPU per request, ${cores(cpuUs, seconds)}`;
}

function cores(cpuUs: number, seconds: number): string {
  return `${(cpuUs / 1e6 / seconds).toFixed(2)} cores`;
}

function milliseconds(us: number): string {
  return `${(us / 1000).toFixed(us < 10_000 ? 2 : 1)} ms`;
}
