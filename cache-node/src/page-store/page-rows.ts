/**
 * One row per page that is stored: which it is, where its bytes lie, and its place in its eviction queue. 44
 * bytes, and about 4 more in the index that finds it.
 */

import { isHotState, type QueueWords, queueStateBits } from '../eviction/s3-fifo-queue.ts';
import { RowIndex } from '../rows/row-index.ts';
import { linkWord, noRow, Rows } from '../rows/rows.ts';

/** Where the bytes of a page lie. */
export interface PagePlace {
  /** 0 to `directoriesMax - 1`. */
  readonly directory: number;
  /** Number of the pack file; `ownFile` where the page has a file of its own. */
  readonly pack: number;
  /** Of its record in the pack, in bytes. */
  readonly offset: number;
  /** Of the page itself. */
  readonly lengthBytes: number;
  /** CRC32 of a packed page. */
  readonly checksum: number;
  /** What the page takes of the directory's budget: its length and up to 16,383 bytes more. */
  readonly storedBytes: number;
}

export const ownFile = -1;

const setWord = 1;
const indexWord = 2;
export const queueWords: QueueWords = { newer: 3, older: 4, state: 5 };
const lengthWord = 6;
const packWord = 7;
const offsetWord = 8;
const checksumWord = 9;
const filledAtWord = 10;
const wordsPerRow = 11;

/** The state word: the queue's bits, one for strays, the number of the list, bytes beyond the length. */
const strayBit = 1 << queueStateBits;
const listShift = queueStateBits + 1;
const listBits = 13;
export const listsMax = 1 << listBits;
const listMask = (listsMax - 1) << listShift;
const overheadShift = listShift + listBits;
const overheadMax = (1 << (32 - overheadShift)) - 1;

const lengthBits = 25;
const lengthMax = (1 << lengthBits) - 1;
export const directoriesMax = 1 << (32 - lengthBits);
const pageIndexMax = 2 ** 31 - 2;

export class PageRows extends Rows {
  readonly #index: RowIndex;

  constructor() {
    super(wordsPerRow);
    this.#index = new RowIndex(this, (row) => keyHash(this.setRowOf(row), this.get(row, indexWord)));
  }

  override get allocatedBytes(): number {
    return super.allocatedBytes + this.#index.allocatedBytes;
  }

  find(setRow: number, index: number): number {
    let row = this.#index.first(keyHash(setRow, index));
    while (row !== noRow) {
      if (this.get(row, indexWord) === index && this.get(row, setWord) === setRow) return row;
      row = this.get(row, linkWord);
    }
    return noRow;
  }

  /** Adds a page that is not in, into no list yet. */
  addPage(setRow: number, index: number, place: PagePlace, filledAtSeconds: number): number {
    const row = this.take();
    this.set(row, setWord, setRow);
    this.set(row, indexWord, index);
    this.set(row, queueWords.state, 0);
    this.set(row, filledAtWord, filledAtSeconds);
    this.place(row, place);
    this.#index.add(row, keyHash(setRow, index));
    return row;
  }

  /** There will be so many pages: see `RowIndex.reserve`. */
  reserve(pages: number): void {
    this.#index.reserve(pages);
  }

  removePage(row: number): void {
    this.#index.remove(row, keyHash(this.setRowOf(row), this.get(row, indexWord)));
    this.release(row);
  }

  /** Its bytes lie elsewhere from now on. */
  place(row: number, place: PagePlace): void {
    const overhead = place.storedBytes - place.lengthBytes;
    const state = this.get(row, queueWords.state) & ((1 << overheadShift) - 1);
    this.set(row, queueWords.state, state | (overhead << overheadShift));
    this.set(row, lengthWord, place.lengthBytes | (place.directory << lengthBits));
    this.set(row, packWord, place.pack);
    this.set(row, offsetWord, place.offset);
    this.set(row, checksumWord, place.checksum);
  }

  setRowOf(row: number): number {
    return this.get(row, setWord);
  }

  indexOf(row: number): number {
    return this.get(row, indexWord);
  }

  lengthOf(row: number): number {
    return this.get(row, lengthWord) & lengthMax;
  }

  directoryOf(row: number): number {
    return this.get(row, lengthWord) >>> lengthBits;
  }

  storedBytesOf(row: number): number {
    return this.lengthOf(row) + (this.get(row, queueWords.state) >>> overheadShift);
  }

  packOf(row: number): number {
    return this.get(row, packWord);
  }

  offsetOf(row: number): number {
    return this.get(row, offsetWord) >>> 0;
  }

  checksumOf(row: number): number {
    return this.get(row, checksumWord) >>> 0;
  }

  filledAtOf(row: number): number {
    return this.get(row, filledAtWord) >>> 0;
  }

  /** Whether it was asked for again since it came. */
  isHot(row: number): boolean {
    return isHotState(this.get(row, queueWords.state));
  }

  /** Number of the list that the page is in. */
  listOf(row: number): number {
    return (this.get(row, queueWords.state) & listMask) >>> listShift;
  }

  setList(row: number, list: number): void {
    const others = this.get(row, queueWords.state) & ~listMask;
    this.set(row, queueWords.state, others | (list << listShift));
  }

  /** Whether the page changed its list while its directory was walked. */
  isStray(row: number): boolean {
    return (this.get(row, queueWords.state) & strayBit) !== 0;
  }

  setStray(row: number, isStray: boolean): void {
    const others = this.get(row, queueWords.state) & ~strayBit;
    this.set(row, queueWords.state, isStray ? others | strayBit : others);
  }
}

/** Whether a row can hold this place: what comes from a disk may say anything. */
export function isPlace(place: PagePlace): boolean {
  const overhead = place.storedBytes - place.lengthBytes;
  return (
    isBetween(place.directory, 0, directoriesMax - 1) &&
    isBetween(place.pack, ownFile, 2 ** 31 - 1) &&
    isBetween(place.offset, 0, 2 ** 32 - 1) &&
    isBetween(place.lengthBytes, 0, lengthMax) &&
    isBetween(place.checksum, 0, 2 ** 32 - 1) &&
    isBetween(overhead, 0, overheadMax)
  );
}

export function isPageIndex(index: number): boolean {
  return isBetween(index, 0, pageIndexMax);
}

function isBetween(value: number, min: number, max: number): boolean {
  return Number.isInteger(value) && value >= min && value <= max;
}

/** Rows and indexes count up by one: every bit of both must reach every bit of the hash (Murmur3's end). */
export function keyHash(set: number, index: number): number {
  let hash = Math.imul(set + 1, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca77);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
