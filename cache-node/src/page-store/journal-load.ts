/**
 * Reads a directory's journal into the page table: the newest snapshot and every file after it. Pages whose
 * pack or folder is gone are left out. What cannot be read costs no page: the mark before it says from where
 * on packs and folders must be looked through.
 */
import { readdir, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { noRow } from '../rows/rows.ts';
import type { DirectoryFiles } from './directory-files.ts';
import { diskBytesOf, numberOf } from './directory-layout.ts';
import type { KeptFile } from './journal.ts';
import {
  type Block,
  blockKinds,
  type JournalRow,
  type Mark,
  readBlocks,
  readMark,
  readRow,
  rowBytes,
  rowKinds,
} from './journal-format.ts';
import { pageRecordBytes } from './page-dump.ts';

export interface LoadedJournal {
  /** Of the next file. */
  readonly number: number;
  readonly kept: KeptFile[];
  readonly snapshotBytes: number;
  /** Behind it there may be pages that no row tells of. */
  readonly mark: Mark;
}

const nothing: Mark = { pack: 0, packBytes: 0, folder: 0 };
const recordWords = pageRecordBytes / 4;

/** Packs and folders must be listed. @throws what the system says. */
export async function loadJournal(directory: DirectoryFiles): Promise<LoadedJournal> {
  const { layout, budget } = directory;
  const { snapshots, rows } = await listJournal(layout.journal);
  const snapshot = snapshots.at(-1);
  const loader = new Loader(directory);
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
  const first = snapshot ?? 1;
  for (const number of [...snapshots, ...rows].filter((old) => old < first)) {
    await unlink(layout.snapshot(number)).catch(() => {});
    await unlink(layout.rows(number)).catch(() => {});
  }
  const tail = rows.filter((number) => number >= first);
  let expected = first;
  for (const number of tail) {
    if (number !== expected) loader.damaged();
    expected = number + 1;
    await keep(layout.rows(number));
    const sound = await loader.rows(layout.rows(number));
    if (!sound && number !== tail.at(-1)) loader.damaged();
  }
  return { number: expected, kept, snapshotBytes, mark: loader.mark };
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
  #damaged = false;
  /** Numbers of the store for the scopes of the file. */
  #scopes: number[] = [];
  #whole = false;
  /** In the table once all of the snapshot is in. */
  #pagesMin = 0;

  constructor(directory: DirectoryFiles) {
    this.#directory = directory;
  }

  /** Marks from here on say nothing of what is missing before them. */
  damaged(): void {
    this.#damaged = true;
  }

  async snapshot(path: string): Promise<void> {
    const { size } = await stat(path);
    this.#pagesMin = this.#directory.table.pageCount + Math.floor(size / pageRecordBytes);
    const sound = await readBlocks(path, (block) => this.#take(block));
    if (sound && this.#whole) return;
    this.mark = nothing;
    this.#damaged = true;
  }

  async rows(path: string): Promise<boolean> {
    const { table } = this.#directory;
    const { size } = await stat(path);
    const pagesBefore = table.pageCount;
    let readBytes = 0;
    return readBlocks(path, (block) => {
      this.#take(block);
      // Rows take pages away, too: what is still to come does as what came did.
      readBytes += block.body.byteLength;
      table.reserve(pagesBefore + Math.floor(((table.pageCount - pagesBefore) * size) / readBytes));
    });
  }

  #take({ kind, body }: Block): void {
    if (kind === blockKinds.scopes) this.#takeScopes(body);
    else if (kind === blockKinds.rows) this.#takeRows(body);
    else if (kind === blockKinds.pages) this.#takePages(body);
    else if (kind === blockKinds.end) this.#whole = true;
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
    for (let at = 0; at + rowBytes <= body.byteLength; at += rowBytes) {
      const kind = body[at];
      if (kind === rowKinds.mark) {
        if (!this.#damaged) this.mark = readMark(body, at);
        continue;
      }
      const row = readRow(body, at);
      const known = { ...row, scope: this.#scopeOf(row.scope) };
      if (kind === rowKinds.added) this.#added(known);
      else if (kind === rowKinds.removed) this.#removed(known);
      else if (kind === rowKinds.policy) this.#policy(known);
    }
  }

  #added(row: JournalRow): void {
    const { table, number } = this.#directory;
    const found = table.find(row.set, row.index);
    if (found !== noRow) {
      if (table.directoryOf(found) !== number) return;
      this.#removed(this.#directory.rowOf(found));
    }
    if (!this.#isThere(row)) return;
    this.#directory.addRow(row);
    this.#charge(row.pack, row.offset, row.storedBytes);
  }

  #removed(row: JournalRow): void {
    const { table, packs, budget } = this.#directory;
    const found = this.#directory.holds(row);
    if (found === noRow) return;
    const { pack, offset, storedBytes } = this.#directory.rowOf(found);
    table.remove(found);
    if (pack >= 0) packs.dead(pack, storedBytes);
    else {
      budget.give(storedBytes);
      this.#directory.files.uncount(offset);
    }
  }

  #policy({ set, scope, priority, pinned, ttlSeconds }: JournalRow): void {
    const { table } = this.#directory;
    let next = 0;
    while (next >= 0) next = table.setPolicy(set, { scope, priority, pinned, ttlSeconds }, next);
  }

  #isThere({ pack, offset, storedBytes }: JournalRow): boolean {
    const { packs, files } = this.#directory;
    return pack < 0 ? files.has(offset) : offset + storedBytes <= packs.bytesOf(pack);
  }

  #charge(pack: number, offset: number, storedBytes: number): void {
    const { packs, files, budget } = this.#directory;
    if (pack >= 0) packs.live(pack, storedBytes);
    else {
      files.count(offset);
      budget.count(storedBytes);
    }
  }

  /** Words of a record of the page table: see page-dump.ts. */
  #takePages(body: Buffer): void {
    const { table, packs, files, number } = this.#directory;
    const words = new Int32Array(body.buffer.slice(body.byteOffset, body.byteOffset + body.byteLength));
    let kept = 0;
    for (let at = 0; at + recordWords <= words.length; at += recordWords) {
      const pack = words[at + 5]!;
      const offset = words[at + 6]! >>> 0;
      const storedBytes = words[at + 9]!;
      if (pack < 0 ? !files.has(offset) : offset + storedBytes > packs.bytesOf(pack)) continue;
      this.#charge(pack, offset, storedBytes);
      if (kept !== at) words.copyWithin(kept, at, at + recordWords);
      kept += recordWords;
    }
    const records = new Uint8Array(words.buffer, 0, kept * 4);
    table.load(number, records, (scope) => this.#scopeOf(scope), this.#pagesMin);
  }
}
