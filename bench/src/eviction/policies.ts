/**
 * The eviction policies that were compared, over rows of one kind: the product's own S3-FIFO, with its fresh
 * rows and without, SIEVE, and LRU as the yardstick.
 */
import { type QueueWords, S3FifoQueue } from '../../../cache-node/src/eviction/s3-fifo-queue.ts';
import { RowList } from '../../../cache-node/src/rows/row-list.ts';
import { noRow, Rows } from '../../../cache-node/src/rows/rows.ts';

const keyWord = 1;
const words: QueueWords = { newer: 2, older: 3, state: 4 };
const wordsPerRow = 5;

export abstract class Policy {
  protected readonly rows = new Rows(wordsPerRow);

  /** A new row for a key that is not in. */
  insert(key: number): number {
    const row = this.rows.take();
    this.rows.set(row, keyWord, key);
    this.rows.set(row, words.state, 0);
    this.admit(row, key);
    return row;
  }

  /** Takes out the next to go and returns its key. */
  evict(): number {
    const row = this.victim();
    const key = this.rows.get(row, keyWord);
    this.leave(row, key);
    this.rows.release(row);
    return key;
  }

  /** A hit. */
  abstract touch(row: number): void;
  protected abstract admit(row: number, key: number): void;
  protected abstract victim(): number;
  protected abstract leave(row: number, key: number): void;
}

class Lru extends Policy {
  readonly #list = new RowList(this.rows, words);

  touch(row: number): void {
    this.#list.remove(row);
    this.#list.push(row);
  }

  protected admit(row: number): void {
    this.#list.push(row);
  }

  protected victim(): number {
    return this.#list.oldest;
  }

  protected leave(row: number): void {
    this.#list.remove(row);
  }
}

/** SIEVE (Zhang et al., NSDI 2024): a hand goes round and spares once what was used since it came by. */
class Sieve extends Policy {
  readonly #list = new RowList(this.rows, words);
  #hand = noRow;

  touch(row: number): void {
    this.rows.set(row, words.state, 1);
  }

  protected admit(row: number): void {
    this.#list.push(row);
  }

  protected victim(): number {
    let row = this.#hand === noRow ? this.#list.oldest : this.#hand;
    while (this.rows.get(row, words.state) === 1) {
      this.rows.set(row, words.state, 0);
      row = this.#list.newerThan(row);
      if (row === noRow) row = this.#list.oldest;
    }
    return row;
  }

  protected leave(row: number): void {
    this.#hand = this.#list.newerThan(row);
    this.#list.remove(row);
  }
}

class S3Fifo extends Policy {
  readonly #queue: S3FifoQueue;

  constructor(options?: { freshShare: number; freshMin: number }) {
    super();
    this.#queue = new S3FifoQueue(this.rows, words, options);
  }

  touch(row: number): void {
    this.#queue.touch(row);
  }

  protected admit(row: number, key: number): void {
    this.#queue.insert(row, hashOf(key));
  }

  protected victim(): number {
    return this.#queue.victim();
  }

  protected leave(row: number, key: number): void {
    this.#queue.drop(row, hashOf(key));
  }
}

function hashOf(key: number): number {
  const hash = Math.imul(key ^ (key >>> 16), 0x85ebca6b);
  return Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35) ^ (hash >>> 16);
}

export const policies: Readonly<Record<string, () => Policy>> = {
  LRU: () => new Lru(),
  SIEVE: () => new Sieve(),
  'S3-FIFO': () => new S3Fifo({ freshShare: 0, freshMin: 0 }),
  'S3-FIFO with fresh rows': () => new S3Fifo(),
};
