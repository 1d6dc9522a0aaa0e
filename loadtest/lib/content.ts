/**
 * Contents that tell a wrong byte: each word of four bytes says where it stands, and in which object. A check
 * looks at the first and the last word of what was read, whatever part of the object it was.
 */

const wordBytes = 4;

const wordAt = (object: number, offset: number) => object + offset / wordBytes;

/** 0, 1, 2, ...: every object is a piece of it, begun elsewhere. To make one word by word takes k6 long. */
let words = new Uint32Array(0);

/** @param sizeBytes a multiple of 4 */
export function contentOf(object: number, sizeBytes: number): ArrayBuffer {
  const end = object + sizeBytes / wordBytes;
  if (words.length < end) words = Uint32Array.from({ length: end + 1024 }, (_, index) => index);
  return words.slice(object, end).buffer as ArrayBuffer;
}

export interface Part {
  readonly object: number;
  /** A multiple of 4, as is the size. */
  readonly start: number;
  readonly sizeBytes: number;
}

export function isPart(body: ArrayBuffer | null, { object, start, sizeBytes }: Part): boolean {
  if (body === null || body.byteLength !== sizeBytes) return false;
  const view = new DataView(body);
  const last = sizeBytes - wordBytes;
  return (
    view.getUint32(0, true) === wordAt(object, start) &&
    view.getUint32(last, true) === wordAt(object, start + last)
  );
}
