/**
 * Byte ranges, half-open everywhere. HTTP's inclusive `bytes=0-99` exists only where headers are read or
 * written.
 */
export interface ByteRange {
  readonly start: number;
  readonly endExclusive: number;
}

/** A range as asked, before the size is known. */
export type RangeRequest =
  | { readonly kind: 'span'; readonly start: number; readonly endExclusive: number }
  | { readonly kind: 'from'; readonly start: number }
  | { readonly kind: 'suffix'; readonly lengthBytes: number };

/**
 * The bytes that a request means on an object of this size. `whole` is an answer 200 without Content-Range.
 * A suffix on an empty object is the whole, empty object (S3 answers 200; measured, S3-WIRE 78).
 */
export function resolveRange(
  request: RangeRequest | undefined,
  sizeBytes: number,
): { readonly range: ByteRange; readonly whole: boolean } | 'unsatisfiable' {
  if (!request) return { range: { start: 0, endExclusive: sizeBytes }, whole: true };
  if (request.kind === 'suffix') {
    if (request.lengthBytes === 0) return 'unsatisfiable';
    const start = Math.max(0, sizeBytes - request.lengthBytes);
    return { range: { start, endExclusive: sizeBytes }, whole: sizeBytes === 0 };
  }
  if (request.start >= sizeBytes) return 'unsatisfiable';
  const endExclusive = request.kind === 'from' ? sizeBytes : Math.min(request.endExclusive, sizeBytes);
  return { range: { start: request.start, endExclusive }, whole: false };
}
