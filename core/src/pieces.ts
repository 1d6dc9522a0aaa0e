/**
 * Bodies that hand out pieces of buffers which they use again: a piece is valid only until the next one is
 * asked for, or the body returned. Who needs it longer copies it, with these.
 */

/**
 * Bytes of an open file, verified, and in the page cache: good for this tick. Who cannot send all of it at
 * once gives back the rest (`unread`) and asks again, so that nothing is sent that left memory meanwhile, and
 * no file is held for a slow client.
 */
export interface FileSlice {
  readonly file: number;
  readonly offset: number;
  readonly lengthBytes: number;
}

/** A stream that can lend parts of files in place of bytes, to who can send them without a copy. */
export interface SlicedBody extends AsyncIterableIterator<Uint8Array> {
  /**
   * The next bytes, in memory or in a file, at once where they are at hand; undefined: the end. Slices are
   * pieces, and the same rule holds. May be called in turn with `next`. @throws what `next` throws
   */
  nextSlice(): Uint8Array | FileSlice | undefined | Promise<Uint8Array | FileSlice | undefined>;
  /**
   * Ends the loan of a file slice of which the last `lengthBytes` were not used: the next piece begins with
   * them.
   */
  unread(lengthBytes: number): void;
}

/** A stream whose bytes lie with the system: it can pass them on to a socket without a copy. */
export interface RelayedBody extends AsyncIterableIterator<Uint8Array> {
  /**
   * Moves its next bytes to a socket, as many as are here and as the socket takes now; the last piece is no
   * longer lent. Nothing that was written to the socket before may still wait in this process. Never throws.
   * @param socket its descriptor
   * @returns how many; 0: `next` waits for the next ones. Those that it gives are to be written the usual
   * way, which tells when there is room again; where it gives an empty piece, they can be passed on
   */
  passOn(socket: number): number;
}

/** A relayed body that may have come whole before its reader has it. */
export interface HeldBody extends RelayedBody {
  /** All of it is here: nothing is to be waited for, and nothing of it can fail any more. */
  readonly isHere: boolean;
  /** The next piece, if it lies in this process and is no longer than that. */
  nextBytes(lengthBytesMax: number): Uint8Array | undefined;
}

export function isHere(body: AsyncIterable<Uint8Array>): body is HeldBody {
  return 'isHere' in body && body.isHere === true;
}

/** It may have some of its bytes in this process already. */
export function isHeld(body: AsyncIterable<Uint8Array>): body is HeldBody {
  return 'nextBytes' in body;
}

export function isRelayed(body: AsyncIterable<Uint8Array>): body is RelayedBody {
  return 'passOn' in body;
}

export function isSliced(body: AsyncIterable<Uint8Array>): body is SlicedBody {
  return 'nextSlice' in body;
}

/**
 * The whole body, copied. @param limitBytes of a longer one nothing is given, and the body is returned
 */
export async function wholeOf(
  body: AsyncIterable<Uint8Array>,
  limitBytes = Number.POSITIVE_INFINITY,
): Promise<Buffer | undefined> {
  const pieces: Buffer[] = [];
  let sizeBytes = 0;
  for await (const piece of body) {
    sizeBytes += piece.byteLength;
    if (sizeBytes > limitBytes) return undefined;
    pieces.push(Buffer.from(piece));
  }
  return pieces.length === 1 ? pieces[0] : Buffer.concat(pieces);
}

/** The same pieces, to keep: for a consumer that holds them, as an upload does until they are sent. */
export async function* ownedPieces(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const piece of body) yield Buffer.from(piece);
}
