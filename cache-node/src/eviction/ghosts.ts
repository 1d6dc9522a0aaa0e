/**
 * Which keys left a queue lately, by their hashes: two Bloom filters, of which the older is dropped when the
 * newer is full. At most 2.5 bytes per key that is remembered. One key in about a hundred is taken for a
 * ghost that is none.
 */

const bitsPerKey = 10;
const marks = 4;
/** A filter holds no fewer keys than this. */
const keysMin = 128;

export class Ghosts {
  #newer = new Filter(keysMin);
  #older = new Filter(keysMin);

  get memoryBytes(): number {
    return this.#newer.memoryBytes + this.#older.memoryBytes;
  }

  has(hash: number): boolean {
    return this.#newer.has(hash) || this.#older.has(hash);
  }

  /** Remembers a key, and the last `keysMax` to twice as many others (that may grow and shrink). */
  add(hash: number, keysMax: number): void {
    this.#newer.add(hash);
    if (!this.#newer.isFull) return;
    this.#older = this.#newer;
    this.#newer = new Filter(keysMax);
  }
}

class Filter {
  readonly #bits: Int32Array;
  readonly #mask: number;
  #keysLeft: number;

  constructor(keysMax: number) {
    this.#keysLeft = Math.max(keysMax, keysMin);
    const bits = 2 ** Math.ceil(Math.log2(this.#keysLeft * bitsPerKey));
    this.#bits = new Int32Array(bits / 32);
    this.#mask = bits - 1;
  }

  get memoryBytes(): number {
    return this.#bits.byteLength;
  }

  get isFull(): boolean {
    return this.#keysLeft <= 0;
  }

  has(hash: number): boolean {
    const step = stepOf(hash);
    for (let mark = 0; mark < marks; mark += 1) {
      const bit = (hash + Math.imul(step, mark)) & this.#mask;
      if ((this.#bits[bit >>> 5]! & (1 << (bit & 31))) === 0) return false;
    }
    return true;
  }

  add(hash: number): void {
    const step = stepOf(hash);
    for (let mark = 0; mark < marks; mark += 1) {
      const bit = (hash + Math.imul(step, mark)) & this.#mask;
      this.#bits[bit >>> 5] = this.#bits[bit >>> 5]! | (1 << (bit & 31));
    }
    this.#keysLeft -= 1;
  }
}

function stepOf(hash: number): number {
  const step = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return (step ^ (step >>> 12)) | 1;
}
