/**
 * A file of lines that others may move away while it is written, as `logrotate` does: it is made anew within
 * a second. Nobody waits for the disk: lines wait in memory, and over the limit they are dropped and counted.
 */
import { closeSync, constants, fstatSync, openSync, statSync } from 'node:fs';
import { type Destination, openDestination } from './log.ts';
import type { LogTail } from './log-tail.ts';

export interface LineFileOptions {
  /** Undefined: stderr. */
  readonly path: string | undefined;
  /** Bytes of lines that wait to be written. */
  readonly queueBytesMax: number;
  /** Shown the lines as well. */
  readonly tail?: LogTail | undefined;
  readonly onDropped: (lines: number) => void;
  /** It cannot be written, or not be made anew. */
  readonly onTrouble: (reason: string) => void;
}

const gatheredMax = 32 * 1024;
const gatherMs = 200;
const lookMs = 1000;
/** Of processes that share a pipe, writes up to this are not mixed with each other (POSIX, PIPE_BUF). */
const pipeBytesMax = 4096;
const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK;

export class LineFile {
  readonly #options: LineFileOptions;
  readonly #partBytes: number;
  #destination: Destination;
  /** Of the open file. */
  #inode: number | undefined;
  #gathered = '';
  #gathering: NodeJS.Timeout | undefined;
  #looking: NodeJS.Timeout | undefined;

  /** @throws Error of the file system where the file cannot be opened */
  constructor(options: LineFileOptions) {
    this.#options = options;
    this.#partBytes = options.path === undefined ? pipeBytesMax : gatheredMax;
    this.#destination = this.#open();
    if (options.path !== undefined) this.#looking = setInterval(() => this.look(), lookMs).unref();
  }

  /** @param line with its line end */
  write(line: string): void {
    this.#options.tail?.add(line);
    if (this.#gathered.length + line.length > this.#partBytes) this.#flush();
    this.#gathered += line;
    this.#gathering ??= setTimeout(() => this.#flush(), gatherMs).unref();
  }

  /** Makes the file anew, where another one or none has its name by now. */
  look(): void {
    const { path } = this.#options;
    if (path === undefined) return;
    try {
      const found = statSync(path, { throwIfNoEntry: false });
      if (found?.ino === this.#inode) return;
      this.#flush();
      const before = this.#destination;
      this.#destination = this.#open();
      before.end();
    } catch (error) {
      this.#options.onTrouble((error as Error).message);
    }
  }

  /** What was written goes out, where the other side takes it. */
  close(): void {
    clearInterval(this.#looking);
    this.#flush();
    this.#destination.end();
  }

  #flush(): void {
    clearTimeout(this.#gathering);
    this.#gathering = undefined;
    if (this.#gathered === '') return;
    const text = this.#gathered;
    this.#gathered = '';
    this.#destination.write(text);
  }

  #open(): Destination {
    const { path, queueBytesMax, onDropped, onTrouble } = this.#options;
    const descriptor = path === undefined ? 2 : openSync(path, flags, 0o640);
    if (path !== undefined) this.#inode = inodeOf(descriptor);
    return openDestination({
      ...{ descriptor, queueBytesMax, writeBytesMax: 2 * this.#partBytes },
      onDropped: (text) => onDropped(text.split('\n').length - 1),
      onFailed: (error) => onTrouble(error.message),
    });
  }
}

/** @throws Error where it is a directory, or the like */
function inodeOf(descriptor: number): number {
  try {
    return fstatSync(descriptor).ino;
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}
