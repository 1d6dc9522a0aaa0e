/** A short body, whole, so that it goes in one frame with its answer. */
import { readSync } from 'node:fs';
import { ForebayError } from '@forebay/core/errors';
import { type FileSlice, isSliced, type SlicedBody } from '@forebay/core/pieces';

/**
 * All of the body, copied: at once where it is at hand. The body is returned in every case.
 * @throws what the body throws, or ForebayError where its length is another one
 */
export function inlineOf(body: AsyncIterable<Uint8Array>, lengthBytes: number): Buffer | Promise<Buffer> {
  const whole = Buffer.allocUnsafe(lengthBytes);
  return isSliced(body) ? fromSlices(body, whole) : fromPieces(body, whole, 0);
}

function fromSlices(body: SlicedBody, whole: Buffer): Buffer | Promise<Buffer> {
  let at = 0;
  while (at < whole.length) {
    const slice = body.nextSlice();
    if (slice instanceof Promise) return slicesLater(body, { whole, at, slice });
    if (slice === undefined) break;
    at = put(slice, whole, at);
  }
  void body.return?.();
  return checked(whole, at);
}

interface Begun {
  readonly whole: Buffer;
  readonly at: number;
  readonly slice: ReturnType<SlicedBody['nextSlice']>;
}

async function slicesLater(body: SlicedBody, { whole, at: from, slice: first }: Begun): Promise<Buffer> {
  let at = from;
  try {
    for (let slice = await first; slice !== undefined; slice = await body.nextSlice()) {
      at = put(slice, whole, at);
      if (at >= whole.length) break;
    }
  } finally {
    await body.return?.();
  }
  return checked(whole, at);
}

async function fromPieces(body: AsyncIterable<Uint8Array>, whole: Buffer, from: number): Promise<Buffer> {
  let at = from;
  for await (const piece of body) {
    at = put(piece, whole, at);
    if (at >= whole.length) break;
  }
  return checked(whole, at);
}

function put(slice: Uint8Array | FileSlice, whole: Buffer, at: number): number {
  if (slice instanceof Uint8Array) {
    if (at + slice.byteLength <= whole.length) whole.set(slice, at);
    return at + slice.byteLength;
  }
  const length = Math.min(slice.lengthBytes, whole.length - at);
  return (
    at +
    (slice.lengthBytes > length ? slice.lengthBytes : readSync(slice.file, whole, at, length, slice.offset))
  );
}

function checked(whole: Buffer, filled: number): Buffer {
  if (filled === whole.length) return whole;
  throw new ForebayError('ufs-unavailable', `a body has ${filled} bytes where its range has ${whole.length}`);
}
