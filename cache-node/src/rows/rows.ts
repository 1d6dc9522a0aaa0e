/**
 * Rows of 32-bit words, a number per row and no object: a table of ten million rows costs its words and
 * nothing else, and the garbage collector never walks it. Rows lie whole beside each other, so that one row
 * is one or two cache lines; they come in chunks, so that growing copies nothing. A freed row is the next to
 * be taken. Memory is not given back: a cache fills its budget again.
 */

/** No row. */
export const noRow = -1;

/**
 * The first word of a row belongs to whoever owns the row: a link to a row, or `noRow`. In a free row it
 * links to the next free one, as a number below `noRow`.
 */
export const linkWord = 0;

const chunkShift = 16;
const chunkRows = 1 << chunkShift;
const chunkMask = chunkRows - 1;
const bytesPerWord = 4;
const rowsMax = 2 ** 31 - 8;
/** A free row holds `freeBase - next`, where the last free row's next is `noRow`. */
const freeBase = -3;

export class Rows {
  readonly #words: number;
  readonly #chunks: Int32Array[] = [];
  #end = 0;
  #free = noRow;
  #count = 0;

  constructor(wordsPerRow: number) {
    this.#words = wordsPerRow;
  }

  /** Rows in use. */
  get count(): number {
    return this.#count;
  }

  /** One more than the highest row that was ever in use. */
  get end(): number {
    return this.#end;
  }

  get allocatedBytes(): number {
    return this.#chunks.length * chunkRows * this.#words * bytesPerWord;
  }

  /** A row whose words may hold anything: the caller writes them all. */
  take(): number {
    this.#count += 1;
    const freed = this.#free;
    if (freed !== noRow) {
      this.#free = freeBase - this.get(freed, linkWord);
      this.set(freed, linkWord, noRow);
      return freed;
    }
    if (this.#end >= rowsMax) throw new RangeError(`more than ${rowsMax} rows`);
    if ((this.#end & chunkMask) === 0) this.#chunks.push(new Int32Array(chunkRows * this.#words));
    this.set(this.#end, linkWord, noRow);
    this.#end += 1;
    return this.#end - 1;
  }

  release(row: number): void {
    this.set(row, linkWord, freeBase - this.#free);
    this.#free = row;
    this.#count -= 1;
  }

  /** Whether this row is in use; also for numbers that never were a row. */
  isUsed(row: number): boolean {
    return row >= 0 && row < this.#end && this.get(row, linkWord) >= noRow;
  }

  get(row: number, word: number): number {
    return this.#chunks[row >>> chunkShift]![(row & chunkMask) * this.#words + word]!;
  }

  set(row: number, word: number, value: number): void {
    this.#chunks[row >>> chunkShift]![(row & chunkMask) * this.#words + word] = value;
  }
}
