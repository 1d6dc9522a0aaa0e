/**
 * Buffers that pages are read into, used again and again: a fresh one per read is the dearest part of
 * reading. Three sizes, so that a short piece never holds a large buffer.
 */

export const sizes = [16 * 1024, 64 * 1024, 256 * 1024] as const;
export const largestBufferBytes = sizes[2];

export class ReadBuffers {
  readonly #idle: readonly Buffer[][] = sizes.map(() => []);
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
    const index = lengthBytes <= sizes[0] ? 0 : lengthBytes <= sizes[1] ? 1 : 2;
    const kept = this.#idle[index]!.pop();
    if (kept) this.#keptBytes -= kept.length;
    // Never a slice of a shared slab: sockets write into it at any time.
    const buffer = kept ?? Buffer.allocUnsafeSlow(sizes[index]!);
    this.#lentBytes += buffer.length;
    return buffer;
  }

  /** Nobody may look at it any more. */
  give(buffer: Buffer): void {
    this.#lentBytes -= buffer.length;
    if (this.#keptBytes + buffer.length > this.#keptBytesMax) return;
    this.#keptBytes += buffer.length;
    this.#idle[buffer.length <= sizes[0] ? 0 : buffer.length <= sizes[1] ? 1 : 2]!.push(buffer);
  }
}
