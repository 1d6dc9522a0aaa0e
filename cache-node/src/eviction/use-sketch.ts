/**
 * How often pages were asked for that are not stored, in fixed memory: a count-min sketch of 4-bit counters
 * (Cormode and Muthukrishnan, 2005) that forgets by halving, as TinyLFU does (Einziger et al., 2017). It may
 * count too much, when all counters of a page are shared, never too little between two halvings.
 */
import type { PageId } from '@forebay/core/page';

/** Counters are 4 bits. */
export const usesMax = 15;

const rows = 4;
const countersPerWord = 8;
/** Halved after so many uses per word: with eight counters a word and four marks a use, counters stay low. */
const usesPerWord = 4;
const halfMask = 0x7777_7777;

export class UseSketch {
  readonly #words: Int32Array;
  readonly #mask: number;
  #usesLeft: number;

  /** Tells about as many pages apart as there are bytes; a power of two, at least 1 KiB. */
  constructor(options: { readonly memoryBytes: number }) {
    const words = 2 ** Math.floor(Math.log2(Math.max(options.memoryBytes, 1024) / 4));
    this.#words = new Int32Array(words);
    this.#mask = words - 1;
    this.#usesLeft = words * usesPerWord;
  }

  get memoryBytes(): number {
    return this.#words.byteLength;
  }

  /** Counts a use of the page. Returns its uses so far, this one included, up to `usesMax`. */
  use(page: PageId): number {
    const first = idBits(page.set, 0) ^ Math.imul(page.index + 1, 0x9e3779b1);
    const second = (idBits(page.set, 8) ^ Math.imul(page.index + 1, 0x85ebca77)) | 1;
    let least = usesMax;
    for (let row = 0; row < rows; row += 1) least = Math.min(least, this.#count(first, second, row));
    // Only the least are raised: fewer marks of others are taken for this page's.
    if (least < usesMax) {
      for (let row = 0; row < rows; row += 1) {
        if (this.#count(first, second, row) === least) this.#raise(first, second, row);
      }
    }
    this.#usesLeft -= 1;
    if (this.#usesLeft === 0) this.#halve();
    return Math.min(least + 1, usesMax);
  }

  #count(first: number, second: number, row: number): number {
    const hash = rowHash(first, second, row);
    return (this.#words[(hash >>> 3) & this.#mask]! >>> shiftOf(hash)) & usesMax;
  }

  #raise(first: number, second: number, row: number): void {
    const hash = rowHash(first, second, row);
    const word = (hash >>> 3) & this.#mask;
    this.#words[word] = this.#words[word]! + (1 << shiftOf(hash));
  }

  #halve(): void {
    const words = this.#words;
    for (let word = 0; word < words.length; word += 1) words[word] = (words[word]! >>> 1) & halfMask;
    this.#usesLeft = words.length * usesPerWord;
  }
}

function shiftOf(hash: number): number {
  return (hash & (countersPerWord - 1)) * 4;
}

function rowHash(first: number, second: number, row: number): number {
  let hash = first + Math.imul(second, row);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

/** Eight hex digits of a set's id as bits; ids are digests. */
function idBits(set: string, from: number): number {
  return Number.parseInt(set.slice(from, from + 8), 16) | 0;
}
