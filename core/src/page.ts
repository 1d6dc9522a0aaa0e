/**
 * Pages: the unit of caching. A page is (object version, index); it never changes, so it cannot be stale.
 */
import { hash } from 'node:crypto';
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
  return hash('sha256', text).slice(0, 32);
}

/** Pages that hold a byte range. An empty range never gets here. */
export function pagesOf(range: ByteRange, pageSizeBytes: number): { first: number; endExclusive: number } {
  return {
    first: Math.floor(range.start / pageSizeBytes),
    endExclusive: Math.ceil(range.endExclusive / pageSizeBytes),
  };
}

/** Pages that lie whole in a byte range of an object; none where `endExclusive` is not behind `first`. */
export function wholePagesIn(
  range: ByteRange,
  { sizeBytes, pageSizeBytes }: { readonly sizeBytes: number; readonly pageSizeBytes: number },
): { first: number; endExclusive: number } {
  const roundEnd = range.endExclusive === sizeBytes ? Math.ceil : Math.floor;
  return {
    first: Math.ceil(range.start / pageSizeBytes),
    endExclusive: roundEnd(range.endExclusive / pageSizeBytes),
  };
}

/** Bytes of a page: `pageSizeBytes`, but for the object's last one. */
export function pageLengthBytes(index: number, sizeBytes: number, pageSizeBytes: number): number {
  return Math.min(pageSizeBytes, sizeBytes - index * pageSizeBytes);
}
