/** What `forebay bench` is asked to do: its flags, read and checked, as one value that processes pass on. */

import { parseDurationMs, parseSizeBytes } from '@forebay/core/bytes';
import { usageError } from '../command-error.ts';
import { type KeyPair, keyPairOf } from './key-pair.ts';
import type { WireTarget } from './wire-request.ts';

export const workloads = ['read', 'write', 'mixed', 'ranges', 'list', 'replay'] as const;
export type Workload = (typeof workloads)[number];

/** As commander gives them. */
export type BenchFlags = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;

export interface BenchPlan {
  readonly target: WireTarget;
  readonly bucket: string;
  /** Of the keys of its own objects. */
  readonly prefix: string;
  readonly workload: Workload;
  readonly sizeBytes: number;
  readonly objects: number;
  /** Requests at a time, over all processes. */
  readonly concurrency: number;
  readonly durationMs: number;
  readonly warmUpMs: number;
  readonly processes: number;
  /** Share of reads in `mixed`. */
  readonly readRatio: number;
  readonly rangeBytes: number;
  /** Exponent of the popularity of objects; 0: all alike. */
  readonly zipf: number;
  /** Requests a second over all processes; without it as many as the connections carry. */
  readonly requestsPerSecond?: number;
  readonly verify: boolean;
  readonly seed: number;
  /** Of `replay`. `speed` 0: as fast as it goes. */
  readonly replay?: { readonly file: string; readonly speed: number };
}

const endpointDefault = 'http://127.0.0.1:9000';
const processesMax = 64;
const objectBytesMax = 2 ** 31;

/** @throws CommandError (exit code 2) that names the flag. */
export function planOf(flags: BenchFlags, env: NodeJS.ProcessEnv): BenchPlan {
  const endpoint = endpointOf(String(flags.endpoint ?? endpointDefault));
  const keys: KeyPair | undefined = keyPairOf(flags, env);
  const workload = workloadOf(flags);
  const sizeBytes = size(flags, 'size', '1MiB');
  const rangeBytes = size(flags, 'rangeSize', '64KiB');
  if (workload === 'ranges' && rangeBytes > sizeBytes) throw usageError('--range-size is larger than --size');
  const concurrency = count(flags, 'concurrency', 16);
  const processes = count(flags, 'processes', 1, processesMax);
  if (processes > concurrency) throw usageError('--processes may not be more than --concurrency');
  return {
    target: { endpoint, ...keys, ...(flags.region !== undefined && { region: String(flags.region) }) },
    bucket: bucketOf(flags, workload),
    prefix: String(flags.prefix ?? 'forebay-bench/'),
    workload,
    ...{ sizeBytes, rangeBytes, concurrency, processes },
    objects: count(flags, 'objects', 64, 10_000_000),
    durationMs: duration(flags, 'duration', '30s'),
    warmUpMs: duration(flags, 'warmup', '5s', 0),
    readRatio: share(flags, 'readRatio', 0.9),
    zipf: decimal(flags, 'zipf', 0),
    ...(flags.rate !== undefined && { requestsPerSecond: count(flags, 'rate', 1) }),
    verify: flags.verify === true,
    seed: count(flags, 'seed', 1),
    ...(workload === 'replay' && { replay: { file: logFileOf(flags), speed: speedOf(flags) } }),
  };
}

function endpointOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && /^https?:$/.test(url.protocol) && url.pathname === '/' && url.search === '') return url.origin;
  throw usageError(`--endpoint must be http(s)://host:port, not "${text}"`);
}

function workloadOf(flags: BenchFlags): Workload {
  const wanted = flags.workload ?? 'read';
  const found = workloads.find((one) => one === wanted);
  if (found) return found;
  throw usageError(`--workload must be one of ${workloads.join(', ')}, not "${String(wanted)}"`);
}

function bucketOf({ bucket }: BenchFlags, workload: Workload): string {
  if (workload === 'replay') return '';
  if (typeof bucket === 'string' && /^[^/]+$/.test(bucket)) return bucket;
  throw usageError('--bucket must name the bucket to write to and read from');
}

function logFileOf({ log }: BenchFlags): string {
  if (typeof log === 'string') return log;
  throw usageError('--workload replay needs --log, the access log to replay');
}

function speedOf({ speed = '1x' }: BenchFlags): number {
  if (speed === 'max') return 0;
  const value = Number(/^(\d+(?:\.\d+)?)x?$/.exec(String(speed))?.[1]);
  if (value > 0) return value;
  throw usageError(`--speed must be a factor such as 2x, or max, not "${String(speed)}"`);
}

const flagName = (name: string) => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

function count(flags: BenchFlags, name: string, otherwise: number, max = 1_000_000): number {
  const value = Number(flags[name] ?? otherwise);
  if (Number.isInteger(value) && value >= 1 && value <= max) return value;
  throw usageError(`${flagName(name)} must be a whole number from 1 to ${max}, not "${String(flags[name])}"`);
}

function share(flags: BenchFlags, name: string, otherwise: number): number {
  const value = Number(flags[name] ?? otherwise);
  if (value >= 0 && value <= 1) return value;
  throw usageError(`${flagName(name)} must be between 0 and 1, not "${String(flags[name])}"`);
}

function decimal(flags: BenchFlags, name: string, otherwise: number): number {
  const value = Number(flags[name] ?? otherwise);
  if (value >= 0 && value <= 10) return value;
  throw usageError(`${flagName(name)} must be a number from 0 to 10, not "${String(flags[name])}"`);
}

function size(flags: BenchFlags, name: string, otherwise: string): number {
  const value = parseSizeBytes(String(flags[name] ?? otherwise));
  if (value !== undefined && value >= 1 && value <= objectBytesMax) return value;
  throw usageError(`${flagName(name)} must be a size up to 2GiB, such as 1MiB, not "${String(flags[name])}"`);
}

function duration(flags: BenchFlags, name: string, otherwise: string, minMs = 1): number {
  const value = parseDurationMs(String(flags[name] ?? otherwise));
  if (value !== undefined && value >= minMs) return value;
  throw usageError(`${flagName(name)} must be a duration such as 30s or 5m, not "${String(flags[name])}"`);
}
