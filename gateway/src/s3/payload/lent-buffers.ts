/**
 * The memory of a body that streams: given back as soon as its bytes are out, in place of waiting for the
 * garbage collector. Node makes a fresh buffer for every piece, and V8 answers each 64 MiB of them with a
 * walk through its whole heap, which costs more than hashing and sending the bytes.
 */

/** Smaller buffers may be parts of Node's pool, and are not worth the while. */
const freedBytesMin = 16 * 1024;

export class LentBuffers {
  /** In the order in which their bytes came. */
  #lent: ArrayBuffer[] = [];

  /** @param piece as Node gave it; whatever is made of it keeps the order of its bytes */
  lend({ buffer, byteLength }: Uint8Array): void {
    const isWhole = byteLength === buffer.byteLength && byteLength >= freedBytesMin;
    if (isWhole && buffer instanceof ArrayBuffer) this.#lent.push(buffer);
  }

  /**
   * Nobody needs the bytes before these any more, nor these themselves. The buffer that they lie in stays
   * until later bytes are released, unless they are its last.
   */
  release({ buffer, byteOffset, byteLength }: Uint8Array): void {
    const at = this.#lent.indexOf(buffer as ArrayBuffer);
    if (at < 0) return;
    const count = byteOffset + byteLength === buffer.byteLength ? at + 1 : at;
    // Detached, a buffer gives back its memory at once.
    for (const freed of this.#lent.splice(0, count)) freed.transfer(0);
  }
}
