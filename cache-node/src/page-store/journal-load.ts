/**
 * Reads a directory's journal into the page table: the newest snapshot and every file after it. Pages whose
 * pack or folder is gone are left out. What cannot be read costs no page: the mark before it says from where
 * on packs and folders must be looked through.
 */
import { readdir, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { noRow } from '../rows/rows.ts';
import type { DirectoryFiles } from './directory-files.ts';
import { type DirectoryLayout, diskBytesOf, numberOf } from './directory-layout.ts';
import type { KeptFile } from './journal.ts';
import {
  type Block,
  blockKinds,
  FoundRow,
  type Mark,
  readBlocks,
  readMark,
  rowBytes,
  rowKinds,
  rowWords,
  wordsOf,
} from './journal-format.ts';
import { type LoadOptions, pageRecordBytes } from './page-dump.ts';
import type { PagePlace } from './page-rows.ts';
import type { PageRow } from './page-table.ts';
import { formatSetId } from './set-rows.ts';

export interface LoadedJournal {
  /** Of the next file. */
  readonly number: number;
  readonly kept: KeptFile[];
  readonly snapshotBytes: number;
  /** Behind it there may be pages that no row tells of. */
  readonly mark: Mark;
  /** The mark, where not all could be read: it stays so until a snapshot is written. */
  readonly lostAfter: Mark | undefined;
}

const nothing: Mark = { pack: 0, packBytes: 0, folder: 0 };

/** Packs and folders must be listed. @throws what the system says. */
export async function loadJournal(directory: DirectoryFiles): Promise<LoadedJournal> {
  const { layout, budget } = directory;
  const { snapshots, rows } = await listJournal(layout.journal);
  const snapshot = snapshots.at(-1);
  const first = snapshot ?? 1;
  const tail = rows.filter((number) => number >= first);
  const loader = new Loader(directory, await pagesToCome(layout, snapshot, tail));
  const kept: KeptFile[] = [];
  const keep = async (path: string) => {
    const diskBytes = diskBytesOf((await stat(path)).size);
    budget.count(diskBytes);
    kept.push({ path, diskBytes });
  };
  if (snapshot !== undefined) {
    await keep(layout.snapshot(snapshot));
    await loader.snapshot(layout.snapshot(snapshot));
  }
  const snapshotBytes = kept[0]?.diskBytes ?? 0;
  for (const number of [...snapshots, ...rows].filter((old) => old < first)) {
    await unlink(layout.snapshot(number)).catch(() => {});
    await unlink(layout.rows(number)).catch(() => {});
  }
  let expected = first;
  for (const number of tail) {
    if (number !== expected) loader.isDamaged = true;
    expected = number + 1;
    await keep(layout.rows(number));
    const sound = await loader.rows(layout.rows(number));
    if (!sound && number !== tail.at(-1)) loader.isDamaged = true;
  }
  const { mark, isDamaged } = loader;
  return { number: expected, kept, snapshotBytes, mark, lostAfter: isDamaged ? mark : undefined };
}

/** About how many pages there will be. Read twice costs less than to part a table again and again. */
async function pagesToCome(
  layout: DirectoryLayout,
  snapshot: number | undefined,
  tail: readonly number[],
): Promise<number> {
  const { size } = snapshot === undefined ? { size: 0 } : await stat(layout.snapshot(snapshot));
  let pages = Math.floor(size / pageRecordBytes);
  for (const number of tail) {
    await readBlocks(layout.rows(number), ({ kind, body }) => {
      if (kind !== blockKinds.rows) return;
      for (let at = 0; at < body.length; at += rowBytes) {
        if (body[at] === rowKinds.added) pages += 1;
        else if (body[at] === rowKinds.removed) pages -= 1;
      }
    });
  }
  return pages;
}

async function listJournal(path: string): Promise<{ snapshots: number[]; rows: number[] }> {
  const snapshots: number[] = [];
  const rows: number[] = [];
  for (const name of await readdir(path)) {
    const snapshot = numberOf(name, '.snapshot');
    const number = numberOf(name, '.rows');
    if (snapshot !== undefined) snapshots.push(snapshot);
    else if (number !== undefined) rows.push(number);
    else await unlink(join(path, name)).catch(() => {});
  }
  return { snapshots: snapshots.sort((a, b) => a - b), rows: rows.sort((a, b) => a - b) };
}

class Loader {
  mark = nothing;
  readonly #directory: DirectoryFiles;
  readonly #row = new FoundRow();
  readonly #loadOptions: LoadOptions = {
    scopeOf: (scope) => this.#scopeOf(scope),
    isThere: (place) => this.#isThere(place),
    onAdded: (place) => this.#charge(place),
  };
  /** Marks from here on say nothing of what is missing before them. */
  isDamaged = false;
  /** Numbers of the store for the scopes of the file. */
  #scopes: number[] = [];
  #whole = false;
  /** In the table once all is loaded. */
  readonly #pagesMin: number;

  constructor(directory: DirectoryFiles, pagesToCome: number) {
    this.#directory = directory;
    this.#pagesMin = directory.table.pageCount + pagesToCome;
    this.#row.place.directory = directory.number;
  }

  async snapshot(path: string): Promise<void> {
    const sound = await readBlocks(path, (block) => this.#take(block));
    if (!sound || !this.#whole) this.#lost();
  }

  /** Everything must be looked through. */
  #lost(): void {
    this.mark = nothing;
    this.isDamaged = true;
  }

  rows(path: string): Promise<boolean> {
    return readBlocks(path, (block) => this.#take(block));
  }

  #take({ kind, body }: Block): void {
    this.#directory.table.reserve(this.#pagesMin);
    if (kind === blockKinds.scopes) this.#takeScopes(body);
    else if (kind === blockKinds.rows) this.#takeRows(body);
    else if (kind === blockKinds.pages) this.#takePages(body);
    else if (kind === blockKinds.end) this.#whole = true;
    // Of another build: what it says is found in packs and folders.
    else this.#lost();
  }

  #takePages(body: Buffer): void {
    const { table, number } = this.#directory;
    table.load(number, body, this.#loadOptions);
  }

  #takeScopes(body: Buffer): void {
    const names: unknown = JSON.parse(body.toString());
    if (!Array.isArray(names)) return;
    this.#scopes = names.map((name) => this.#directory.scopes.numberOf(String(name)));
  }

  #scopeOf(number: number): number {
    return this.#scopes[number] ?? this.#directory.scopes.numberOf('');
  }

  #takeRows(body: Buffer): void {
    const words = wordsOf(body);
    const row = this.#row;
    for (let at = 0; at + rowWords <= words.length; at += rowWords) {
      row.read(words, at);
      row.terms.scope = this.#scopeOf(row.terms.scope);
      if (row.kind === rowKinds.added) this.#added(row);
      else if (row.kind === rowKinds.removed) this.#removed(row);
      else if (row.kind === rowKinds.policy) this.#policy(row);
      else if (row.kind === rowKinds.mark && !this.isDamaged) this.mark = readMark(body, at * 4);
    }
  }

  #added({ id, index, place, terms }: FoundRow): void {
    const { table } = this.#directory;
    const found = table.findById(id, index);
    if (found !== noRow) {
      if (table.directoryOf(found) !== place.directory) return;
      this.#remove(found);
    }
    if (!this.#isThere(place)) return;
    table.addById(id, index, place, terms);
    this.#charge(place);
  }

  #removed({ id, index, place }: FoundRow): void {
    const found = this.#directory.table.findById(id, index);
    if (found !== noRow && this.#directory.liesAt(found, place)) this.#remove(found);
  }

  #remove(row: PageRow): void {
    const { table, packs, files, budget } = this.#directory;
    const [pack, offset, storedBytes] = [table.packOf(row), table.offsetOf(row), table.storedBytesOf(row)];
    table.remove(row);
    if (pack >= 0) packs.dead(pack, storedBytes);
    else {
      budget.give(storedBytes);
      files.uncount(offset);
    }
  }

  #policy({ id, terms }: FoundRow): void {
    const { table } = this.#directory;
    const set = formatSetId(id);
    let next = 0;
    while (next >= 0) next = table.setPolicy(set, terms, next);
  }

  #isThere({ pack, offset, storedBytes }: PagePlace): boolean {
    const { packs, files } = this.#directory;
    return pack < 0 ? files.has(offset) : offset + storedBytes <= packs.bytesOf(pack);
  }

  #charge({ pack, offset, storedBytes }: PagePlace): void {
    const { packs, files, budget } = this.#directory;
    if (pack >= 0) packs.live(pack, storedBytes);
    else {
      files.count(offset);
      budget.count(storedBytes);
    }
  }
}
