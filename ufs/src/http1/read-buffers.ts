/**
 * Buffers that sockets read into, used again and again: a fresh one per read is the dearest part of reading
 * (decision 0010).
 */

/** What an idle connection holds, and a small answer fits into with its head. */
export const smallBufferBytes = 16 * 1024;
export const largeBufferBytes = 256 * 1024;

export class ReadBuffers {
  readonly #keptBytesMax: number;
  readonly #small: Buffer[] = [];
  readonly #large: Buffer[] = [];
  #keptBytes = 0;

  /** @param keptBytesMax of buffers that nobody uses */
  constructor({ keptBytesMax }: { keptBytesMax: number }) {
    this.#keptBytesMax = keptBytesMax;
  }

  take(size: 'small' | 'large'): Buffer {
    const buffer = (size === 'small' ? this.#small : this.#large).pop();
    // Never a slice of a shared slab: sockets write into it at any time.
    if (!buffer) return Buffer.allocUnsafeSlow(size === 'small' ? smallBufferBytes : largeBufferBytes);
    this.#keptBytes -= buffer.length;
    return buffer;
  }

  /** Nobody may look at it any more. */
  give(buffer: Buffer): void {
    if (this.#keptBytes + buffer.length > this.#keptBytesMax) return;
    this.#keptBytes += buffer.length;
    (buffer.length === smallBufferBytes ? this.#small : this.#large).push(buffer);
  }
}
