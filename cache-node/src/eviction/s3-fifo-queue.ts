/**
 * S3-FIFO eviction (Yang et al., SOSP 2023) over rows. What is new goes into a small queue, a tenth of all;
 * what was used twice by the time it reaches its end goes on to the main queue, the rest leaves and is
 * remembered as a ghost. A ghost that comes back goes to the main queue at once. There, what was used since
 * it last came by goes round again. A hit counts up to three in the row and moves nothing.
 *
 * References soon after arrival do not count: a scan that reads a page in sixteen ranges right after its
 * fill has used it once. The newest twentieth of all, half of the small queue, is *fresh*, and a fresh row's
 * hits are not noted.
 * Soon is measured in arrivals, not in time, so that a slow scan is no better off.
 */
import { type LinkWords, RowList } from '../rows/row-list.ts';
import { noRow, type Rows } from '../rows/rows.ts';
import { Ghosts } from './ghosts.ts';

/** Hits that are noted, the two lowest bits. */
const usesMax = 3;
const mainBit = 4;
const freshBit = 8;
const ownBits = usesMax | mainBit | freshBit;
/** The bits of the state word that are the queue's; the others are left alone. */
export const queueStateBits = 4;

/** The small queue is one part in so many. */
const smallParts = 10;
const freshShareDefault = 0.5 / smallParts;
/** In a short queue, read-ahead alone is more than that. */
const freshMinDefault = 16;
const usesToStay = 2;

/** A victim spares no more rows than this: a pause of a millisecond, where all rows are hot. */
const sparedMax = 4096;

/** Whether a row was used again since it came, by its state word. */
export function isHotState(state: number): boolean {
  return (state & (usesMax | mainBit)) !== 0;
}

/** Where in a row the queue keeps its links and its bits. */
export interface QueueWords extends LinkWords {
  readonly state: number;
}

/** What the queue knows of a row: kept over restarts. */
export interface QueueStanding {
  readonly isMain: boolean;
  /** 0 to 3. */
  readonly uses: number;
}

export class S3FifoQueue {
  readonly #rows: Rows;
  readonly #state: number;
  readonly #small: RowList;
  readonly #main: RowList;
  readonly #ghosts = new Ghosts();
  readonly #freshShare: number;
  readonly #freshMin: number;
  /** The oldest fresh row. */
  #freshEnd = noRow;
  #freshCount = 0;
  /** Rounds that victims have made, see `laps`. */
  #laps = 0;
  /** A walk over the small queue and then the main one, kept right while rows come and go. */
  #cursor = noRow;
  #isCursorInMain = true;

  /** `freshShare` of the whole is fresh, but no fewer than `freshMin` rows. */
  constructor(rows: Rows, words: QueueWords, options: { freshShare?: number; freshMin?: number } = {}) {
    const { freshShare = freshShareDefault, freshMin = freshMinDefault } = options;
    this.#rows = rows;
    this.#state = words.state;
    this.#small = new RowList(rows, words);
    this.#main = new RowList(rows, words);
    this.#freshShare = freshShare;
    this.#freshMin = freshMin;
  }

  get count(): number {
    return this.#small.count + this.#main.count;
  }

  get memoryBytes(): number {
    return this.#ghosts.memoryBytes;
  }

  /**
   * Rows that were looked at for victims, in parts of the queue's length. Queues whose laps are equal were
   * under equal pressure.
   */
  get laps(): number {
    return this.#laps;
  }

  set laps(laps: number) {
    this.#laps = laps;
  }

  /** Takes a row in as the newest. `hash`: 32 bits that are the same whenever its key comes again. */
  insert(row: number, hash: number): void {
    this.restore(row, { isMain: this.#ghosts.has(hash), uses: 0 });
  }

  /** Takes a row in as the newest, with what is known of it. */
  restore(row: number, { isMain, uses }: QueueStanding): void {
    const others = this.#rows.get(row, this.#state) & ~ownBits;
    this.#rows.set(row, this.#state, others | uses | (isMain ? mainBit : freshBit));
    if (isMain) {
      this.#main.push(row);
      return;
    }
    this.#small.push(row);
    if (this.#freshEnd === noRow) this.#freshEnd = row;
    this.#freshCount += 1;
    this.#ageFresh();
  }

  /** Takes a row out. It must be in. Returns what is known of it. */
  remove(row: number): QueueStanding {
    const bits = this.#rows.get(row, this.#state);
    const isMain = (bits & mainBit) !== 0;
    const list = isMain ? this.#main : this.#small;
    if (this.#cursor === row) this.#cursor = list.newerThan(row);
    if (this.#freshEnd === row) this.#freshEnd = list.newerThan(row);
    if ((bits & freshBit) !== 0) this.#freshCount -= 1;
    list.remove(row);
    return { isMain, uses: bits & usesMax };
  }

  /** Takes a row out for good; where it was not in the main queue, it is remembered. */
  drop(row: number, hash: number): void {
    this.#laps += 1 / this.count;
    const { isMain } = this.remove(row);
    if (!isMain) this.#ghosts.add(hash, this.count / 2);
  }

  /** A hit. */
  touch(row: number): void {
    const bits = this.#rows.get(row, this.#state);
    if ((bits & freshBit) === 0 && (bits & usesMax) < usesMax) this.#rows.set(row, this.#state, bits + 1);
  }

  standingOf(row: number): QueueStanding & { readonly isFresh: boolean } {
    const bits = this.#rows.get(row, this.#state);
    return { isMain: (bits & mainBit) !== 0, uses: bits & usesMax, isFresh: (bits & freshBit) !== 0 };
  }

  /** The next to go, still in; `noRow` when empty. The same again until something changes. */
  victim(): number {
    for (let spared = 0; ; spared += 1) {
      const isFromSmall = this.#small.count * smallParts >= this.count || this.#main.count === 0;
      const row = isFromSmall ? this.#small.oldest : this.#main.oldest;
      if (row === noRow || spared === sparedMax) return row;
      const uses = this.#rows.get(row, this.#state) & usesMax;
      if (uses < (isFromSmall ? usesToStay : 1)) return row;
      this.#laps += 1 / this.count;
      this.remove(row);
      this.restore(row, { isMain: true, uses: isFromSmall ? 0 : uses - 1 });
    }
  }

  /** Begins a walk over all rows from the oldest on, the small queue first; one at a time. */
  rewind(): void {
    this.#cursor = this.#small.oldest;
    this.#isCursorInMain = false;
  }

  /** The next row of the walk, `noRow` at its end. Rows may come and go between two steps. */
  step(): number {
    if (this.#cursor === noRow && !this.#isCursorInMain) {
      this.#cursor = this.#main.oldest;
      this.#isCursorInMain = true;
    }
    const row = this.#cursor;
    if (row !== noRow) this.#cursor = this.#main.newerThan(row);
    return row;
  }

  #ageFresh(): void {
    const max = Math.max(Math.floor(this.count * this.#freshShare), this.#freshMin);
    while (this.#freshCount > max) {
      const row = this.#freshEnd;
      this.#rows.set(row, this.#state, this.#rows.get(row, this.#state) & ~freshBit);
      this.#freshEnd = this.#small.newerThan(row);
      this.#freshCount -= 1;
    }
  }
}
