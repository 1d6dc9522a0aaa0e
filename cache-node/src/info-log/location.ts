/**
 * Where a record is, in 32 bits: the slot of its segment and the offset in it, in units of 16 bytes. A slot
 * is the segment's number modulo how many there can be. 0 is no location: segments begin with their header.
 */
export const recordAlignBytes = 16;
export const segmentSlots = 1024;
/** What the offset's 22 bits can name. */
export const segmentBytesLimit = 64 * 1024 * 1024;
const offsetBits = 22;
const offsetMask = 2 ** offsetBits - 1;

export function locationOf(segmentId: number, offsetBytes: number): number {
  return (((segmentId % segmentSlots) << offsetBits) | (offsetBytes / recordAlignBytes)) >>> 0;
}

export function slotOf(location: number): number {
  return location >>> offsetBits;
}

export function offsetOf(location: number): number {
  return (location & offsetMask) * recordAlignBytes;
}

/** A place in the order of the whole log. */
export function positionOf(segmentId: number, offsetBytes: number): number {
  return segmentId * segmentBytesLimit + offsetBytes;
}
