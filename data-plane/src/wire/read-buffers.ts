/**
 * Buffers that pages are read into, used again and again: a fresh one per read is the dearest part of
 * reading. Their sizes are powers of two, so that a piece holds less than twice its bytes.
 */

export const largestBufferBytes = 256 * 1024;
/** 4 KiB: the smallest. */
const smallestExponent = 12;
const sizesCount = Math.log2(largestBufferBytes) - smallestExponent + 1;

export class ReadBuffers {
  readonly #idle: readonly Buffer[][] = Array.from({ length: sizesCount }, () => []);
  readonly #keptBytesMax: number;
  #keptBytes = 0;
  #lentBytes = 0;

  /** @param keptBytesMax of buffers that nobody uses */
  constructor({ keptBytesMax }: { readonly keptBytesMax: number }) {
    this.#keptBytesMax = keptBytesMax;
  }

  /** Bytes of buffers taken and not given back. */
  get lentBytes(): number {
    return this.#lentBytes;
  }

  /** For that many bytes, or as many as the largest holds. */
  take(lengthBytes: number): Buffer {
    const index = Math.min(sizesCount - 1, sizeIndexOf(lengthBytes));
    const kept = this.#idle[index]!.pop();
    if (kept) this.#keptBytes -= kept.length;
    // Never a slice of a shared slab: sockets write into it at any time.
    const buffer = kept ?? Buffer.allocUnsafeSlow(2 ** (index + smallestExponent));
    this.#lentBytes += buffer.length;
    return buffer;
  }

  /** Nobody may look at it any more. */
  give(buffer: Buffer): void {
    this.#lentBytes -= buffer.length;
    if (this.#keptBytes + buffer.length > this.#keptBytesMax) return;
    this.#keptBytes += buffer.length;
    this.#idle[sizeIndexOf(buffer.length)]!.push(buffer);
  }
}

function sizeIndexOf(lengthBytes: number): number {
  return Math.max(0, 32 - Math.clz32(lengthBytes - 1) - smallestExponent);
}
