/**
 * Contents of objects whose every byte says whose it is and where: a client that knows object number and
 * offset checks what it reads at the speed of memory, whatever range it reads.
 */
import { createHash } from 'node:crypto';

/** A prime: no two pages of an object have the same bytes. */
const periodBytes = 1_048_573;
/** Objects are the same block, each begun elsewhere. */
const shiftBytes = 7_919;
let doubled: Buffer | undefined;

function blocks(): Buffer {
  if (doubled) return doubled;
  const block = createHash('shake256', { outputLength: periodBytes }).update('forebay').digest();
  doubled = Buffer.concat([block, block]);
  return doubled;
}

const startOf = (object: number, offset: number) => (object * shiftBytes + offset) % periodBytes;

export function contentOf(object: number, sizeBytes: number): Buffer {
  const content = Buffer.allocUnsafe(sizeBytes);
  for (let at = 0; at < sizeBytes; at += periodBytes) {
    const start = startOf(object, at);
    blocks().copy(content, at, start, start + Math.min(periodBytes, sizeBytes - at));
  }
  return content;
}

/** Whether these are the bytes of the object that stand at `offset`. */
export function isContent(bytes: Buffer, object: number, offset: number): boolean {
  for (let at = 0; at < bytes.length; at += periodBytes) {
    const start = startOf(object, offset + at);
    const end = Math.min(at + periodBytes, bytes.length);
    if (blocks().compare(bytes, at, end, start, start + end - at) !== 0) return false;
  }
  return true;
}
