/**
 * Pages: the unit of caching. A page is (object version, index); it never changes, so it cannot be stale.
 */
import { createHash } from 'node:crypto';
import type { ByteRange } from './range.ts';

/** The pages of one version of one object at one page size: 32 hex digits, safe as a file name. */
export type PageSetId = string;

export interface PageId {
  readonly set: PageSetId;
  readonly index: number;
}

/** `objectId` names mount, UFS and key (`objectIdOf`); `version` is `versionOf(info)`. */
export function pageSetIdOf(objectId: string, version: string, pageSizeBytes: number): PageSetId {
  const text = `${objectId}\0${version}\0${pageSizeBytes}`;
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

/** Pages that hold a byte range. An empty range never gets here. */
export function pagesOf(range: ByteRange, pageSizeBytes: number): { first: number; endExclusive: number } {
  return {
    first: Math.floor(range.start / pageSizeBytes),
    endExclusive: Math.ceil(range.endExclusive / pageSizeBytes),
  };
}

/** Bytes of a page: `pageSizeBytes`, but for the object's last one. */
export function pageLengthBytes(index: number, sizeBytes: number, pageSizeBytes: number): number {
  return Math.min(pageSizeBytes, sizeBytes - index * pageSizeBytes);
}
