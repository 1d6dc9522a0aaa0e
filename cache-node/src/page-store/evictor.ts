/**
 * Makes room in one page directory, in the background: from the high watermark down to the low one, and at
 * once for who waits with a page in hand. Pages go in the order of the page table; packs that are mostly
 * garbage are compacted.
 */
import { readFile } from 'node:fs/promises';
import { noRow } from '../rows/rows.ts';
import type { DirectoryFiles } from './directory-files.ts';
import { recordsIn } from './directory-scan.ts';
import type { JournalRow } from './journal-format.ts';
import type { RecordPlace } from './pack-files.ts';
import type { PageRow } from './page-table.ts';

/** Pages that go before the budget is looked at again. */
const batchPages = 32;
/** Of all bytes in packs: more garbage than this is worth copying what is alive. */
const garbageShareMax = 0.15;

export interface EvictorOptions {
  readonly files: DirectoryFiles;
  /** Shares of the budget. */
  readonly highWatermark: number;
  readonly lowWatermark: number;
  /** Takes a page away; false where it stayed. */
  readonly remove: (row: PageRow) => Promise<boolean>;
  readonly canWrite: () => boolean;
  readonly onEvict: (pages: number) => void;
  readonly onError: (error: unknown) => void;
}

export class Evictor {
  readonly #options: EvictorOptions;
  #running: Promise<boolean> | undefined;
  #neededBytes = 0;

  constructor(options: EvictorOptions) {
    this.#options = options;
  }

  /** Starts where the high watermark is passed. */
  wake(): void {
    const { budget } = this.#options.files;
    if (budget.bytes > budget.pageBytesMax * this.#options.highWatermark) void this.#run();
  }

  /** Room for so many bytes, taken when this resolves to true; false where nothing more can go. */
  async room(bytes: number): Promise<boolean> {
    const { budget } = this.#options.files;
    while (!budget.tryTake(bytes)) {
      if (bytes > budget.pageBytesMax) return false;
      if (!(await this.makeRoom(bytes))) return false;
    }
    this.wake();
    return true;
  }

  /** Frees at least that, if it can; false where nothing went. */
  async makeRoom(bytes: number): Promise<boolean> {
    this.#neededBytes += bytes;
    try {
      return await this.#run();
    } finally {
      this.#neededBytes -= bytes;
    }
  }

  async idle(): Promise<void> {
    while (this.#running) await this.#running;
  }

  #run(): Promise<boolean> {
    this.#running ??= this.#pass();
    return this.#running;
  }

  #targetBytes(): number {
    const { budget } = this.#options.files;
    const max = budget.pageBytesMax;
    return Math.max(0, Math.min(max * this.#options.lowWatermark, max - this.#neededBytes));
  }

  async #pass(): Promise<boolean> {
    // So that it is known to be running before it ends.
    await Promise.resolve();
    let freed = false;
    try {
      while (this.#isOver() && (await this.#step())) freed = true;
    } catch (error) {
      this.#options.onError(error);
    }
    this.#running = undefined;
    return freed;
  }

  #isOver(): boolean {
    const { files, canWrite } = this.#options;
    return canWrite() && files.budget.bytes > this.#targetBytes();
  }

  async #step(): Promise<boolean> {
    if (this.#isWorthCompacting()) return this.#compact();
    if (await this.#evictSome()) return true;
    // Nothing but garbage is left, and what is pinned.
    return this.#options.files.packs.garbageBytes > 0 && this.#compact();
  }

  async #evictSome(): Promise<boolean> {
    const { files, remove, onEvict } = this.#options;
    const excessBytes = files.budget.bytes - this.#targetBytes();
    let pages = 0;
    let bytes = 0;
    while (pages < batchPages && bytes < excessBytes) {
      const row = files.table.victim(files.number);
      if (row === noRow) break;
      const storedBytes = files.table.storedBytesOf(row);
      if (!(await remove(row))) break;
      bytes += storedBytes;
      pages += 1;
    }
    onEvict(pages);
    return pages > 0;
  }

  #isWorthCompacting(): boolean {
    const { packs } = this.#options.files;
    const emptiest = packs.emptiest();
    if (!emptiest) return false;
    if (emptiest.liveBytes === 0) return true;
    return packs.garbageBytes > packs.sizeBytes * garbageShareMax && isWorthCopying(emptiest);
  }

  /** False where there is nothing to gain. */
  async #compact(): Promise<boolean> {
    const { files } = this.#options;
    const { packs } = files;
    const pack = packs.emptiest();
    if (!pack || pack.liveBytes === pack.sizeBytes) {
      if (packs.garbageBytes === 0 || packs.writing.packBytes === 0) return false;
      await packs.seal();
      return true;
    }
    if (pack.liveBytes > 0) await this.#moveLiving(pack.number);
    // Before the bytes go the journal says where they went.
    await files.journal.flush();
    files.descriptors.drop(files.layout.pack(pack.number));
    await packs.remove(pack.number);
    return true;
  }

  async #moveLiving(pack: number): Promise<void> {
    const { files, remove, onEvict } = this.#options;
    // Read whole, it comes back into memory as it is: what was known of its bytes is void.
    files.descriptors.drop(files.layout.pack(pack));
    const bytes = await readFile(files.layout.pack(pack));
    const moving: Promise<void>[] = [];
    for (const { stamp, at, storedBytes } of recordsIn(bytes, 0)) {
      const row = files.table.find(stamp.set, stamp.index);
      if (row === noRow) continue;
      const known = files.rowOf(row);
      if (known.pack !== pack || known.offset !== at || files.holds(known) === noRow) continue;
      if (files.budget.tryTake(storedBytes)) {
        moving.push(this.#move(known, bytes.subarray(at, at + storedBytes)));
      } else {
        await remove(row);
        onEvict(1);
      }
    }
    await Promise.all(moving);
  }

  #move(known: JournalRow, record: Buffer): Promise<void> {
    return this.#options.files.packs.append([record], (place) => this.#moved(known, place));
  }

  #moved(known: JournalRow, place: RecordPlace): void {
    const { files } = this.#options;
    const { storedBytes } = known;
    const row = files.holds(known);
    if (row === noRow) {
      files.packs.dead(place.pack, storedBytes);
      return;
    }
    const { lengthBytes, seal: checksum } = known;
    files.table.move(row, { directory: files.number, ...place, lengthBytes, checksum, storedBytes });
    files.packs.dead(known.pack, storedBytes);
    files.journal.added({ ...known, ...place });
  }
}

function isWorthCopying({ sizeBytes, liveBytes }: { sizeBytes: number; liveBytes: number }): boolean {
  return liveBytes * 4 < sizeBytes * 3;
}
