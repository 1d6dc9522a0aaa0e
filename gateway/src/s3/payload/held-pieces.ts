/** Pieces of a body that wait for a verdict. */

const smallBytes = 4096;

/**
 * Small neighbours become one piece: a body that trickles in byte by byte must not cost a hundred times its
 * size in objects.
 */
export class HeldPieces {
  #pieces: Buffer[] = [];

  add(piece: Buffer): void {
    const last = this.#pieces.at(-1);
    if (last && last.length + piece.length <= smallBytes)
      this.#pieces[this.#pieces.length - 1] = Buffer.concat([last, piece]);
    else this.#pieces.push(piece);
  }

  /** All of them, in order; then there are none. */
  take(): Buffer[] {
    const pieces = this.#pieces;
    this.#pieces = [];
    return pieces;
  }
}
