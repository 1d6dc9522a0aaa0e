/** The last view of the registry in a file, for the role's eyes alone: the newest one wins. */
import { readFile, rename, writeFile } from 'node:fs/promises';
import type { Log } from '@forebay/core/log';

export class ViewFile {
  readonly #path: string;
  readonly #log: Log;
  #next: string | undefined;
  #writing: Promise<void> | undefined;

  constructor(path: string, log: Log) {
    this.#path = path;
    this.#log = log;
  }

  /** Undefined where there is none that can be read. */
  async read(): Promise<string | undefined> {
    try {
      return await readFile(this.#path, 'utf8');
    } catch (error) {
      const isAbsent = (error as NodeJS.ErrnoException).code === 'ENOENT';
      if (!isAbsent) this.#log.warn({ reason: String(error) }, 'the view that was kept cannot be read');
      return undefined;
    }
  }

  /** Writes in the background. Failing to is no reason to stop: a later start may have to wait then. */
  keep(text: string): void {
    this.#next = text;
    this.#writing ??= this.#write();
  }

  /** When all that was kept so far is on disk, or failed to get there. */
  async written(): Promise<void> {
    await this.#writing;
  }

  async #write(): Promise<void> {
    while (this.#next !== undefined) {
      const text = this.#next;
      this.#next = undefined;
      const asidePath = `${this.#path}.tmp`;
      try {
        await writeFile(asidePath, text, { mode: 0o600, flush: true });
        await rename(asidePath, this.#path);
      } catch (error) {
        this.#log.warn({ reason: String(error) }, 'the view of the registry cannot be kept');
      }
    }
    this.#writing = undefined;
  }
}
