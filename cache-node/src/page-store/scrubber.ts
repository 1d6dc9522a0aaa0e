/**
 * Reads stored pages again and again, slowly, one after the other, so that a disk that rots is found out also
 * where nobody reads. A page that fails is dropped and counted like any. What is few pages is not read all
 * the time: a pass begins an hour after the last began, or later.
 */
import { noRow } from '../rows/rows.ts';
import type { PageDirectory } from './page-directory.ts';
import type { PageTable } from './page-table.ts';

const tickMs = 1000;
const passMsMin = 60 * 60 * 1000;
/** Allowance that is saved up for a large page; the largest are half of it. */
const allowedBytesMax = 32 * 1024 * 1024;

export class Scrubber {
  readonly #table: PageTable;
  readonly #directories: readonly PageDirectory[];
  readonly #bytesPerSecond: number;
  readonly #onRead: (bytes: number) => void;
  readonly #nowMs: () => number;
  readonly #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #nextRow = 0;
  /** Pages of this pass that were not read yet. */
  #leftOfPass = 0;
  #passBegunMs = Number.NEGATIVE_INFINITY;
  #allowedBytes = 0;
  #closed = false;

  /** `bytesPerSecond`: of all directories together; 0 reads nothing. */
  constructor(options: {
    readonly table: PageTable;
    readonly directories: readonly PageDirectory[];
    readonly bytesPerSecond: number;
    readonly onRead: (bytes: number) => void;
    /** Monotonic. */
    readonly nowMs: () => number;
  }) {
    this.#table = options.table;
    this.#directories = options.directories;
    this.#bytesPerSecond = options.bytesPerSecond;
    this.#onRead = options.onRead;
    this.#nowMs = options.nowMs;
    if (this.#bytesPerSecond === 0) return;
    this.#timer = setInterval(() => this.#tick(), tickMs);
    this.#timer.unref();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    await this.#running;
  }

  #tick(): void {
    const grantedBytes = (this.#bytesPerSecond * tickMs) / 1000;
    this.#allowedBytes = Math.min(this.#allowedBytes + grantedBytes, Math.max(allowedBytesMax, grantedBytes));
    this.#running ??= this.#pass().finally(() => {
      for (const { stored } of this.#directories) stored.endChecks();
      this.#running = undefined;
    });
  }

  /** Never throws. */
  async #pass(): Promise<void> {
    if (this.#leftOfPass === 0 && this.#table.pageCount > 0) {
      const nowMs = this.#nowMs();
      if (nowMs - this.#passBegunMs < passMsMin) return;
      this.#passBegunMs = nowMs;
      this.#leftOfPass = this.#table.pageCount;
    }
    for (; this.#leftOfPass > 0 && !this.#closed; this.#leftOfPass -= 1) {
      const row = this.#table.nextRow(this.#nextRow);
      if (row === noRow) return;
      const lengthBytes = this.#table.lengthOf(row);
      if (lengthBytes > this.#allowedBytes) return;
      this.#nextRow = row + 1;
      const directory = this.#directories[this.#table.directoryOf(row)]!;
      if (!directory.canRead) continue;
      this.#allowedBytes -= lengthBytes;
      await directory.stored.check(row);
      this.#onRead(lengthBytes);
    }
  }
}
