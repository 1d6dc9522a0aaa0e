/**
 * The pages of an open directory: put, read, taken away. Nothing here throws: what cannot be stored is not,
 * what cannot be read is a miss, and the health of the directory hears why.
 */
import type { PageId } from '@forebay/core/page';
import type { BufferPool } from '../buffers/buffer-pool.ts';
import { noRow } from '../rows/rows.ts';
import type { DirectoryFiles } from './directory-files.ts';
import type { DirectoryHealth } from './directory-health.ts';
import { diskBytesOf, packedBytesMax } from './directory-layout.ts';
import { type ByteSpan, DirectoryReading } from './directory-reading.ts';
import type { Evictor } from './evictor.ts';
import type { JournalRow, PageTerms } from './journal-format.ts';
import { Lending } from './lending.ts';
import { checksumsBytesOf, stampBytes, stampOfRecord, trailerOfFile } from './page-stamp.ts';
import type { PageRow } from './page-table.ts';
import type { LentFile, PageSlice } from './paged-object.ts';
import { WriteTurns } from './write-turns.ts';

/** Of the budget, what may be on its way to disk at once: half of what the policy keeps new pages in. */
const writingShare = 1 / 20;

export interface NewStoredPage extends PageTerms {
  readonly page: PageId;
  readonly bytes: Uint8Array;
  readonly description: Buffer;
}

export interface DirectoryPagesOptions {
  readonly files: DirectoryFiles;
  readonly evictor: Evictor;
  readonly health: DirectoryHealth;
  readonly buffers: BufferPool;
  readonly onCorrupt: (page: PageId) => void;
  /** Whether the directory itself is there, and the same. */
  readonly isHere: () => Promise<boolean>;
}

export class DirectoryPages {
  readonly #files: DirectoryFiles;
  readonly #reading: DirectoryReading;
  readonly #lending: Lending;
  readonly #evictor: Evictor;
  readonly #health: DirectoryHealth;
  readonly #onCorrupt: (page: PageId) => void;
  readonly #isHere: () => Promise<boolean>;
  readonly #turns: WriteTurns;

  constructor(options: DirectoryPagesOptions) {
    const { files, buffers } = options;
    const { layout, descriptors } = files;
    this.#files = files;
    this.#reading = new DirectoryReading({ layout, descriptors, buffers });
    this.#lending = new Lending(files, buffers);
    this.#evictor = options.evictor;
    this.#health = options.health;
    this.#onCorrupt = options.onCorrupt;
    this.#isHere = options.isHere;
    this.#turns = new WriteTurns(() => files.budget.pageBytesMax * writingShare);
  }

  /** Stores a page that is nowhere else. Never throws; false where it is not stored. */
  async put(page: NewStoredPage): Promise<boolean> {
    const storedBytes = storedBytesOf(page.bytes.byteLength, page.description.byteLength);
    await this.#turns.enter(storedBytes);
    try {
      if (!(await this.#evictor.room(storedBytes))) return false;
      const packed = page.bytes.byteLength <= packedBytesMax;
      await (packed ? this.#putRecord(page, storedBytes) : this.#putFile(page, storedBytes));
      this.#health.good();
      return true;
    } catch (error) {
      this.#health.bad('store', error);
      return false;
    } finally {
      this.#turns.leave(storedBytes);
    }
  }

  /** Verified bytes of a page; undefined: a miss. Never throws. */
  async read(row: PageRow, span: ByteSpan): Promise<PageSlice | undefined> {
    const known = this.#files.rowOf(row);
    try {
      const slice = await this.#reading.read(known, row, span);
      this.#health.good();
      if (slice) return slice;
      if (await this.#dropKnown(known)) this.#onCorrupt(known);
    } catch (error) {
      await this.#onReadError(known, error);
    }
    return undefined;
  }

  /** The same here and now, and no hit; undefined where it must be read. Never throws. */
  lend(row: PageRow, span: ByteSpan): LentFile | PageSlice | undefined {
    return this.#lending.lend(row, span);
  }

  /** Whether `lend` would. Never throws. */
  couldLend(row: PageRow, span: ByteSpan): boolean {
    return this.#lending.couldLend(row, span);
  }

  /** Verifies a page that nobody asked for; a bad one is dropped. `endChecks` after the last. Never throws. */
  async check(row: PageRow): Promise<void> {
    const known = this.#files.rowOf(row);
    try {
      if (await this.#reading.check(known)) return;
      if (await this.#dropKnown(known)) this.#onCorrupt(known);
    } catch (error) {
      await this.#onReadError(known, error);
    }
  }

  endChecks(): void {
    this.#reading.endChecks();
  }

  async #putRecord(page: NewStoredPage, storedBytes: number): Promise<void> {
    const { stamp, seal } = stampOfRecord(page);
    await this.#files.packs.append([stamp, page.bytes, page.description], (place) => {
      this.#add(page, { ...place, seal, storedBytes });
    });
  }

  async #putFile(page: NewStoredPage, storedBytes: number): Promise<void> {
    const { trailer, seal } = trailerOfFile(page);
    const { bytes, description } = page;
    const files = this.#files;
    try {
      const offset = await files.files.write(page.page, bytes.byteLength, [bytes, trailer, description]);
      this.#add(page, { pack: -1, offset, seal, storedBytes });
      files.files.settled(offset);
    } catch (error) {
      files.budget.give(storedBytes);
      throw error;
    }
  }

  #add(
    { page, bytes, description, ...terms }: NewStoredPage,
    place: Pick<JournalRow, 'pack' | 'offset' | 'seal' | 'storedBytes'>,
  ): void {
    const files = this.#files;
    const row = { ...page, ...terms, ...place, lengthBytes: bytes.byteLength };
    files.addRow(row);
    files.catalogue.describe(page.set, description);
    files.journal.added(row);
  }

  /**
   * Takes a page away, out of the table at once; false where its bytes stayed, and so does it. Never throws.
   */
  remove(known: JournalRow): Promise<boolean> {
    return this.#remove(known, 'good');
  }

  /** A page that cannot be read must not be found again, also where its file cannot go. */
  async #remove(known: JournalRow, condition: 'good' | 'unreadable'): Promise<boolean> {
    const files = this.#files;
    const row = files.holds(known);
    if (row === noRow) return true;
    files.table.remove(row);
    files.journal.removed(known);
    if (known.pack >= 0) {
      files.packs.dead(known.pack, known.storedBytes);
      return true;
    }
    const path = files.layout.pageFile(known.offset, known, known.lengthBytes);
    files.descriptors.drop(path);
    try {
      await files.files.remove(known.offset, known, known.lengthBytes);
      files.budget.give(known.storedBytes);
      return true;
    } catch (error) {
      this.#health.bad('store', error);
      // It is still there, and still good.
      if (condition === 'good' && files.table.find(known.set, known.index) === noRow) {
        files.addRow(known);
        files.journal.added(known);
      }
      return false;
    } finally {
      files.descriptors.drop(path);
    }
  }

  /** True for the one that dropped it. */
  async #dropKnown(known: JournalRow): Promise<boolean> {
    if (this.#files.holds(known) === noRow) return false;
    await this.#remove(known, 'unreadable');
    return true;
  }

  async #onReadError(known: JournalRow, error: unknown): Promise<void> {
    const { code } = error as NodeJS.ErrnoException;
    if (this.#files.holds(known) === noRow) return;
    if (code !== 'ENOENT' && code !== 'ENOTDIR') {
      this.#health.bad('read', error);
      // Where the directory stays in use, a reader would find the page again and again.
      if (this.#health.canRead) await this.#dropKnown(known);
      return;
    }
    // One page that somebody deleted, or the whole disk?
    if (await this.#isHere().catch(() => false)) await this.#dropKnown(known);
    else this.#health.bad('read', error);
  }
}

/** What a page takes on disk. */
export function storedBytesOf(lengthBytes: number, descriptionBytes: number): number {
  if (lengthBytes <= packedBytesMax) return stampBytes + lengthBytes + descriptionBytes;
  return diskBytesOf(lengthBytes + checksumsBytesOf(lengthBytes) + stampBytes + descriptionBytes);
}
