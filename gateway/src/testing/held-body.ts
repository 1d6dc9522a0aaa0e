/** A body from another process, perhaps whole: its first bytes in memory, the others in a pipe. */
import { closeSync, readSync, writeSync } from 'node:fs';
import type { HeldBody } from '@forebay/core/pieces';
import { syscalls } from '@forebay/core/syscalls';

const inMemoryBytes = 4000;
const end = { done: true, value: undefined } as const;

export class PipedBody implements HeldBody {
  readonly isHere: boolean;
  readonly #from: number;
  #first: Buffer | undefined;
  #pipedBytes = 0;
  isReturned = false;

  constructor(bytes: Buffer, isHere: boolean) {
    this.isHere = isHere;
    const [from, to] = syscalls()!.pipe(1024 * 1024);
    this.#from = from;
    this.#first = bytes.subarray(0, inMemoryBytes);
    const piped = bytes.subarray(inMemoryBytes);
    while (this.#pipedBytes < piped.length) this.#pipedBytes += writeSync(to, piped, this.#pipedBytes);
    closeSync(to);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  nextBytes(lengthBytesMax: number): Uint8Array | undefined {
    const first = this.#first;
    if (!first || first.length > lengthBytesMax) return undefined;
    this.#first = undefined;
    return first;
  }

  passOn(socket: number): number {
    if (this.#first || this.#pipedBytes === 0) return 0;
    const passed = Math.max(0, syscalls()!.splice(this.#from, socket, this.#pipedBytes));
    this.#pipedBytes -= passed;
    return passed;
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    const first = this.nextBytes(Number.POSITIVE_INFINITY);
    if (first) return { done: false, value: first };
    if (this.#pipedBytes === 0) return end;
    const value = Buffer.alloc(Math.min(this.#pipedBytes, 16 * 1024));
    this.#pipedBytes -= readSync(this.#from, value);
    return { done: false, value };
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    if (!this.isReturned) closeSync(this.#from);
    this.isReturned = true;
    this.#pipedBytes = 0;
    return end;
  }
}
