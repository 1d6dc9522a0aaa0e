/**
 * SIEVE eviction (Zhang et al., NSDI 2024) over rows: a hit only sets a bit; the hand walks from old to new,
 * spares what was visited since it last passed, and names the rest. Nothing moves on a hit, so the queue
 * keeps the order of arrival.
 *
 * References soon after arrival do not count: a scan that reads a page in sixteen ranges right after its
 * fill has used it once. The newest rows of the queue, a small share of it, are *fresh*, and a fresh row's
 * hits are not noted. Soon is measured in arrivals, not in time, so that a slow scan is no better off.
 */
import { noRow, type Rows } from '../rows/rows.ts';

const visitedBit = 1;
const freshBit = 2;
/** The bits of the state word that are the queue's; the others are left alone. */
export const queueStateBits = 4;

/** The newest 1/64 of a queue is fresh, but for short queues, where read-ahead alone is more than that. */
const freshShift = 6;
const freshMin = 16;
/** No more than an eighth, however short. */
const freshShiftMin = 3;

/** The hand spares no more rows than this at once: a pause of a millisecond, where all rows are hot. */
const sparedMax = 4096;

/** Where in a row the queue keeps its two links and its bits. */
export interface QueueWords {
  readonly newer: number;
  readonly older: number;
  readonly state: number;
}

export class SieveQueue {
  readonly #rows: Rows;
  readonly #words: QueueWords;
  #newest = noRow;
  #oldest = noRow;
  #hand = noRow;
  /** The oldest fresh row. */
  #freshEnd = noRow;
  #freshCount = 0;
  #count = 0;
  #laps = 0;
  /** A walk from old to new, kept right while rows leave; `noRow` at its end. */
  #cursor = noRow;

  constructor(rows: Rows, words: QueueWords) {
    this.#rows = rows;
    this.#words = words;
  }

  get count(): number {
    return this.#count;
  }

  /** How often the hand went round. Queues whose laps are equal are under equal pressure. */
  get laps(): number {
    return this.#laps;
  }

  set laps(laps: number) {
    this.#laps = laps;
  }

  /** Takes a row in, as the newest. */
  insert(row: number): void {
    const { newer, older } = this.#words;
    const rows = this.#rows;
    rows.set(row, newer, noRow);
    rows.set(row, older, this.#newest);
    if (this.#newest === noRow) this.#oldest = row;
    else rows.set(this.#newest, newer, row);
    this.#newest = row;
    this.#count += 1;
    this.#setBits(row, freshBit);
    if (this.#freshEnd === noRow) this.#freshEnd = row;
    this.#freshCount += 1;
    this.#ageFresh();
  }

  /** Takes a row out. It must be in. */
  remove(row: number): void {
    const words = this.#words;
    const rows = this.#rows;
    const newer = rows.get(row, words.newer);
    const older = rows.get(row, words.older);
    if (this.#hand === row) {
      this.#hand = newer;
      this.#laps += 1 / this.#count;
    }
    if (this.#cursor === row) this.#cursor = newer;
    if (this.#freshEnd === row) this.#freshEnd = newer;
    if (this.isFresh(row)) this.#freshCount -= 1;
    if (newer === noRow) this.#newest = older;
    else rows.set(newer, words.older, older);
    if (older === noRow) this.#oldest = newer;
    else rows.set(older, words.newer, newer);
    this.#count -= 1;
  }

  /** A hit. */
  touch(row: number): void {
    const { state } = this.#words;
    const bits = this.#rows.get(row, state);
    if ((bits & (visitedBit | freshBit)) === 0) this.#rows.set(row, state, bits | visitedBit);
  }

  /** Notes that the row is in use, fresh or not. */
  markVisited(row: number): void {
    const { state } = this.#words;
    this.#rows.set(row, state, this.#rows.get(row, state) | visitedBit);
  }

  isVisited(row: number): boolean {
    return (this.#rows.get(row, this.#words.state) & visitedBit) !== 0;
  }

  isFresh(row: number): boolean {
    return (this.#rows.get(row, this.#words.state) & freshBit) !== 0;
  }

  /** The next to go, still in; `noRow` when empty. The same again until it is touched or taken out. */
  victim(): number {
    if (this.#count === 0) return noRow;
    const { newer, state } = this.#words;
    const rows = this.#rows;
    let row = this.#hand === noRow ? this.#oldest : this.#hand;
    let spared = 0;
    while ((rows.get(row, state) & visitedBit) !== 0 && spared < sparedMax) {
      rows.set(row, state, rows.get(row, state) & ~visitedBit);
      row = rows.get(row, newer);
      if (row === noRow) row = this.#oldest;
      spared += 1;
    }
    this.#laps += spared / this.#count;
    this.#hand = row;
    return row;
  }

  /** The row at which the hand stands; `noRow` before its first round. */
  get hand(): number {
    return this.#hand;
  }

  set hand(row: number) {
    this.#hand = row;
  }

  /** Begins a walk over all rows from the oldest on; one at a time. */
  rewind(): void {
    this.#cursor = this.#oldest;
  }

  /** The next row of the walk, `noRow` at its end. Rows may come and go between two steps. */
  step(): number {
    const row = this.#cursor;
    if (row !== noRow) this.#cursor = this.#rows.get(row, this.#words.newer);
    return row;
  }

  #ageFresh(): void {
    const { newer, state } = this.#words;
    const max = Math.min(Math.max(this.#count >>> freshShift, freshMin), this.#count >>> freshShiftMin);
    while (this.#freshCount > max) {
      const row = this.#freshEnd;
      this.#rows.set(row, state, this.#rows.get(row, state) & ~freshBit);
      this.#freshEnd = this.#rows.get(row, newer);
      this.#freshCount -= 1;
    }
  }

  #setBits(row: number, bits: number): void {
    const { state } = this.#words;
    this.#rows.set(row, state, (this.#rows.get(row, state) & ~(visitedBit | freshBit)) | bits);
  }
}
