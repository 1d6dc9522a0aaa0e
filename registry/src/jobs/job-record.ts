/** A job as it is kept: enough to go on after a restart, with the numbers of what was done until then. */
import { randomBytes } from 'node:crypto';
import { parseCron } from './cron.ts';
import type { JobSpec } from './job-spec.ts';

export type JobState = 'scheduled' | 'queued' | 'running' | 'paused' | 'done' | 'failed' | 'cancelled';

/** Every key is one of loaded (copied, verified, freed), skipped and failed; total is their sum. */
export interface JobCounts {
  readonly objects: {
    readonly total: number;
    readonly loaded: number;
    readonly skipped: number;
    readonly failed: number;
  };
  readonly bytes: {
    readonly total: number;
    readonly loaded: number;
    readonly skipped: number;
    /** Came from the UFS for this job. */
    readonly ufs: number;
  };
  readonly ufsRequests: { readonly list: number; readonly read: number };
  /** Of free: pages that are gone. */
  readonly pages?: number | undefined;
}

export interface JobRecord {
  readonly id: string;
  readonly spec: JobSpec;
  readonly state: JobState;
  readonly createdAtMs: number;
  readonly startedAtMs?: number | undefined;
  readonly endedAtMs?: number | undefined;
  /** Where the next key is; absent: at the first one. All before it is in the counts. */
  readonly cursor?: Cursor | undefined;
  /** Of a move: keys before the cursor that are copied and not counted: their sources may still be there. */
  readonly moving?: readonly Moving[] | undefined;
  readonly counts: JobCounts;
  /** Of all keys, where it is known. */
  readonly expected?: { readonly objects: number; readonly bytes: number } | undefined;
  /** Why it failed as a whole. */
  readonly reason?: string | undefined;
  /** Of a scheduled job. */
  readonly nextRunAtMs?: number | undefined;
  /** The scheduled job that this one is a run of. */
  readonly scheduledBy?: string | undefined;
}

/** The last key that is done with, in a listing; or the next line of a manifest. */
export type Cursor =
  | { readonly mount: string; readonly step: 'key' | 'prefix'; readonly after: string | undefined }
  | { readonly line: number };

export interface JobFailure {
  /** As clients see it: `s3://lake/a`. */
  readonly key: string;
  readonly reason: string;
}

/** A key of a move whose copy is verified, and whose source is to go. */
export interface Moving {
  readonly bucket: string;
  readonly key: string;
  /** Of the version that was copied. */
  readonly etag: string;
  /** Of the copy. */
  readonly tally: KeyTally;
}

export const noCounts: JobCounts = {
  objects: { total: 0, loaded: 0, skipped: 0, failed: 0 },
  bytes: { total: 0, loaded: 0, skipped: 0, ufs: 0 },
  ufsRequests: { list: 0, read: 0 },
};

/** What one key adds. */
export interface KeyTally {
  readonly result: 'loaded' | 'skipped' | 'failed';
  readonly bytes: number;
  readonly ufsRequests: number;
  readonly ufsBytes: number;
  readonly failure?: JobFailure | undefined;
  /** Not done with before its source is gone; the ETag is that of the version that was copied. */
  readonly leaves?: { readonly etag: string } | undefined;
}

export function withKey(before: JobCounts, tally: KeyTally): JobCounts {
  const { objects, bytes, ufsRequests } = withUfs(before, tally);
  const { result } = tally;
  return {
    objects: { ...objects, total: objects.total + 1, [result]: objects[result] + 1 },
    bytes: {
      ...bytes,
      total: bytes.total + tally.bytes,
      ...(result !== 'failed' && { [result]: bytes[result] + tally.bytes }),
    },
    ufsRequests,
  };
}

/** With what a key took from the UFS, and not the key. */
export function withUfs({ objects, bytes, ufsRequests }: JobCounts, tally: KeyTally): JobCounts {
  return {
    objects,
    bytes: { ...bytes, ufs: bytes.ufs + tally.ufsBytes },
    ufsRequests: { ...ufsRequests, read: ufsRequests.read + tally.ufsRequests },
  };
}

export function withLists(counts: JobCounts, list: number): JobCounts {
  return { ...counts, ufsRequests: { ...counts.ufsRequests, list: counts.ufsRequests.list + list } };
}

export function isOver(state: JobState): boolean {
  return state === 'done' || state === 'failed' || state === 'cancelled';
}

/** A job that waits for its turn, or for its time. */
export function newRecord(spec: JobSpec, createdAtMs: number, scheduledBy: string | undefined): JobRecord {
  const nextRunAtMs = spec.schedule && parseCron(spec.schedule).nextAfter(createdAtMs);
  return {
    id: `job-${randomBytes(5).toString('hex')}`,
    spec,
    state: spec.schedule === undefined ? 'queued' : 'scheduled',
    createdAtMs,
    counts: noCounts,
    ...(nextRunAtMs && { nextRunAtMs }),
    ...(scheduledBy !== undefined && { scheduledBy }),
  };
}
