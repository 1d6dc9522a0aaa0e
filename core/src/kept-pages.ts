/** CONTRACT KeptPages: what hand-off needs of the page store of its own node. */
import type { ObjectRef } from './mount.ts';
import type { ObjectInfo } from './object.ts';

/** Pages of one version that are stored here. */
export interface KeptObject {
  /** `bucket/key` as clients see it. */
  readonly path: string;
  readonly object: ObjectRef;
  /** Its version and size; headers are not known. */
  readonly info: ObjectInfo;
  /** Ascending. */
  readonly indexes: readonly number[];
  /** Of these, those that were asked for again since they came. Ascending. */
  readonly hot: readonly number[];
}

export interface KeptPages {
  /**
   * Goes through all that is stored of what is mounted now, each version once, beside reads and writes; goes
   * on when `take` has resolved. @throws the signal's reason, what `take` throws
   */
  each(take: (kept: KeptObject) => Promise<void>, signal: AbortSignal): Promise<void>;
  /** The object of a path, where this mount holds it still. */
  find(path: string, mountPath: string): ObjectRef | undefined;
  has(object: ObjectRef, info: ObjectInfo, index: number): boolean;
  /**
   * Keeps a page, however seldom it was asked for. False where there is no room for it. `bytes` may be used
   * for something else then.
   */
  put(page: { object: ObjectRef; info: ObjectInfo; index: number; bytes: Uint8Array }): Promise<boolean>;
}
