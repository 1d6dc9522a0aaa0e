/**
 * How an object is read, across requests: from the recent reads of one version it tells what will be read
 * next. Bounded: a few streams for each of the versions that were read last.
 *
 * - A read that begins where another ended continues its stream, and each one doubles what is read ahead of
 *   it. Several streams may run side by side, as when a client reads parts in parallel.
 * - Three reads at equal distances are a stride; the next is expected at that distance.
 * - Anything else is random: nothing is expected, and the windows of the object's streams shrink by half.
 * - A version whose footer is read before all else is a file of columns (Parquet, ORC): the end of one is
 *   no reason to go on to the next, only the stride from one row group to the next is followed.
 */
import type { ByteRange } from '@forebay/core/range';

export interface AccessLimits {
  readonly windowBytesMin: number;
  readonly windowBytesMax: number;
}

interface Stream {
  /** Where its first read began. */
  readonly runStart: number;
  /** Of the last read. */
  start: number;
  end: number;
  /** From the like stream before it; 0: unknown. */
  strideBytes: number;
  windowBytes: number;
  /** Reads that continued it. */
  run: number;
  /** Up to here it has been told ahead. */
  toldEnd: number;
}

const streamsMax = 16;
const setsMax = 4_096;
/** In a file of columns so many reads in a row are no column any more: somebody reads all of it. */
const columnRunMax = 8;
/** Distances are rarely equal to the byte: they may differ by this share of what is read. */
const strideTolerance = 1 / 8;

class SetAccess {
  /** The most recent last. */
  readonly #streams: Stream[] = [];
  readonly #columns: boolean;

  constructor(first: ByteRange, sizeBytes: number) {
    this.#columns = first.endExclusive === sizeBytes && first.start > sizeBytes / 2;
  }

  next({ start, endExclusive: end }: ByteRange, limits: AccessLimits): ByteRange | undefined {
    if (this.#streams.some((stream) => stream.start === start && stream.end >= end)) return undefined;
    const followed = this.#streams.find((stream) => stream.end === start);
    if (followed) return this.#continue(followed, { start, end }, limits);
    const strideBytes = this.#strideTo(start, end - start);
    if (strideBytes === 0) {
      for (const stream of this.#streams) stream.windowBytes /= 2;
    }
    this.#streams.push({ runStart: start, start, end, strideBytes, windowBytes: 0, run: 0, toldEnd: end });
    if (this.#streams.length > streamsMax) this.#streams.shift();
    if (strideBytes === 0) return undefined;
    return { start: start + strideBytes, endExclusive: end + strideBytes };
  }

  #continue(
    stream: Stream,
    { start, end }: { readonly start: number; readonly end: number },
    { windowBytesMin, windowBytesMax }: AccessLimits,
  ): ByteRange | undefined {
    this.#streams.splice(this.#streams.indexOf(stream), 1);
    this.#streams.push(stream);
    stream.run += 1;
    stream.start = start;
    stream.end = end;
    const windowBytes = Math.max(windowBytesMin, 2 * (end - start), 2 * stream.windowBytes);
    stream.windowBytes = Math.min(windowBytesMax, windowBytes);
    if (this.#columns && stream.run < columnRunMax) return this.#alongStride(stream);
    // Half a window at a time, so that each read does not become a request of its own.
    if (stream.toldEnd - end > stream.windowBytes / 2) return undefined;
    const told = { start: Math.max(end, stream.toldEnd), endExclusive: end + stream.windowBytes };
    stream.toldEnd = told.endExclusive;
    return told;
  }

  #alongStride({ start, end, strideBytes }: Stream): ByteRange | undefined {
    return strideBytes ? { start: start + strideBytes, endExclusive: end + strideBytes } : undefined;
  }

  /** The distance of three reads of about one length at about equal distances; 0 where they are not. */
  #strideTo(start: number, lengthBytes: number): number {
    const tolerance = lengthBytes * strideTolerance;
    for (const last of this.#streams.toReversed()) {
      const distance = start - last.runStart;
      // Reads that overlap are no stride: several that all go to the end of the object, for one.
      if (distance < lengthBytes || !isAlike(last.end - last.start, lengthBytes)) continue;
      if (last.strideBytes && Math.abs(last.strideBytes - distance) <= tolerance) return distance;
      for (const before of this.#streams) {
        const isSame = Math.abs(last.runStart - before.runStart - distance) <= tolerance;
        if (before !== last && isSame && isAlike(before.end - before.start, lengthBytes)) return distance;
      }
    }
    return 0;
  }
}

/** Within a factor of two. */
function isAlike(a: number, b: number): boolean {
  return a <= 2 * b && b <= 2 * a;
}

export class AccessTracker {
  /** The version read last is last. */
  readonly #sets = new Map<string, SetAccess>();

  /** Notes a read; the bytes beyond it that are likely to be asked for next, clipped by nothing. */
  read(set: string, range: ByteRange, sizeBytes: number, limits: AccessLimits): ByteRange | undefined {
    const known = this.#sets.get(set);
    const access = known ?? new SetAccess(range, sizeBytes);
    this.#sets.delete(set);
    this.#sets.set(set, access);
    if (this.#sets.size > setsMax) {
      const [oldest] = this.#sets.keys();
      this.#sets.delete(oldest!);
    }
    return access.next(range, limits);
  }
}
