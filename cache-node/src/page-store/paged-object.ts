/** What the page store must know of the object that pages belong to, and what it hands out. */
import type { CachePolicy } from '@forebay/core/cache-policy';
import type { FileSlice } from '@forebay/core/pieces';

/** One version of an object, as its pages are stored. */
export interface PagedObject {
  /** `bucket/key` as clients see it. */
  readonly path: string;
  /** `versionOf` its info. */
  readonly version: string;
  readonly sizeBytes: number;
  readonly pageSizeBytes: number;
  readonly mountPath: string;
  readonly policy: CachePolicy;
}

/** Verified bytes of a page, lent: nobody may look at them after `release`, which is called once. */
export interface PageSlice {
  readonly bytes: Uint8Array;
  release(): void;
}

/** Part of a page in its file: good for this tick, and `release` is called once. */
export interface LentFile {
  readonly slice: FileSlice;
  release(): void;
}

/** Where the bytes of a page lie, for who reads and verifies them by itself. */
export interface PlacedPage {
  readonly path: string;
  /** Of its record in a pack; -1: the file is the page's own. */
  readonly packedAt: number;
  readonly lengthBytes: number;
  /** Of its stamp (page-stamp.ts). */
  readonly seal: number;
  /** By the wall clock; undefined: never. */
  readonly expiresAtMs: number | undefined;
}
