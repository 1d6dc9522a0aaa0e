/** What ranges of objects would have cost, had they been read in whole blocks of one size. */

export interface ReadRange {
  /** Bucket and key, or anything that tells objects apart. */
  readonly object: string;
  readonly objectSizeBytes: number;
  readonly start: number;
  readonly endExclusive: number;
}

/** Bytes of all blocks that the ranges touch, each counted once. */
export function blockBytesOf(ranges: readonly ReadRange[], blockSizeBytes: number): number {
  const seen = new Set<string>();
  let bytes = 0;
  for (const { object, objectSizeBytes, start, endExclusive } of ranges) {
    for (let block = Math.floor(start / blockSizeBytes); block * blockSizeBytes < endExclusive; block += 1) {
      const name = `${block} ${object}`;
      if (seen.has(name)) continue;
      seen.add(name);
      bytes += Math.min(blockSizeBytes, objectSizeBytes - block * blockSizeBytes);
    }
  }
  return bytes;
}

/** The range that a `Range` header asks of an object. @throws Error for what our clients do not send. */
export function rangeOf(header: string | undefined, object: string, objectSizeBytes: number): ReadRange {
  if (header === undefined) return { object, objectSizeBytes, start: 0, endExclusive: objectSizeBytes };
  const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(header) ?? [];
  if (first === undefined || last === undefined || first + last === '') throw new Error(`range ${header}`);
  const start = first === '' ? Math.max(0, objectSizeBytes - Number(last)) : Number(first);
  const end = first === '' || last === '' ? objectSizeBytes : Math.min(Number(last) + 1, objectSizeBytes);
  return { object, objectSizeBytes, start, endExclusive: end };
}
