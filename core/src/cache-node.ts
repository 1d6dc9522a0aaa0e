/**
 * CONTRACT CacheNode: the data plane that a gateway speaks to. In process it is `LocalCacheNode`; the
 * cluster adds a client that speaks the same contract over the network. A node is the home of an object's
 * info and keeps pages.
 */
import type { ConditionOutcome, ReadConditions } from './conditions.ts';
import type { UfsAnswer } from './errors.ts';
import type { Freed, FreeRequest } from './freeing.ts';
import type { Mount, ObjectRef } from './mount.ts';
import type { ObjectInfo } from './object.ts';
import type { ObjectStat } from './object-stat.ts';
import type { ByteRange, RangeRequest } from './range.ts';

/** Value of `x-cache` (DESIGN §6). */
export type CacheResult = 'HIT' | 'REVALIDATED' | 'PARTIAL' | 'COALESCED' | 'MISS' | 'STALE' | 'BYPASS';

/** What a read asks for, whoever asks. */
export interface ReadQuestion {
  readonly object: ObjectRef;
  /** `info` for HEAD, `bytes` for GET: a cold GET brings info and bytes in one UFS request. */
  readonly want: 'info' | 'bytes';
  readonly range?: RangeRequest | undefined;
  readonly conditions?: ReadConditions | undefined;
  /** If-Range: the range counts only if this strong ETag, or this exact date in ms, is still the object's. */
  readonly ifRange?: { readonly etag: string } | { readonly lastModifiedMs: number } | undefined;
  /** The client wants the object's stored checksums (`x-amz-checksum-mode: ENABLED`). */
  readonly needChecksums?: boolean;
}

export interface OpenRequest extends ReadQuestion {
  /** The client has left: what nobody else needs stops. */
  readonly signal: AbortSignal;
  /** The epoch by whose ring the node was chosen; absent: the node is the only one. */
  readonly epoch?: number | undefined;
  /** A version (`versionOf`) that who read it elsewhere found gone from the UFS: not to be answered with. */
  readonly goneVersion?: string | undefined;
}

/** Bytes of one version, asked of an owner of their segment by who has the info from the object's home. */
export interface ReadRequest {
  readonly object: ObjectRef;
  /** As the home answered it. With a strong ETag. */
  readonly info: ObjectInfo;
  /** Not empty. */
  readonly range: ByteRange;
  /** What is cached, and nothing of the UFS: for a node that takes over pages. */
  readonly cachedOnly: boolean;
  readonly signal: AbortSignal;
}

export interface OpenedPages {
  readonly nodeId: string;
  /** Of the range: all of it, or with `cachedOnly` as much of its beginning as is cached, also nothing. */
  readonly endExclusive: number;
  readonly pages: { readonly hit: number; readonly total: number };
  /** As `OpenedObject.body`; undefined where there is nothing. */
  readonly body: Uint8Array | AsyncIterable<Uint8Array> | undefined;
}

interface Answered {
  readonly cache: CacheResult;
  /** Since the UFS confirmed the info: monotonic, counted from when the UFS request was sent. */
  readonly ageMs: number;
  readonly nodeId: string;
}

export interface OpenedObject extends Answered {
  readonly kind: 'object';
  readonly info: ObjectInfo;
  readonly condition: ConditionOutcome;
  /** What `body` holds. `whole`: no range applied (answer 200). */
  readonly range: ByteRange | 'unsatisfiable';
  readonly whole: boolean;
  /**
   * Where `body` ends: before the end of `range` where what follows lies with other nodes (`read`), and at its
   * start where all does. Absent: at the end of `range`.
   */
  readonly bodyEndExclusive?: number | undefined;
  /** Pages of the body found cached when the answer was made, and all pages of it. */
  readonly pages: { readonly hit: number; readonly total: number };
  /**
   * The bytes of `range` (up to `bodyEndExclusive`), in order: in one piece where they are at hand, otherwise as a stream. Undefined
   * for HEAD, for 304, 412, 416. A stream must be consumed or `return()`ed; it throws `version-changed` or
   * `ufs-unavailable` in the middle where the rest cannot be had, and then the connection must be cut.
   *
   * A stream may be a `SlicedBody` (pieces.ts). The piece rule: a piece of a stream is lent, and its memory
   * may be used for other bytes as soon as the next is asked for (`next()`) or the stream is left
   * (`return()`). Who needs it longer copies it. A body that is no stream is the reader's for ever.
   */
  readonly body: Uint8Array | AsyncIterable<Uint8Array> | undefined;
}

/** The UFS says there is no such object (404 of the key, delete marker included). */
export interface AbsentObject extends Answered {
  readonly kind: 'absent';
  readonly answer: UfsAnswer;
}

/** Proof that `endWrite` reached the home. A success for a write cannot be made without one (DESIGN §4). */
export interface FenceReceipt {
  readonly fenceId: string;
  readonly ended: true;
}

/**
 * By which epoch a fence is begun. `carried`: it stands elsewhere as well, and counts whether the node is the
 * home or not, because it may become it.
 */
export type BeginEpoch = number | 'carried';

/** `unknown`: the write was sent and no answer was read, so the object stays unsettled for a while. */
export type WriteOutcome = 'known' | 'unknown';

/** A page directory, as it is now. */
export interface DirectoryStats {
  readonly path: string;
  readonly state: 'ok' | 'read-only' | 'failed';
  /** Why it is not ok, for people. */
  readonly reason: string | undefined;
  readonly bytes: number;
  readonly bytesMax: number;
  readonly pages: number;
}

/** Pages on their way to those who own them by now. */
export interface HandOffProgress {
  /**
   * `off`: pages are not moved; `waiting`: for an epoch to settle, or for nodes that cannot be reached;
   * `done`: every page that another node owns was offered to it; `drained`: the same of a node that drains.
   */
  readonly state: 'off' | 'waiting' | 'moving' | 'done' | 'drained';
  /** By whose owners it goes; 0: none yet. */
  readonly epoch: number;
  /** Objects with pages that others own, and bytes of these pages: gone through so far, and all of them. */
  readonly objects: number;
  readonly objectsTotal: number;
  readonly bytes: number;
  readonly bytesTotal: number;
}

export interface NodeStats {
  readonly nodeId: string;
  readonly uptimeMs: number;
  readonly pages: number;
  readonly diskBytes: number;
  readonly diskBytesMax: number;
  readonly directories: readonly DirectoryStats[];
  readonly memoryBytes: number;
  readonly memoryBytesMax: number;
  readonly infoMemoryEntries: number;
  readonly infoPersistentEntries: number;
  readonly fillsInFlight: number;
  readonly fencesOpen: number;
  /** Of a node of a cluster. */
  readonly handOff?: HandOffProgress | undefined;
}

export type OpenedSoon = (opened: OpenedObject | AbsentObject | undefined, error?: unknown) => void;

export interface CacheNode {
  readonly nodeId: string;
  /**
   * @throws UfsAnswerError where the UFS refuses (403, NoSuchBucket, ...); ForebayError `ufs-unavailable`,
   * `version-changed` (the object kept changing), `overloaded`; `not-home` where the request's epoch is older
   * than the node's, which is not the object's home. A node that is not, or may not be, the home by an epoch
   * that the request knows answers all the same: its info comes from the UFS and is not kept.
   */
  open(request: OpenRequest): Promise<OpenedObject | AbsentObject>;
  /**
   * The same where the answer is known and its bytes are at hand here and now, in this one tick. Undefined
   * where anything must be waited for, and then nothing was counted or changed: `open` is the way. Never
   * throws.
   */
  openNow?(request: OpenRequest): OpenedObject | AbsentObject | undefined;
  /**
   * `open` without a promise, for a node that is asked at once and answers in a later tick: `done` is called
   * once then, with what `open` resolves to or undefined and what it rejects with. `signal` is looked at only
   * for a stream.
   * @returns to be called where the client has left before that: then `done` is not called. Undefined where
   * the node cannot be asked at once: `open` is the way, and nothing was asked
   */
  openSoon?(request: OpenRequest, done: OpenedSoon): (() => void) | undefined;
  /**
   * Opens a fence on each object: from now until the end no cached info of them is answered and none
   * installed.
   * @param epoch by which the node was chosen; absent: the node is the only one
   * @throws ForebayError `overloaded` past the limit of open fences; `not-home` where the node is not the
   * leased, settled home of every object in just this epoch. Nothing may be written then.
   */
  beginWrite(objects: readonly ObjectRef[], fenceId: string, epoch?: BeginEpoch): Promise<void>;
  /**
   * Drops the objects' info once more and closes the fence. Works for fences this node does not know.
   * @throws ForebayError `not-home`, as `beginWrite`
   */
  endWrite(
    objects: readonly ObjectRef[],
    fenceId: string,
    outcome: WriteOutcome,
    epoch?: number,
  ): Promise<FenceReceipt>;
  /**
   * `beginWrite` for a write that may take away every object of the mount's UFS bucket: one fence on all of
   * its keys, in every mount. What was known of them is void for good: of a bucket that is made again
   * nothing of before is answered.
   * In a cluster every node is asked, because each is the home of some keys.
   * @throws ForebayError `overloaded`, `not-home`
   */
  beginBucketWrite(mount: Mount, fenceId: string, epoch?: BeginEpoch): Promise<void>;
  /** `endWrite` for a fence on a whole bucket; voids what is known once more, also without a begin. */
  endBucketWrite(mount: Mount, fenceId: string, outcome: WriteOutcome, epoch?: number): Promise<FenceReceipt>;
  /**
   * What is cached of an object, and what the same read would do now. Asks nothing of the UFS and changes
   * nothing: not what is kept, nor what goes next.
   */
  stat(question: ReadQuestion): Promise<ObjectStat>;
  /**
   * Drops pages, and what is known of their objects. Never touches the UFS. @throws the signal's reason
   */
  free(request: FreeRequest): Promise<Freed>;
  stats(): Promise<NodeStats>;
}

/** A cache node of a cluster: it is asked for pages as well, by who knows the info. */
export interface PageOwner extends CacheNode {
  /**
   * Pages of a version: cached ones, and with them what it takes from the UFS. Any node may be asked; one
   * that owns the segment keeps them.
   * @throws ForebayError `version-changed`, `ufs-unavailable`, `overloaded`; `node-unavailable` where a page
   * left the cache before its turn (`cachedOnly`); UfsAnswerError
   */
  read(request: ReadRequest): Promise<OpenedPages>;
}
