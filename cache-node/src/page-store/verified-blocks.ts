/**
 * Which blocks of an open file were verified, as one bit each: true for as long as nobody changes the file,
 * which its change time tells. It says nothing about blocks that left memory: who trusts it looks whether
 * they are still there.
 */
export class VerifiedBlocks {
  /** The change time that the bits belong to. */
  #changedMs = Number.NaN;
  #bits = new Uint32Array(1);

  /** Whether all blocks from `first` up to `endExclusive` are, in the file as it is now. */
  has(first: number, endExclusive: number, changedMs: number): boolean {
    if (changedMs !== this.#changedMs || endExclusive > this.#bits.length * 32) return false;
    for (let block = first; block < endExclusive; block += 1) {
      if ((this.#bits[block >>> 5]! & (1 << (block & 31))) === 0) return false;
    }
    return true;
  }

  /** `changedMs`: as it was before they were read. */
  add(first: number, endExclusive: number, changedMs: number): void {
    if (changedMs < this.#changedMs) return;
    if (changedMs !== this.#changedMs) this.clear();
    this.#changedMs = changedMs;
    if (endExclusive > this.#bits.length * 32) this.#grow(endExclusive);
    for (let block = first; block < endExclusive; block += 1) {
      this.#bits[block >>> 5]! |= 1 << (block & 31);
    }
  }

  clear(): void {
    this.#changedMs = Number.NaN;
    this.#bits.fill(0);
  }

  #grow(blocks: number): void {
    const grown = new Uint32Array(Math.max(2 * this.#bits.length, Math.ceil(blocks / 32)));
    grown.set(this.#bits);
    this.#bits = grown;
  }
}
