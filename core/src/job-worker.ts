/**
 * CONTRACT JobWorker: what jobs ask of the node that holds, or will hold, an object. The scheduler never asks
 * a UFS itself: credentials are with the nodes. Plain data but for the signals, so that it can travel.
 */
import type { Mount, ObjectRef } from './mount.ts';
import type { ObjectInfo } from './object.ts';
import type { ByteRange } from './range.ts';

/** What a listing said of an object: enough to know whether the version that is cached is the current one. */
export interface Listed {
  readonly sizeBytes: number;
  readonly etag: string | undefined;
}

export interface KeysRequest {
  readonly mount: Mount;
  /** Of whole UFS keys. */
  readonly prefix: string;
  /** Exclusive. */
  readonly startAfter?: string | undefined;
  readonly keysMax: number;
  readonly signal: AbortSignal;
}

export interface ListedKeys {
  /** In UTF-8 byte order of the UFS keys. */
  readonly entries: readonly (Listed & { readonly ufsKey: string })[];
  readonly truncated: boolean;
}

export interface LoadRequest {
  readonly object: ObjectRef;
  /** Of a listing of just now. */
  readonly listed?: Listed | undefined;
  /** Of the part that was loaded before this one; absent: the node finds it out. */
  readonly info?: ObjectInfo | undefined;
  /** Clipped to the object's size; absent: info alone. */
  readonly range?: ByteRange | undefined;
  /** Tell what would be done, and ask nothing of the UFS. */
  readonly dryRun?: boolean | undefined;
  readonly signal: AbortSignal;
}

export type WorkOutcome =
  | {
      /** `cached`: all of it was there; the UFS was asked no more than whether it is current. */
      readonly kind: 'done' | 'cached';
      readonly info: ObjectInfo;
      /** Bytes of the object that the work was about. */
      readonly bytes: number;
      readonly ufsRequests: number;
      /** Bytes that came from the UFS for it. */
      readonly ufsBytes: number;
    }
  | {
      /** Nothing that another try would change. */
      readonly kind: 'refused';
      readonly reason: string;
      readonly ufsRequests: number;
      readonly ufsBytes: number;
    };

export interface CopyRequest {
  /** Id: asked for again by the same job, a copy is the same one. */
  readonly job: string;
  readonly source: ObjectRef;
  readonly target: ObjectRef;
  readonly signal: AbortSignal;
}

export interface RemoveRequest {
  readonly source: ObjectRef;
  /** Of the version that was copied: no other is removed. */
  readonly etag: string;
  readonly signal: AbortSignal;
}

export interface Removed {
  /** Why it stays; undefined: it is gone. */
  readonly reason?: string | undefined;
  readonly ufsRequests: number;
  readonly ufsBytes: number;
}

export interface JobWorker {
  /** @throws UfsAnswerError, ForebayError */
  list(request: KeysRequest): Promise<ListedKeys>;
  /**
   * Brings what is missing of the object's info and pages, behind all that clients wait for. What is told as
   * done is in the page store, and found there.
   * @throws UfsAnswerError; ForebayError `overloaded`, `ufs-unavailable`, `version-changed`
   */
  load(request: LoadRequest): Promise<WorkOutcome>;
  /** Reads every stored page of the range and compares the version with the listing. The UFS is not asked. */
  verify(request: LoadRequest): Promise<WorkOutcome>;
  /**
   * Writes the source's bytes to the target, fenced as every write, and compares checksums on both ends.
   * `cached`: the target has these bytes already.
   * @throws UfsAnswerError; ForebayError, `state-unknown` among them
   */
  copy(request: CopyRequest): Promise<WorkOutcome>;
  /**
   * Removes what was moved, fenced as every write. One that is gone already is no error: the last try may
   * have removed it and not been heard.
   * @throws as `copy`
   */
  remove(request: RemoveRequest): Promise<Removed>;
}

/** Who works: alone, or by the ring. */
export interface JobWorkers {
  /**
   * The node that holds this part of the object, or will; `replica` 1, 2, ... are those that hold copies.
   * @throws ForebayError `node-unavailable` where there is none
   */
  of(
    object: ObjectRef,
    part: number,
    replica?: number,
  ): { readonly nodeId: string; readonly worker: JobWorker };
  /** That can hold copies now. */
  readonly nodeCount: number;
  /** Bytes of a part. */
  readonly partBytes: number;
}
