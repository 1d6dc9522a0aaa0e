/** A job as the admin API shows it, with what it costs. */
import { GiB } from '@forebay/core/bytes';
import type { JobCounts, JobRecord, JobState } from './job-record.ts';
import type { JobNow } from './job-scheduler.ts';
import type { JobKind, JobPriority } from './job-spec.ts';

/** What the UFS's owner is billed for, in one currency. */
export interface JobPrices {
  readonly thousandReads: number;
  readonly thousandLists: number;
  /** Bytes that leave the store. */
  readonly gibibyte: number;
}

export interface JobView {
  readonly id: string;
  readonly kind: JobKind;
  readonly state: JobState;
  readonly priority: JobPriority;
  readonly keys?: string;
  readonly manifest?: string;
  readonly target?: string;
  /** More than one: pages are kept on so many nodes, and bytes are counted for each. */
  readonly replicas?: number;
  readonly dryRun: boolean;
  readonly createdAt: string;
  readonly startedAt?: string;
  readonly endedAt?: string;
  readonly objects: JobCounts['objects'];
  readonly bytes: JobCounts['bytes'];
  readonly ufsRequests: JobCounts['ufsRequests'];
  /** Of a job that frees. */
  readonly pages?: number;
  /** Of all keys; left out as long as it is not known. */
  readonly expected?: NonNullable<JobRecord['expected']>;
  /** Of this run; left out where it does not run. */
  readonly rate?: { readonly objectsPerSecond: number; readonly bytesPerSecond: number };
  /** Left out where nobody can tell. */
  readonly timeLeftMs?: number;
  /** Of a dry run: what the job would cost. By the prices that are set. */
  readonly cost: number;
  /** Why it failed as a whole. */
  readonly reason?: string;
  readonly schedule?: string;
  readonly nextRunAt?: string;
  /** The scheduled job that this one is a run of. */
  readonly scheduledBy?: string;
}

export function jobView({ record, rate }: JobNow, prices: JobPrices): JobView {
  const { id, spec, state, counts, reason, scheduledBy } = record;
  const expected = record.expected && atLeast(record.expected, counts);
  const { kind, priority, keys, manifest, target, dryRun, schedule, replicas = 1 } = spec;
  const { pages } = counts;
  const timeLeftMs = rate && expected && timeLeft(counts, expected, rate);
  return {
    ...{ id, kind, state, priority },
    ...(keys !== undefined && { keys }),
    ...(manifest !== undefined && { manifest }),
    ...(target !== undefined && { target }),
    ...(replicas > 1 && { replicas }),
    dryRun,
    createdAt: new Date(record.createdAtMs).toISOString(),
    ...timeOf('startedAt', record.startedAtMs),
    ...timeOf('endedAt', record.endedAtMs),
    ...{ objects: counts.objects, bytes: counts.bytes, ufsRequests: counts.ufsRequests },
    ...(pages !== undefined && { pages }),
    ...(expected && { expected }),
    ...(rate && { rate }),
    ...(timeLeftMs !== undefined && { timeLeftMs }),
    cost: costOf(counts, prices),
    ...(reason !== undefined && { reason }),
    ...(schedule !== undefined && { schedule }),
    ...timeOf('nextRunAt', record.nextRunAtMs),
    ...(scheduledBy !== undefined && { scheduledBy }),
  };
}

function timeOf<Name extends string>(name: Name, ms: number | undefined): { readonly [N in Name]?: string } {
  return (ms === undefined ? {} : { [name]: new Date(ms).toISOString() }) as {
    readonly [N in Name]?: string;
  };
}

/** Objects may grow, and come, while the job goes on: it never has done more than there is. */
function atLeast(
  { objects, bytes }: NonNullable<JobView['expected']>,
  done: JobCounts,
): NonNullable<JobView['expected']> {
  return { objects: Math.max(objects, done.objects.total), bytes: Math.max(bytes, done.bytes.total) };
}

/** By what is slower: keys, or bytes. */
function timeLeft(
  { objects, bytes }: JobCounts,
  expected: NonNullable<JobRecord['expected']>,
  rate: NonNullable<JobView['rate']>,
): number | undefined {
  const left = [
    [expected.objects - objects.total, rate.objectsPerSecond],
    [expected.bytes - bytes.total, rate.bytesPerSecond],
  ] as const;
  const seconds = left.map(([units, perSecond]) => (units <= 0 ? 0 : units / perSecond));
  const most = Math.max(...seconds);
  return Number.isFinite(most) ? Math.round(most * 1000) : undefined;
}

function costOf({ ufsRequests, bytes }: JobCounts, prices: JobPrices): number {
  const requests = (ufsRequests.read * prices.thousandReads + ufsRequests.list * prices.thousandLists) / 1000;
  return requests + (bytes.ufs / GiB) * prices.gibibyte;
}
