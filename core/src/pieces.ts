/**
 * Bodies that hand out pieces of buffers which they use again: a piece is valid only until the next one is
 * asked for, or the body returned. Who needs it longer copies it, with these.
 */

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
