/**
 * How much of a directory may be on its way to disk at once. Room is made before a page is written, and only
 * written pages can be chosen to go: a burst of new pages that all took room at once would drive out what is
 * read again and again, in place of the pages that came just before them.
 */
interface Waiter {
  readonly bytes: number;
  readonly enter: () => void;
}

export class WriteTurns {
  readonly #bytesMax: () => number;
  readonly #waiters: Waiter[] = [];
  #bytes = 0;

  /** `bytesMax` may change. One page is let in whatever its size. */
  constructor(bytesMax: () => number) {
    this.#bytesMax = bytesMax;
  }

  /** Waits for its turn, first come, first served. Undefined where there is nothing to wait for. */
  enter(bytes: number): Promise<void> | undefined {
    if (this.#waiters.length === 0 && this.#fits(bytes)) {
      this.#bytes += bytes;
      return undefined;
    }
    return new Promise((resolve) => this.#waiters.push({ bytes, enter: resolve }));
  }

  leave(bytes: number): void {
    this.#bytes -= bytes;
    for (let next = this.#waiters[0]; next && this.#fits(next.bytes); next = this.#waiters[0]) {
      this.#waiters.shift();
      this.#bytes += next.bytes;
      next.enter();
    }
  }

  #fits(bytes: number): boolean {
    return this.#bytes === 0 || this.#bytes + bytes <= this.#bytesMax();
  }
}
