/** Rows in an order, old to new, linked through two words of their own. */
import { noRow, type Rows } from './rows.ts';

/** The words of a row that hold its links. */
export interface LinkWords {
  readonly newer: number;
  readonly older: number;
}

export class RowList {
  readonly #rows: Rows;
  readonly #words: LinkWords;
  #oldest = noRow;
  #newest = noRow;
  #count = 0;

  constructor(rows: Rows, words: LinkWords) {
    this.#rows = rows;
    this.#words = words;
  }

  get count(): number {
    return this.#count;
  }

  /** `noRow` where there is none. */
  get oldest(): number {
    return this.#oldest;
  }

  newerThan(row: number): number {
    return this.#rows.get(row, this.#words.newer);
  }

  /** Takes a row in, as the newest. */
  push(row: number): void {
    const { newer, older } = this.#words;
    this.#rows.set(row, newer, noRow);
    this.#rows.set(row, older, this.#newest);
    if (this.#newest === noRow) this.#oldest = row;
    else this.#rows.set(this.#newest, newer, row);
    this.#newest = row;
    this.#count += 1;
  }

  /** Takes a row out. It must be in. */
  remove(row: number): void {
    const words = this.#words;
    const newer = this.#rows.get(row, words.newer);
    const older = this.#rows.get(row, words.older);
    if (newer === noRow) this.#newest = older;
    else this.#rows.set(newer, words.older, older);
    if (older === noRow) this.#oldest = newer;
    else this.#rows.set(older, words.newer, newer);
    this.#count -= 1;
  }
}
