/** Bodies as the routing handles them: whatever they are, pieces one after the other. */

export type Body = Uint8Array | AsyncIterable<Uint8Array> | undefined;

const end = { done: true, value: undefined } as const;

/** Bytes at hand are a stream of one piece. */
export function piecesOf(body: Uint8Array | AsyncIterable<Uint8Array>): AsyncIterator<Uint8Array> {
  return body instanceof Uint8Array ? new OnePiece(body) : body[Symbol.asyncIterator]();
}

class OnePiece implements AsyncIterator<Uint8Array> {
  #bytes: Uint8Array | undefined;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    const value = this.#bytes;
    this.#bytes = undefined;
    return value ? { done: false, value } : end;
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#bytes = undefined;
    return end;
  }
}

/** Tells a body that nobody reads it. How it takes that is its own affair. */
export function leave(body: Body): void {
  if (body && !(body instanceof Uint8Array)) leavePieces(body[Symbol.asyncIterator]());
}

export function leavePieces(pieces: AsyncIterator<Uint8Array>): void {
  pieces.return?.().catch(() => {});
}
