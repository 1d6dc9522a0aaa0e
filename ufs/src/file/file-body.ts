/**
 * The bytes of an open file, read as they are asked for. The file is closed at the end, on failure, on
 * `return()`.
 */
import type { BigIntStats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { ForebayError } from '@forebay/core/errors';
import type { ByteRange } from '@forebay/core/range';
import { toUfsError } from './fs-errors.ts';
import { isSameContent } from './identity.ts';

const chunkSizeBytes = 512 * 1024;

export interface OpenedFile {
  readonly handle: FileHandle;
  /** When it was opened. */
  readonly stats: BigIntStats;
}

/** No generator: `return()` before the first `next()` must close the file too. */
export class FileBody implements AsyncIterableIterator<Uint8Array> {
  readonly #file: OpenedFile;
  readonly #range: ByteRange;
  readonly #signal: AbortSignal | undefined;
  #position: number;

  constructor(file: OpenedFile, range: ByteRange, signal: AbortSignal | undefined) {
    this.#file = file;
    this.#range = range;
    this.#signal = signal;
    this.#position = range.start;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    if (this.#position >= this.#range.endExclusive) return this.return();
    try {
      this.#signal?.throwIfAborted();
      return { done: false, value: await this.#readChunk() };
    } catch (error) {
      await this.return();
      throw toUfsError(error);
    }
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    this.#position = this.#range.endExclusive;
    await this.#file.handle.close();
    return { done: true, value: undefined };
  }

  async #readChunk(): Promise<Uint8Array> {
    const { handle, stats } = this.#file;
    const lengthBytes = Math.min(chunkSizeBytes, this.#range.endExclusive - this.#position);
    // Consumers keep their chunks, so each is fresh memory of its own.
    const chunk = Buffer.allocUnsafeSlow(lengthBytes);
    let filledBytes = 0;
    while (filledBytes < lengthBytes) {
      const position = this.#position + filledBytes;
      const { bytesRead } = await handle.read(chunk, filledBytes, lengthBytes - filledBytes, position);
      if (bytesRead === 0) throw changed();
      filledBytes += bytesRead;
    }
    // Of each chunk, not of the last alone: what is handed over may be kept as this version's bytes.
    if (!isSameContent(stats, await handle.stat({ bigint: true }))) throw changed();
    this.#position += lengthBytes;
    if (this.#position >= this.#range.endExclusive) await handle.close();
    return chunk;
  }
}

function changed(): ForebayError {
  return new ForebayError('version-changed', 'the file changed while it was read');
}
