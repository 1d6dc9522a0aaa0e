/**
 * One row per page set (one version of one object at one page size) that has pages stored: its whole 128-bit
 * identity, so that two sets are never taken for one, and what its pages have in common. 36 bytes, and about
 * 4 more in the index that finds it.
 */
import type { PageSetId } from '@forebay/core/page';
import { RowIndex } from '../rows/row-index.ts';
import { linkWord, noRow, Rows } from '../rows/rows.ts';

const idWord = 1;
export const idWords = 4;
const groupWord = 5;
const pagesWord = 6;
const indexEndWord = 7;
const ttlWord = 8;
const wordsPerRow = 9;

/** The four words of a set's identity, at some place. */
export type SetWords = Int32Array;

export class SetRows extends Rows {
  readonly #index: RowIndex;
  #withTtl = 0;

  constructor() {
    super(wordsPerRow);
    // Ids are digests: any word of them is mixed as well as can be.
    this.#index = new RowIndex(this, (row) => this.get(row, idWord));
  }

  override get allocatedBytes(): number {
    return super.allocatedBytes + this.#index.allocatedBytes;
  }

  /** Sets whose pages expire. */
  get withTtl(): number {
    return this.#withTtl;
  }

  /** There will be so many sets: see `RowIndex.reserve`. */
  reserve(sets: number): void {
    this.#index.reserve(sets);
  }

  /** The words of the id begin at `at`. */
  find(id: SetWords, at = 0): number {
    let row = this.#index.first(id[at]!);
    while (row !== noRow && !this.#is(row, id, at)) row = this.get(row, linkWord);
    return row;
  }

  addSet(id: SetWords, group: number, ttlSeconds: number, at = 0): number {
    const row = this.take();
    for (let word = 0; word < idWords; word += 1) this.set(row, idWord + word, id[at + word]!);
    this.set(row, groupWord, group);
    this.set(row, pagesWord, 0);
    this.set(row, indexEndWord, 0);
    this.set(row, ttlWord, 0);
    this.setTtl(row, ttlSeconds);
    this.#index.add(row, id[at]!);
    return row;
  }

  removeSet(row: number): void {
    this.setTtl(row, 0);
    this.#index.remove(row, this.get(row, idWord));
    this.release(row);
  }

  idOf(row: number, into: SetWords): SetWords {
    for (let word = 0; word < idWords; word += 1) into[word] = this.get(row, idWord + word);
    return into;
  }

  /** 32 bits of the id. */
  mixOf(row: number): number {
    return this.get(row, idWord + 1);
  }

  groupOf(row: number): number {
    return this.get(row, groupWord);
  }

  setGroup(row: number, group: number): void {
    this.set(row, groupWord, group);
  }

  pageCountOf(row: number): number {
    return this.get(row, pagesWord);
  }

  countPage(row: number, index: number): void {
    this.set(row, pagesWord, this.get(row, pagesWord) + 1);
    if (index >= this.indexEndOf(row)) this.set(row, indexEndWord, index + 1);
  }

  /** Pages that are left. */
  uncountPage(row: number): number {
    const left = this.get(row, pagesWord) - 1;
    this.set(row, pagesWord, left);
    return left;
  }

  /** One more than the highest index that a page of the set ever had. */
  indexEndOf(row: number): number {
    return this.get(row, indexEndWord);
  }

  /** Seconds after its fill that a page of the set is dropped; 0: never. */
  ttlOf(row: number): number {
    return this.get(row, ttlWord) >>> 0;
  }

  setTtl(row: number, ttlSeconds: number): void {
    this.#withTtl += (ttlSeconds > 0 ? 1 : 0) - (this.get(row, ttlWord) !== 0 ? 1 : 0);
    this.set(row, ttlWord, ttlSeconds);
  }

  #is(row: number, id: SetWords, at: number): boolean {
    return (
      this.get(row, idWord) === id[at] &&
      this.get(row, idWord + 1) === id[at + 1] &&
      this.get(row, idWord + 2) === id[at + 2] &&
      this.get(row, idWord + 3) === id[at + 3]
    );
  }
}

/** Value of each hex digit by its code; others count as 0. */
const digits = new Uint8Array(128);
for (let digit = 0; digit < 16; digit += 1) digits[digit.toString(16).charCodeAt(0)] = digit;

export function parseSetId(set: PageSetId, into: SetWords): SetWords {
  for (let word = 0; word < idWords; word += 1) {
    let value = 0;
    for (let at = word * 8; at < word * 8 + 8; at += 1)
      value = (value << 4) | digits[set.charCodeAt(at) & 127]!;
    into[word] = value;
  }
  return into;
}

const idBytes = Buffer.alloc(idWords * 4);

export function formatSetId(words: SetWords): PageSetId {
  for (let word = 0; word < idWords; word += 1) idBytes.writeInt32BE(words[word]!, word * 4);
  return idBytes.toString('hex');
}
