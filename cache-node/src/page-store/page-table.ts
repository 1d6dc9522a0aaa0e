/**
 * The page table: which pages are stored, where their bytes lie, and which goes next. In memory only, no
 * I/O, no object per page: about 48 bytes a page and 40 a set, outside of the heap. A row's number is good
 * until its page is removed; then another page may get it.
 */
import assert from 'node:assert/strict';
import type { PageSetId } from '@forebay/core/page';
import { noRow } from '../rows/rows.ts';
import { dumpPages, type LoadOptions, loadPages } from './page-dump.ts';
import { PageExpiry } from './page-expiry.ts';
import { PageLists, type PageUsage, packGroup, unpackGroup } from './page-lists.ts';
import { isPageIndex, isPlace, keyHash, type PagePlace, PageRows } from './page-rows.ts';
import { assertPolicy, type SetPolicy } from './set-policy.ts';
import { formatSetId, idWords, parseSetId, SetRows, type SetWords } from './set-rows.ts';

/** Number of a page's row; `noRow` (-1) where there is none. */
export type PageRow = number;

export interface NewPage extends SetPolicy {
  /** Seconds since 1970. */
  readonly filledAtSeconds: number;
}

/** Victims whose set's policy has just changed are sent to their new list first: so many at once. */
const strayVictimsMax = 1000;
/** Pages that follow a new policy in one call: a few ms. */
const movesMax = 8192;

export class PageTable {
  readonly #pages = new PageRows();
  readonly #sets = new SetRows();
  readonly #lists = new PageLists(this.#pages);
  readonly #parts = { pages: this.#pages, sets: this.#sets, lists: this.#lists };
  readonly #expiry = new PageExpiry(this.#parts);
  readonly #words: SetWords = new Int32Array(idWords);
  /** The set that was asked for last: reads ask for one page of a set after the other. */
  #lastSet: PageSetId = '';
  #lastSetRow = noRow;

  get pageCount(): number {
    return this.#pages.count;
  }

  get setCount(): number {
    return this.#sets.count;
  }

  /** Memory of rows and indexes, rows that are free included. */
  get allocatedBytes(): number {
    return this.#pages.allocatedBytes + this.#sets.allocatedBytes;
  }

  find(set: PageSetId, index: number): PageRow {
    const setRow = this.#findSet(set);
    return setRow === noRow ? noRow : this.#pages.find(setRow, index);
  }

  /** Adds a page. One that is in already lies at `place` now. The policy is for sets that have no pages yet. */
  add(set: PageSetId, index: number, place: PagePlace, of: NewPage): PageRow {
    const row = this.addById(parseSetId(set, this.#words), index, place, of);
    this.#lastSet = set;
    this.#lastSetRow = this.#pages.setRowOf(row);
    return row;
  }

  /** As `find`, by the words of the set's id. */
  findById(id: SetWords, index: number): PageRow {
    const setRow = this.#sets.find(id);
    return setRow === noRow ? noRow : this.#pages.find(setRow, index);
  }

  /** As `add`, by the words of the set's id. */
  addById(id: SetWords, index: number, place: PagePlace, of: NewPage): PageRow {
    assert(isPageIndex(index), 'the index of a page is out of bounds');
    assert(isPlace(place), wrongPlace);
    assertPolicy(of);
    let setRow = this.#sets.find(id);
    const known = setRow === noRow ? noRow : this.#pages.find(setRow, index);
    if (known !== noRow) {
      this.move(known, place);
      return known;
    }
    if (setRow === noRow) setRow = this.#sets.addSet(id, packGroup(of), of.ttlSeconds ?? 0);
    const row = this.#pages.addPage(setRow, index, place, of.filledAtSeconds);
    this.#sets.countPage(setRow, index);
    this.#lists.insert(row, this.#sets.groupOf(setRow), { keyHash: this.#keyHash(row) });
    return row;
  }

  /** The bytes of a page lie elsewhere from now on; its standing in the queue is kept within a directory. */
  move(row: PageRow, place: PagePlace): void {
    assert(isPlace(place), wrongPlace);
    this.#lists.move(row, place, this.#sets.groupOf(this.#pages.setRowOf(row)));
  }

  remove(row: PageRow): void {
    const setRow = this.#pages.setRowOf(row);
    this.#lists.remove(row, this.#keyHash(row));
    this.#pages.removePage(row);
    if (this.#sets.uncountPage(setRow) > 0) return;
    if (this.#lastSetRow === setRow) {
      this.#lastSet = '';
      this.#lastSetRow = noRow;
    }
    this.#sets.removeSet(setRow);
  }

  /** A hit. */
  touch(row: PageRow): void {
    this.#lists.of(row).queue.touch(row);
  }

  /** The page of a directory that goes next, still in; -1 where there is none but pinned ones. */
  victim(directory: number): PageRow {
    return this.#victim((list) => list.directory === directory);
  }

  /** The page of a quota scope that goes next, in whichever directory. */
  victimOf(scope: number): PageRow {
    return this.#victim((list) => list.scope === scope);
  }

  isUsed(row: PageRow): boolean {
    return this.#pages.isUsed(row);
  }

  setOf(row: PageRow): PageSetId {
    return formatSetId(this.#sets.idOf(this.#pages.setRowOf(row), this.#words));
  }

  indexOf(row: PageRow): number {
    return this.#pages.indexOf(row);
  }

  isHot(row: PageRow): boolean {
    return this.#pages.isHot(row);
  }

  directoryOf(row: PageRow): number {
    return this.#pages.directoryOf(row);
  }

  /** `ownFile` (-1) where the page has a file of its own. */
  packOf(row: PageRow): number {
    return this.#pages.packOf(row);
  }

  offsetOf(row: PageRow): number {
    return this.#pages.offsetOf(row);
  }

  lengthOf(row: PageRow): number {
    return this.#pages.lengthOf(row);
  }

  storedBytesOf(row: PageRow): number {
    return this.#pages.storedBytesOf(row);
  }

  checksumOf(row: PageRow): number {
    return this.#pages.checksumOf(row);
  }

  filledAtOf(row: PageRow): number {
    return this.#pages.filledAtOf(row);
  }

  /** Whether a page has outlived the time to live of its set. */
  isExpired(row: PageRow, nowSeconds: number): boolean {
    return this.#expiry.has(row, nowSeconds);
  }

  /**
   * Expired pages among the next rows of an endless walk over all of them; call it from time to time. Costs
   * nothing where no set has a time to live.
   */
  expired(nowSeconds: number, inspectMax: number): PageRow[] {
    return this.#expiry.next(nowSeconds, inspectMax);
  }

  /** The first page's row from `row` on, or else from the first row on; `noRow` where there is no page. */
  nextRow(row: PageRow): PageRow {
    for (let at = row; at < this.#pages.end; at += 1) if (this.#pages.isUsed(at)) return at;
    for (let at = 0; at < Math.min(row, this.#pages.end); at += 1) if (this.#pages.isUsed(at)) return at;
    return noRow;
  }

  /** Stored bytes and pages of a quota scope, in all directories. */
  usageOf(scope: number): PageUsage {
    return this.#lists.usage((list) => list.scope === scope);
  }

  /** Stored bytes and pages of a directory, pinned ones included. */
  usageIn(directory: number): PageUsage {
    return this.#lists.usage((list) => list.directory === directory);
  }

  pageCountOf(set: PageSetId): number {
    const setRow = this.#findSet(set);
    return setRow === noRow ? 0 : this.#sets.pageCountOf(setRow);
  }

  /** Rows of a set's pages by ascending index. Pages may come and go between two steps. */
  *pagesOf(set: PageSetId): Generator<PageRow, void> {
    for (let index = 0; index < this.#indexEndOf(set); index += 1) {
      const row = this.find(set, index);
      if (row !== noRow) yield row;
    }
  }

  /** All sets that have pages. Sets may come and go between two steps: those are told or not. */
  *eachSet(): Generator<PageSetId, void> {
    for (let row = 0; row < this.#sets.end; row += 1) {
      if (this.#sets.isUsed(row)) yield formatSetId(this.#sets.idOf(row, this.#words));
    }
  }

  policyOf(set: PageSetId): SetPolicy | undefined {
    const setRow = this.#findSet(set);
    if (setRow === noRow) return undefined;
    return { ...unpackGroup(this.#sets.groupOf(setRow)), ttlSeconds: this.#sets.ttlOf(setRow) || undefined };
  }

  /**
   * Gives a set another policy: at once for pages to come, and for those that are in, a few thousand per
   * call. Returns the index to go on from in the next call, or -1 when all of them follow.
   */
  setPolicy(set: PageSetId, policy: SetPolicy, fromIndex = 0): number {
    assertPolicy(policy);
    const setRow = this.#findSet(set);
    if (setRow === noRow) return -1;
    const group = packGroup(policy);
    this.#sets.setGroup(setRow, group);
    this.#sets.setTtl(setRow, policy.ttlSeconds ?? 0);
    const indexEnd = this.#sets.indexEndOf(setRow);
    const endExclusive = Math.min(indexEnd, fromIndex + movesMax);
    for (let index = fromIndex; index < endExclusive; index += 1) {
      const row = this.#pages.find(setRow, index);
      if (row !== noRow) this.#lists.regroup(row, group);
    }
    return endExclusive < indexEnd ? endExclusive : -1;
  }

  /** Rows of a directory's pages. The one that was told last may be removed. */
  *rowsIn(directory: number): Generator<PageRow, void> {
    for (let row = 0; row < this.#pages.end; row += 1) {
      if (this.#pages.isUsed(row) && this.#pages.directoryOf(row) === directory) yield row;
    }
  }

  /** All pages of a directory as bytes, for a snapshot: see `dumpPages`. */
  dump(directory: number): Generator<Uint8Array, void> {
    return dumpPages(this.#parts, directory);
  }

  /** There will be so many pages, and sets in the proportion of now: said again while they are loaded. */
  reserve(pagesMin: number): void {
    const { count } = this.#pages;
    this.#pages.reserve(pagesMin);
    if (count > 0) this.#sets.reserve(Math.floor((pagesMin * this.#sets.count) / count));
  }

  /** Adds the pages of a part of a dump: see `loadPages`. */
  load(directory: number, records: Uint8Array, options: LoadOptions): number {
    return loadPages(this.#parts, directory, records, options);
  }

  #victim(among: Parameters<PageLists['victim']>[0]): PageRow {
    for (let strays = 0; strays < strayVictimsMax; strays += 1) {
      const row = this.#lists.victim(among);
      if (row === noRow) return noRow;
      if (!this.#lists.regroup(row, this.#sets.groupOf(this.#pages.setRowOf(row)))) return row;
    }
    return noRow;
  }

  /** The same whenever the page is in, whatever its row. */
  #keyHash(row: PageRow): number {
    return keyHash(this.#sets.mixOf(this.#pages.setRowOf(row)), this.#pages.indexOf(row));
  }

  #findSet(set: PageSetId): number {
    if (set === this.#lastSet) return this.#lastSetRow;
    const row = this.#sets.find(parseSetId(set, this.#words));
    if (row !== noRow) {
      this.#lastSet = set;
      this.#lastSetRow = row;
    }
    return row;
  }

  #indexEndOf(set: PageSetId): number {
    const setRow = this.#findSet(set);
    return setRow === noRow ? 0 : this.#sets.indexEndOf(setRow);
  }
}

const wrongPlace = 'the place of a page is out of bounds';
