/** Which part of a range is this node's to bring: in a cluster the segments of an object lie with many. */
import type { Placement } from '@forebay/core/homes';
import { type ObjectRef, placementKeyOf } from '@forebay/core/mount';
import type { ByteRange, RangeRequest } from '@forebay/core/range';

/** Looked at for one answer: what lies behind is asked for by itself. */
const segmentsMax = 16;

/**
 * Where the first run of segments ends that this node owns, at most at the range's end; its start where the
 * node does not own the first one.
 */
export function ownedEnd(placement: Placement | undefined, object: ObjectRef, range: ByteRange): number {
  if (!placement) return range.endExclusive;
  const { segmentBytes } = placement;
  const key = placementKeyOf(object);
  const first = Math.floor(range.start / segmentBytes);
  let segment = first;
  while (
    segment * segmentBytes < range.endExclusive &&
    segment < first + segmentsMax &&
    placement.owns(key, segment)
  ) {
    segment += 1;
  }
  return segment === first ? range.start : Math.min(range.endExclusive, segment * segmentBytes);
}

/** The same for bytes that are on their way here already: at least to the end of their first segment. */
export function broughtEnd(placement: Placement | undefined, object: ObjectRef, range: ByteRange): number {
  const end = ownedEnd(placement, object, range);
  if (!placement || end > range.start) return end;
  const { segmentBytes } = placement;
  const segment = Math.floor(range.start / segmentBytes);
  return Math.min(range.endExclusive, (segment + 1) * segmentBytes);
}

/** Whether bytes that are asked for so begin in a segment of another node. Unknown of a suffix: false. */
export function beginsElsewhere(
  placement: Placement | undefined,
  object: ObjectRef,
  range: RangeRequest | undefined,
): boolean {
  if (!placement || range?.kind === 'suffix') return false;
  const segment = Math.floor((range?.start ?? 0) / placement.segmentBytes);
  return !placement.owns(placementKeyOf(object), segment);
}
