/** What of a range lies in one page. */
import { pageLengthBytes } from '@forebay/core/page';
import type { PageSource } from './page-source.ts';

export interface PagePart {
  readonly index: number;
  /** Inside the page. */
  readonly start: number;
  readonly endExclusive: number;
}

/** From an offset of the object on, up to the end of its page or of the range. */
export function partOf(
  { pageSizeBytes, info }: Pick<PageSource, 'pageSizeBytes' | 'info'>,
  offset: number,
  rangeEnd: number,
): PagePart {
  const index = Math.floor(offset / pageSizeBytes);
  const pageStart = index * pageSizeBytes;
  const length = pageLengthBytes(index, info.sizeBytes, pageSizeBytes);
  return { index, start: offset - pageStart, endExclusive: Math.min(length, rangeEnd - pageStart) };
}
