/**
 * A range that lies in one page in memory: its bytes are at hand in the tick of the question, without a
 * reader and without a promise. What is counted is what PageReader counts for the same read.
 */
import type { Mount } from '@forebay/core/mount';
import { type PageSetId, pageLengthBytes } from '@forebay/core/page';
import type { ByteRange } from '@forebay/core/range';
import type { FillContext } from './fill-context.ts';

export interface MemoryRead {
  readonly mount: Mount;
  readonly set: PageSetId;
  readonly sizeBytes: number;
}

/**
 * The bytes, which are the reader's for ever; undefined where they are not all there, and then nothing was
 * done.
 */
export function readFromMemory(
  { mount, set, sizeBytes }: MemoryRead,
  range: ByteRange,
  context: Pick<FillContext, 'store' | 'metrics' | 'amplifications'>,
): Uint8Array | undefined {
  const { pageSizeBytes } = mount;
  const index = Math.floor(range.start / pageSizeBytes);
  const pageStart = index * pageSizeBytes;
  const pageEnd = pageStart + pageLengthBytes(index, sizeBytes, pageSizeBytes);
  if (range.endExclusive > pageEnd) return undefined;
  const page = context.store.inMemory({ set, index });
  if (!page) return undefined;
  const lengthBytes = range.endExclusive - range.start;
  context.metrics.countMemoryHit(mount.path, lengthBytes);
  context.amplifications.of(mount).served(lengthBytes);
  return lengthBytes === page.byteLength
    ? page
    : page.subarray(range.start - pageStart, range.endExclusive - pageStart);
}
