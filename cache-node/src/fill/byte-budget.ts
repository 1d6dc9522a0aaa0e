/** Bytes in flight under a cap: who comes over it waits its turn. First come, first served. */
export class ByteBudget {
  readonly bytesMax: number;
  readonly #waiting: { bytes: number; admit: () => void }[] = [];
  #bytes = 0;

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Resolves when the bytes are taken; undefined where they are taken at once. One larger than all is let
   * in alone.
   */
  acquire(bytes: number): Promise<void> | undefined {
    if (this.#waiting.length === 0 && this.#fits(bytes)) {
      this.#bytes += bytes;
      return undefined;
    }
    return new Promise((resolve) => this.#waiting.push({ bytes, admit: resolve }));
  }

  release(bytes: number): void {
    this.#bytes -= bytes;
    for (let next = this.#waiting[0]; next && this.#fits(next.bytes); next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#bytes += next.bytes;
      next.admit();
    }
  }

  #fits(bytes: number): boolean {
    return this.#bytes + bytes <= this.bytesMax || this.#bytes === 0;
  }
}
