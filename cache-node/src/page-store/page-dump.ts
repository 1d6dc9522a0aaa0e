/**
 * Rows as bytes and back, for a snapshot: 52 bytes a page, each record whole in itself. A dump goes on while
 * pages come and go: who keeps a journal beside it replays what changed since the dump began, and ends with
 * the table as it is. The order of eviction and what is known of hits survive.
 */
import { noRow } from '../rows/rows.ts';
import {
  isScope,
  type PageGroup,
  type PageList,
  type PageLists,
  packGroup,
  unpackGroup,
} from './page-lists.ts';
import { isPageIndex, isPlace, type PagePlace, type PageRows } from './page-rows.ts';
import { idWords, type SetRows, type SetWords } from './set-rows.ts';

export interface TableParts {
  readonly pages: PageRows;
  readonly sets: SetRows;
  readonly lists: PageLists;
}

const wordsPerRecord = 13;
export const pageRecordBytes = wordsPerRecord * 4;
/** Per step: about a millisecond. */
const recordsPerStep = 4096;
const rowsPerStep = 65_536;

const usesMask = 3;
const mainFlag = 4;
const groupShift = 4;

/**
 * All pages of a directory, a step at a time. The bytes, sometimes none, are good until the next step. One
 * dump of a directory at a time.
 */
export function* dumpPages(parts: TableParts, directory: number): Generator<Uint8Array, void> {
  const { lists } = parts;
  const records = new Records(parts);
  lists.beginWalk(directory);
  try {
    for (const list of lists.inDirectory(directory)) {
      list.queue.rewind();
      for (let row = list.queue.step(); row !== noRow; row = list.queue.step()) {
        if (records.push(row, list)) yield records.take();
      }
    }
    if (lists.hasStrays(directory)) yield* dumpStrays(parts, directory, records);
    yield records.take();
  } finally {
    lists.endWalk(directory);
  }
}

/** What changed its list during the walk may have gone from one not yet walked to one that was. */
function* dumpStrays(parts: TableParts, directory: number, records: Records): Generator<Uint8Array, void> {
  const { lists, pages } = parts;
  for (let row = 0; row < pages.end; row += 1) {
    if (row % rowsPerStep === 0) yield records.take();
    if (!pages.isUsed(row) || !pages.isStray(row) || pages.directoryOf(row) !== directory) continue;
    pages.setStray(row, false);
    if (records.push(row, lists.of(row))) yield records.take();
  }
}

class Records {
  readonly #parts: TableParts;
  readonly #words = new Int32Array(recordsPerStep * wordsPerRecord);
  readonly #id: SetWords = new Int32Array(idWords);
  count = 0;

  constructor(parts: TableParts) {
    this.#parts = parts;
  }

  /** True once there are enough to take. */
  push(row: number, list: PageList): boolean {
    const { pages, sets } = this.#parts;
    const setRow = pages.setRowOf(row);
    const words = this.#words;
    let at = this.count * wordsPerRecord;
    words.set(sets.idOf(setRow, this.#id), at);
    at += idWords;
    words[at] = pages.indexOf(row);
    words[at + 1] = pages.packOf(row);
    words[at + 2] = pages.offsetOf(row);
    words[at + 3] = pages.lengthOf(row);
    words[at + 4] = pages.checksumOf(row);
    words[at + 5] = pages.storedBytesOf(row);
    words[at + 6] = pages.filledAtOf(row);
    const { isMain, uses } = list.queue.standingOf(row);
    words[at + 7] = uses | (isMain ? mainFlag : 0) | (sets.groupOf(setRow) << groupShift);
    words[at + 8] = sets.ttlOf(setRow);
    this.count += 1;
    return this.count === recordsPerStep;
  }

  take(): Uint8Array {
    const bytes = new Uint8Array(this.#words.buffer, 0, this.count * pageRecordBytes);
    this.count = 0;
    return bytes;
  }
}

/** What the owner of the pages says of those of a dump. */
export interface LoadOptions {
  /** What has become of the dump's scope numbers. */
  readonly scopeOf: (dumped: number) => number;
  /** Whether there are bytes at a place; not said: everywhere. */
  readonly isThere?: (place: PagePlace) => boolean;
  /** Told of each page that is added, by a place that is good during the call. */
  readonly onAdded?: (place: PagePlace) => void;
}

/**
 * Adds the pages of a dump, but for those that are in already and for records that no dump would hold.
 * Returns how many pages it added.
 */
export function loadPages(
  parts: TableParts,
  directory: number,
  records: Uint8Array,
  { scopeOf, isThere, onAdded }: LoadOptions,
): number {
  // A view of words must begin at a whole one.
  const { buffer, byteOffset } = records.byteOffset % 4 === 0 ? records : new Uint8Array(records);
  const words = new Int32Array(buffer, byteOffset, Math.floor(records.byteLength / 4));
  const groupOf = groupMapper(scopeOf);
  const place = { directory, pack: 0, offset: 0, lengthBytes: 0, checksum: 0, storedBytes: 0 };
  let added = 0;
  for (let at = 0; at + wordsPerRecord <= words.length; at += wordsPerRecord) {
    place.pack = words[at + idWords + 1]!;
    place.offset = words[at + idWords + 2]! >>> 0;
    place.lengthBytes = words[at + idWords + 3]!;
    place.checksum = words[at + idWords + 4]! >>> 0;
    place.storedBytes = words[at + idWords + 5]!;
    if (!isPlace(place) || isThere?.(place) === false) continue;
    if (!loadPage(parts, words, at, { place, groupOf })) continue;
    onAdded?.(place);
    added += 1;
  }
  return added;
}

/** What the record at a place in the words says, but for where the page lies. */
function loadPage(
  { pages, sets, lists }: TableParts,
  words: Int32Array,
  at: number,
  of: { place: PagePlace; groupOf: (dumped: number) => number },
): boolean {
  const index = words[at + idWords]!;
  const flags = words[at + idWords + 7]!;
  const group = of.groupOf(flags >>> groupShift);
  if (group === noGroup || !isPageIndex(index)) return false;
  let setRow = sets.find(words, at);
  if (setRow === noRow) setRow = sets.addSet(words, group, words[at + idWords + 8]! >>> 0, at);
  else if (pages.find(setRow, index) !== noRow) return false;
  const row = pages.addPage(setRow, index, of.place, words[at + idWords + 6]!);
  sets.countPage(setRow, index);
  lists.insert(row, sets.groupOf(setRow), {
    isMain: (flags & mainFlag) !== 0,
    uses: flags & usesMask,
  });
  return true;
}

const noGroup = -1;

/** The group of a dump as it is called now; `noGroup` for what no dump would hold. The last one is kept. */
function groupMapper(scopeOf: (dumped: number) => number): (dumped: number) => number {
  let [lastDumped, last] = [noGroup, noGroup];
  return (dumped) => {
    if (dumped === lastDumped) return last;
    const group = unpackGroup(dumped);
    const mapped = { ...group, scope: scopeOf(group.scope) };
    lastDumped = dumped;
    last = isGroup(mapped) ? packGroup(mapped) : noGroup;
    return last;
  };
}

function isGroup({ scope, priority }: PageGroup): boolean {
  return priority !== undefined && isScope(scope);
}
