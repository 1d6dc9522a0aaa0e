/**
 * Every page is in one list, by its directory and its group (quota scope, priority, pinned or not). The
 * lists of pages that are not pinned are eviction queues. Of the queues of a directory the lowest priority
 * goes first; among equals the one whose hand has gone round least, so that all scopes feel the same
 * pressure, as if they shared one queue.
 */
import assert from 'node:assert/strict';
import { type QueueStanding, S3FifoQueue } from '../eviction/s3-fifo-queue.ts';
import { noRow } from '../rows/rows.ts';
import { directoriesMax, listsMax, type PagePlace, type PageRows, queueWords } from './page-rows.ts';

export type PagePriority = 'low' | 'normal' | 'high';

/** Lowest first: the order in which they go. */
export const priorities: readonly PagePriority[] = ['low', 'normal', 'high'];

/** What decides how long a page stays. */
export interface PageGroup {
  /** Number of the quota scope, 0 to `scopesMax - 1`. */
  readonly scope: number;
  readonly priority: PagePriority;
  readonly pinned: boolean;
}

const scopesMax = 1 << 16;

export function isScope(scope: number): boolean {
  return Number.isInteger(scope) && scope >= 0 && scope < scopesMax;
}

/** A group as a number, and back. */
export function packGroup({ scope, priority, pinned }: PageGroup): number {
  return (scope << 3) | (priorities.indexOf(priority) << 1) | (pinned ? 1 : 0);
}

export function unpackGroup(group: number): PageGroup {
  return { scope: group >>> 3, priority: priorities[(group >>> 1) & 3]!, pinned: (group & 1) === 1 };
}

export class PageList {
  readonly directory: number;
  readonly group: number;
  /** In the state word of the rows. */
  readonly number: number;
  readonly queue: S3FifoQueue;
  bytes = 0;

  constructor(rows: PageRows, of: { directory: number; group: number; number: number }) {
    this.directory = of.directory;
    this.group = of.group;
    this.number = of.number;
    this.queue = new S3FifoQueue(rows, queueWords);
  }

  get scope(): number {
    return this.group >>> 3;
  }

  get priority(): number {
    return (this.group >>> 1) & 3;
  }

  get isPinned(): boolean {
    return (this.group & 1) === 1;
  }
}

export interface PageUsage {
  readonly bytes: number;
  readonly pages: number;
}

export class PageLists {
  readonly #rows: PageRows;
  readonly #byNumber: (PageList | undefined)[] = [];
  readonly #byKey = new Map<number, PageList>();
  #last: PageList | undefined;
  /** Directories whose lists are being walked; true once a page of theirs has changed its list. */
  readonly #walks = new Map<number, boolean>();

  constructor(rows: PageRows) {
    this.#rows = rows;
  }

  /** The list that a row is in. */
  of(row: number): PageList {
    return this.#byNumber[this.#rows.listOf(row)]!;
  }

  /** Puts a row that is in no list into its own, as the newest; with its standing, where it has one. */
  insert(row: number, group: number, of: { keyHash: number } | QueueStanding): void {
    const list = this.#listFor(this.#rows.directoryOf(row), group);
    this.#rows.setList(row, list.number);
    if (list.queue.count === 0) list.queue.laps = this.#leastLaps(list);
    if ('keyHash' in of) list.queue.insert(row, of.keyHash);
    else list.queue.restore(row, of);
    list.bytes += this.#rows.storedBytesOf(row);
  }

  /** For good. `keyHash` is the page's, whenever it comes. */
  remove(row: number, keyHash: number): void {
    const list = this.of(row);
    list.queue.drop(row, keyHash);
    list.bytes -= this.#rows.storedBytesOf(row);
  }

  /** Into the list of another group, as the newest; false where it is in that already. */
  regroup(row: number, group: number): boolean {
    const list = this.of(row);
    if (list.group === group) return false;
    this.insert(row, group, this.#takeOut(row));
    if (this.#walks.has(list.directory)) {
      this.#rows.setStray(row, true);
      this.#walks.set(list.directory, true);
    }
    return true;
  }

  /** Its bytes lie elsewhere; in another directory it is the newest. */
  move(row: number, place: PagePlace, group: number): void {
    const list = this.of(row);
    if (list.directory === place.directory) {
      list.bytes += place.storedBytes - this.#rows.storedBytesOf(row);
      this.#rows.place(row, place);
      return;
    }
    const standing = this.#takeOut(row);
    this.#rows.place(row, place);
    this.insert(row, group, standing);
  }

  /** From now on, pages of the directory that change their list are marked as strays. */
  beginWalk(directory: number): void {
    assert(!this.#walks.has(directory), `directory ${directory} is being walked already`);
    this.#walks.set(directory, false);
  }

  hasStrays(directory: number): boolean {
    return this.#walks.get(directory) ?? false;
  }

  endWalk(directory: number): void {
    this.#walks.delete(directory);
  }

  /** The next to go of those lists, still in; `noRow` where there is none but pinned ones. */
  victim(among: (list: PageList) => boolean): number {
    let best: PageList | undefined;
    for (const list of this.#byKey.values()) {
      if (list.isPinned || list.queue.count === 0 || !among(list)) continue;
      if (!best || goesBefore(list, best)) best = list;
    }
    return best ? best.queue.victim() : noRow;
  }

  usage(among: (list: PageList) => boolean): PageUsage {
    let bytes = 0;
    let pages = 0;
    for (const list of this.#byKey.values()) {
      if (!among(list)) continue;
      bytes += list.bytes;
      pages += list.queue.count;
    }
    return { bytes, pages };
  }

  inDirectory(directory: number): PageList[] {
    return [...this.#byKey.values()].filter((list) => list.directory === directory);
  }

  #takeOut(row: number): QueueStanding {
    const list = this.of(row);
    list.bytes -= this.#rows.storedBytesOf(row);
    return list.queue.remove(row);
  }

  #listFor(directory: number, group: number): PageList {
    if (this.#last?.group === group && this.#last.directory === directory) return this.#last;
    const key = group * directoriesMax + directory;
    let list = this.#byKey.get(key);
    if (!list) {
      this.#dropEmpty();
      list = new PageList(this.#rows, { directory, group, number: this.#freeNumber() });
      this.#byKey.set(key, list);
      this.#byNumber[list.number] = list;
    }
    this.#last = list;
    return list;
  }

  /** Scopes come and go with mounts and rules. */
  #dropEmpty(): void {
    for (const [key, list] of this.#byKey) {
      if (list.queue.count > 0) continue;
      this.#byKey.delete(key);
      this.#byNumber[list.number] = undefined;
    }
  }

  #freeNumber(): number {
    const free = this.#byNumber.indexOf(undefined);
    const number = free === -1 ? this.#byNumber.length : free;
    if (number >= listsMax) throw new RangeError(`more than ${listsMax} lists of pages`);
    return number;
  }

  /** A list that begins again is not behind those it competes with. */
  #leastLaps(of: PageList): number {
    let least: number | undefined;
    for (const { directory, priority, queue } of this.#byKey.values()) {
      if (directory !== of.directory || priority !== of.priority || queue.count === 0) continue;
      if (least === undefined || queue.laps < least) least = queue.laps;
    }
    return least ?? 0;
  }
}

function goesBefore(list: PageList, other: PageList): boolean {
  if (list.priority !== other.priority) return list.priority < other.priority;
  return list.queue.laps < other.queue.laps;
}
