/** The parts of an open page directory, and its pages as rows of the shared table. */
import type { BufferPool } from '../buffers/buffer-pool.ts';
import { noRow } from '../rows/rows.ts';
import { Catalogue } from './catalogue.ts';
import { Descriptors } from './descriptors.ts';
import type { DirectoryLayout } from './directory-layout.ts';
import type { DiskBudget } from './disk-budget.ts';
import { Journal } from './journal.ts';
import type { JournalRow, Mark } from './journal-format.ts';
import type { LoadedJournal } from './journal-load.ts';
import { PackFiles } from './pack-files.ts';
import { PageFiles } from './page-files.ts';
import type { PagePlace } from './page-rows.ts';
import type { PageRow, PageTable } from './page-table.ts';
import type { PlacedPage } from './paged-object.ts';
import type { ScopeNames } from './scope-names.ts';

const packBytesLargest = 16 * 1024 * 1024;
const packBytesSmallest = 256 * 1024;

/** What directories of one store share. */
export interface SharedParts {
  readonly table: PageTable;
  readonly scopes: ScopeNames;
  readonly buffers: BufferPool;
  /** Page files and packs that a directory keeps open. */
  readonly openFilesMax: number;
}

export class DirectoryFiles {
  /** In the table. */
  readonly number: number;
  readonly table: PageTable;
  readonly scopes: ScopeNames;
  readonly layout: DirectoryLayout;
  readonly budget: DiskBudget;
  readonly packs: PackFiles;
  readonly files: PageFiles;
  readonly catalogue: Catalogue;
  /** What lies behind this mark is still being looked through. */
  unscanned: Mark | undefined;
  readonly descriptors: Descriptors;
  readonly #onError: (error: unknown) => void;
  #journal: Journal;

  constructor(
    shared: SharedParts,
    of: { number: number; layout: DirectoryLayout; budget: DiskBudget; onError: (error: unknown) => void },
  ) {
    this.number = of.number;
    this.table = shared.table;
    this.scopes = shared.scopes;
    this.descriptors = new Descriptors(shared.openFilesMax);
    this.layout = of.layout;
    this.budget = of.budget;
    this.#onError = of.onError;
    const { layout, budget, onError } = of;
    const packBytesMax = Math.min(packBytesLargest, Math.max(packBytesSmallest, budget.bytesMax / 64));
    this.packs = new PackFiles({ layout, budget, packBytesMax });
    this.files = new PageFiles(layout, budget);
    this.catalogue = new Catalogue({ layout, budget, onError });
    this.#journal = this.#newJournal({ number: 1, kept: [], snapshotBytes: 0 });
  }

  get journal(): Journal {
    return this.#journal;
  }

  /** Goes on behind what was loaded. */
  continueJournal(loaded: LoadedJournal): void {
    this.#journal = this.#newJournal(loaded);
  }

  /** As long as the page is not taken away. */
  placeOf(row: PageRow): PlacedPage {
    const known = this.rowOf(row);
    const { pack, offset, lengthBytes, seal } = known;
    const isPacked = pack >= 0;
    const path = isPacked ? this.layout.pack(pack) : this.layout.pageFile(offset, known, lengthBytes);
    return { path, packedAt: isPacked ? offset : -1, lengthBytes, seal, expiresAtMs: undefined };
  }

  /** The row of a page as the journal holds it. */
  rowOf(row: PageRow): JournalRow {
    const { table } = this;
    const set = table.setOf(row);
    const policy = table.policyOf(set);
    return {
      set,
      index: table.indexOf(row),
      pack: table.packOf(row),
      offset: table.offsetOf(row),
      lengthBytes: table.lengthOf(row),
      seal: table.checksumOf(row),
      storedBytes: table.storedBytesOf(row),
      filledAtSeconds: table.filledAtOf(row),
      scope: policy?.scope ?? 0,
      priority: policy?.priority ?? 'normal',
      pinned: policy?.pinned ?? false,
      ttlSeconds: policy?.ttlSeconds,
    };
  }

  /** Whether the table has the page exactly here. */
  holds(row: JournalRow): PageRow {
    const { table } = this;
    const found = table.find(row.set, row.index);
    return found !== noRow && this.liesAt(found, { pack: row.pack, offset: row.offset, checksum: row.seal })
      ? found
      : noRow;
  }

  /** Whether a page that is in the table lies exactly here. */
  liesAt(row: PageRow, { pack, offset, checksum }: Pick<PagePlace, 'pack' | 'offset' | 'checksum'>): boolean {
    const { table } = this;
    return (
      table.directoryOf(row) === this.number &&
      table.checksumOf(row) === checksum &&
      table.packOf(row) === pack &&
      table.offsetOf(row) === offset
    );
  }

  /** Makes a page findable whose bytes are there. What it took is charged already. */
  addRow(row: JournalRow): void {
    const { pack, offset, lengthBytes, seal: checksum, storedBytes } = row;
    const place = { directory: this.number, pack, offset, lengthBytes, checksum, storedBytes };
    this.table.add(row.set, row.index, place, row);
  }

  #newJournal(past: ConstructorParameters<typeof Journal>[1]): Journal {
    const { layout, budget, scopes, table, number } = this;
    return new Journal(
      {
        layout,
        budget,
        scopes,
        before: () => this.catalogue.flush(),
        mark: () => this.unscanned ?? { ...this.packs.writing, folder: this.files.oldestWriting },
        dump: () => table.dump(number),
        onError: this.#onError,
      },
      past,
    );
  }
}
