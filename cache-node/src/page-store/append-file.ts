/** A file that only grows, its whole blocks charged to the directory's budget. */
import { type FileHandle, open, unlink } from 'node:fs/promises';
import { diskBytesOf } from './directory-layout.ts';
import type { DiskBudget } from './disk-budget.ts';

export class AppendFile {
  readonly path: string;
  readonly #budget: DiskBudget;
  #handle: FileHandle | undefined;
  #bytes = 0;

  constructor(path: string, budget: DiskBudget) {
    this.path = path;
    this.#budget = budget;
  }

  get diskBytes(): number {
    return diskBytesOf(this.#bytes);
  }

  /**
   * False where there is no room for it. @throws what the system says; then nothing may be appended any
   * more.
   */
  async append(bytes: Uint8Array): Promise<boolean> {
    const growth = diskBytesOf(this.#bytes + bytes.byteLength) - this.diskBytes;
    if (!this.#budget.takeReserve(growth)) return false;
    const at = this.#bytes;
    this.#bytes += bytes.byteLength;
    this.#handle ??= await open(this.path, 'wx', 0o600);
    let written = 0;
    while (written < bytes.byteLength) {
      const { bytesWritten } = await this.#handle.write(
        bytes,
        written,
        bytes.byteLength - written,
        at + written,
      );
      written += bytesWritten;
    }
    return true;
  }

  /** On the disk itself, so that what it replaces may go. */
  async sync(): Promise<void> {
    await this.#handle?.datasync();
  }

  async close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close();
  }

  async remove(): Promise<void> {
    await this.close().catch(() => {});
    await unlink(this.path).catch(() => {});
    this.#budget.give(this.diskBytes);
    this.#bytes = 0;
  }
}
