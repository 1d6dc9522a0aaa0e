/**
 * Finds rows by a hash: chains through the rows' own link word. The number of chains grows by linear hashing
 * (Litwin, VLDB 1980): each row added splits at most one chain, so no insertion ever waits for a rehash of
 * the whole. About 4 bytes per row beside the rows.
 */
import { linkWord, noRow, type Rows } from './rows.ts';

const chunkShift = 16;
const chunkChains = 1 << chunkShift;
const chunkMask = chunkChains - 1;
const chainsAtFirst = 1024;
const bytesPerChain = 4;
/** In one call. */
const splitMax = 1 << 16;
const rebuiltFactor = 2;
/** Rows that are put into new chains in one call: some ten milliseconds. */
const rebuiltMax = 1 << 16;

export class RowIndex {
  readonly #rows: Rows;
  readonly #hashOf: (row: number) => number;
  readonly #heads: Int32Array[] = [];
  /** Chains that there are, between `#base` (a power of two) and twice that. */
  #chains = 0;
  #base = chainsAtFirst;
  #count = 0;

  /** `hashOf` gives 32 well mixed bits of a row that is in, always the same. */
  constructor(rows: Rows, hashOf: (row: number) => number) {
    this.#rows = rows;
    this.#hashOf = hashOf;
    while (this.#chains < chainsAtFirst) this.#addChain();
  }

  get allocatedBytes(): number {
    return this.#heads.length * chunkChains * bytesPerChain;
  }

  /** The first row that may have this hash; the others follow by `linkWord`, up to `noRow`. */
  first(hash: number): number {
    return this.#head(this.#chainOf(hash));
  }

  add(row: number, hash: number): void {
    const chain = this.#chainOf(hash);
    this.#rows.set(row, linkWord, this.#head(chain));
    this.#setHead(chain, row);
    this.#count += 1;
    if (this.#count > this.#chains) this.#split();
  }

  /**
   * There will be so many rows: where there are few so far, all chains are made anew at once, so that none
   * has to be split later; else some of them are split, in two or three milliseconds.
   */
  reserve(rows: number): void {
    if (rows > this.#chains * rebuiltFactor && this.#count <= rebuiltMax) this.#rebuild(rows);
    const end = Math.min(rows, this.#chains + splitMax);
    while (this.#chains < end) this.#split();
  }

  /** The row must be in. */
  remove(row: number, hash: number): void {
    const rows = this.#rows;
    const chain = this.#chainOf(hash);
    const next = rows.get(row, linkWord);
    let before = this.#head(chain);
    if (before === row) {
      this.#setHead(chain, next);
    } else {
      while (rows.get(before, linkWord) !== row) before = rows.get(before, linkWord);
      rows.set(before, linkWord, next);
    }
    this.#count -= 1;
  }

  #chainOf(hash: number): number {
    const chain = hash & (this.#base * 2 - 1);
    return chain < this.#chains ? chain : hash & (this.#base - 1);
  }

  #head(chain: number): number {
    return this.#heads[chain >>> chunkShift]![chain & chunkMask]!;
  }

  #setHead(chain: number, row: number): void {
    this.#heads[chain >>> chunkShift]![chain & chunkMask] = row;
  }

  #addChain(): void {
    if ((this.#chains & chunkMask) === 0) this.#heads.push(new Int32Array(chunkChains).fill(noRow));
    this.#chains += 1;
  }

  #rebuild(chains: number): void {
    const before = this.#heads.splice(0);
    while (this.#heads.length * chunkChains < chains) {
      this.#heads.push(new Int32Array(chunkChains).fill(noRow));
    }
    this.#chains = chains;
    this.#base = 2 ** Math.floor(Math.log2(chains));
    const rows = this.#rows;
    for (const heads of before) {
      for (let row of heads) {
        while (row !== noRow) {
          const next = rows.get(row, linkWord);
          const chain = this.#chainOf(this.#hashOf(row));
          rows.set(row, linkWord, this.#head(chain));
          this.#setHead(chain, row);
          row = next;
        }
      }
    }
  }

  /** One chain becomes two: its rows part by the next bit of their hash. */
  #split(): void {
    const rows = this.#rows;
    const from = this.#chains - this.#base;
    const bit = this.#base;
    let row = this.#head(from);
    let stay = noRow;
    let go = noRow;
    while (row !== noRow) {
      const next = rows.get(row, linkWord);
      if ((this.#hashOf(row) & bit) === 0) {
        rows.set(row, linkWord, stay);
        stay = row;
      } else {
        rows.set(row, linkWord, go);
        go = row;
      }
      row = next;
    }
    this.#addChain();
    this.#setHead(from, stay);
    this.#setHead(this.#chains - 1, go);
    if (this.#chains === this.#base * 2) this.#base *= 2;
  }
}
