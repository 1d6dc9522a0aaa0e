/**
 * Pipes through which bodies go from a node's socket to a client's without a copy: splice(2) takes whole
 * pages from the one and gives them to the other. Few, and used again: a pipe is made of descriptors and of
 * memory of the system.
 */
import { closeSync, readSync, writeSync } from 'node:fs';
import type { Syscalls } from '@forebay/core/syscalls';

const capacityBytes = 1024 * 1024;
const pipesMax = 64;

export class RelayPipe {
  readonly #pipes: RelayPipes;
  readonly #from: number;
  readonly #to: number;

  constructor(pipes: RelayPipes, [from, to]: readonly [from: number, to: number]) {
    this.#pipes = pipes;
    this.#from = from;
    this.#to = to;
  }

  /** From a socket, as much as is there and fits. */
  draw(socket: number, lengthBytes: number): number {
    return this.#move(socket, this.#to, lengthBytes);
  }

  /** To a socket, as much as is here and it takes. */
  passOn(socket: number, lengthBytes: number): number {
    return this.#move(this.#from, socket, lengthBytes);
  }

  /** Bytes that were read already. False where they do not fit. */
  write(bytes: Buffer): boolean {
    try {
      return writeSync(this.#to, bytes) === bytes.length;
    } catch {
      return false;
    }
  }

  /** The usual way, for who needs bytes. @returns how many; never 0 where some were drawn */
  read(into: Buffer, lengthBytes: number): number {
    return readSync(this.#from, into, 0, lengthBytes, null);
  }

  #move(from: number, to: number, lengthBytes: number): number {
    let moved = 0;
    while (moved < lengthBytes) {
      const step = this.#pipes.syscalls.splice(from, to, lengthBytes - moved);
      // Nothing there, no room, or an error: whoever reads or writes next is told which.
      if (step <= 0) break;
      moved += step;
    }
    return moved;
  }

  close(): void {
    closeSync(this.#from);
    closeSync(this.#to);
  }
}

export class RelayPipes {
  readonly syscalls: Syscalls;
  readonly #idle: RelayPipe[] = [];
  #count = 0;
  #isClosed = false;

  constructor(syscalls: Syscalls) {
    this.syscalls = syscalls;
  }

  /** Pipes that are in use. */
  get lentCount(): number {
    return this.#count - this.#idle.length;
  }

  /** Undefined where there are enough, or the system gives none. */
  take(): RelayPipe | undefined {
    const idle = this.#idle.pop();
    if (idle || this.#count >= pipesMax) return idle;
    try {
      const pipe = new RelayPipe(this, this.syscalls.pipe(capacityBytes));
      this.#count += 1;
      return pipe;
    } catch {
      return undefined;
    }
  }

  /** @param isEmpty what is left in a pipe would be another body's */
  give(pipe: RelayPipe, isEmpty: boolean): void {
    if (isEmpty && !this.#isClosed) {
      this.#idle.push(pipe);
      return;
    }
    this.#count -= 1;
    pipe.close();
  }

  /** Those that are in use are closed when they come back. */
  close(): void {
    this.#isClosed = true;
    for (const pipe of this.#idle.splice(0)) this.give(pipe, false);
  }
}
