/** What one key has come to so far, and how its parts are worked on. */
import type { JobWorker, Listed, LoadRequest, WorkOutcome } from '@forebay/core/job-worker';
import type { ObjectRef } from '@forebay/core/mount';
import type { ObjectInfo } from '@forebay/core/object';
import type { KeyTally } from './job-record.ts';

export interface KeySum {
  bytes: number;
  ufsRequests: number;
  ufsBytes: number;
  cached: boolean;
  /** Of a move: the version that was copied. */
  leaves?: KeyTally['leaves'];
}

export interface Parted {
  readonly object: ObjectRef;
  readonly listed: Listed | undefined;
  readonly sum: KeySum;
  readonly metadataOnly: boolean;
  /** Its bytes count against the job's limit. */
  readonly isFromUfs: boolean;
}

export type PartAct = (worker: JobWorker, part: Pick<LoadRequest, 'info' | 'range'>) => Promise<WorkOutcome>;

export interface PartWork {
  readonly start: number;
  /** Most that it may take from the UFS. */
  readonly bytes: number;
  /** `info`: as it was told at the owner; undefined there. */
  readonly act: (worker: JobWorker, info: ObjectInfo | undefined) => Promise<WorkOutcome>;
}

export function addTo(
  sum: KeySum,
  outcome: {
    readonly kind: WorkOutcome['kind'] | 'planned';
    readonly bytes?: number;
    readonly ufsRequests: number;
    readonly ufsBytes: number;
  },
): void {
  sum.bytes += outcome.bytes ?? 0;
  sum.ufsRequests += outcome.ufsRequests;
  sum.ufsBytes += outcome.ufsBytes;
  if (outcome.kind !== 'cached') sum.cached = false;
}
