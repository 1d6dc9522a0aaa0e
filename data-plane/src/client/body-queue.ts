/**
 * What has come of a body and was not asked for yet, in order: pieces in buffers, and runs of bytes that lie
 * in a pipe.
 */
import type { ReadBuffers } from '../wire/read-buffers.ts';
import type { RelayPipe, RelayPipes } from './relay-pipes.ts';

export interface Piece {
  readonly bytes: Buffer;
  readonly buffer: Buffer;
}

interface Run {
  pipedBytes: number;
}

const wholeWriteBytes = 4096;
/** What is read of a pipe at once: as much as there is, or, for who passes on what it can, only a little. */
const readBytes = { all: 256 * 1024, little: 16 * 1024 } as const;

export class BodyQueue {
  readonly #buffers: ReadBuffers;
  readonly #pipes: RelayPipes | undefined;
  readonly #entries: (Piece | Run)[] = [];
  #pipe: RelayPipe | undefined;
  #pipedBytes = 0;

  /** @param pipes undefined: all comes in buffers */
  constructor(buffers: ReadBuffers, pipes: RelayPipes | undefined) {
    this.#buffers = buffers;
    this.#pipes = pipes;
    this.#pipe = pipes?.take();
  }

  get relays(): boolean {
    return this.#pipe !== undefined;
  }

  get isEmpty(): boolean {
    return this.#entries.length === 0;
  }

  push(piece: Piece): void {
    this.#entries.push(piece);
  }

  /** Few bytes that are to go with those in the pipe. False where there is none, or no room. */
  pipe(bytes: Buffer): boolean {
    // A write of up to this many bytes is done whole or not at all (pipe(7), PIPE_BUF).
    if (!this.#pipe || bytes.length > wholeWriteBytes || !this.#pipe.write(bytes)) return false;
    this.#piped(bytes.length);
    return true;
  }

  /** Whether the next bytes are in the pipe. */
  get hasPiped(): boolean {
    const [next] = this.#entries;
    return next !== undefined && 'pipedBytes' in next;
  }

  /** Bytes of the next piece that lies in a buffer; 0 where it lies in the pipe, or there is none. */
  get bufferedBytes(): number {
    const [next] = this.#entries;
    return next && 'bytes' in next ? next.bytes.length : 0;
  }

  /** @returns how many bytes were taken out of the socket */
  draw(socket: number, lengthBytes: number): number {
    const drawn = this.#pipe?.draw(socket, lengthBytes) ?? 0;
    if (drawn > 0) this.#piped(drawn);
    return drawn;
  }

  /** @returns how many bytes went; 0 where the next ones are in a buffer, or the socket takes none */
  passOn(socket: number): number {
    const run = this.#entries[0];
    if (!run || !('pipedBytes' in run)) return 0;
    const passed = this.#pipe!.passOn(socket, run.pipedBytes);
    this.#took(run, passed);
    return passed;
  }

  /** The next piece, whose buffer is the caller's from now on. */
  shift(how: keyof typeof readBytes): Piece | undefined {
    const next = this.#entries[0];
    if (!next || 'bytes' in next) {
      this.#entries.shift();
      return next;
    }
    const buffer = this.#buffers.take(Math.min(next.pipedBytes, readBytes[how]));
    const length = this.#pipe!.read(buffer, Math.min(next.pipedBytes, buffer.length));
    this.#took(next, length);
    return { bytes: buffer.subarray(0, length), buffer };
  }

  /** Drops what is here. Nothing may come any more. */
  close(): void {
    for (const entry of this.#entries.splice(0)) if ('buffer' in entry) this.#buffers.give(entry.buffer);
    if (this.#pipe) this.#pipes?.give(this.#pipe, this.#pipedBytes === 0);
    this.#pipe = undefined;
  }

  #piped(lengthBytes: number): void {
    this.#pipedBytes += lengthBytes;
    const last = this.#entries.at(-1);
    if (last && 'pipedBytes' in last) last.pipedBytes += lengthBytes;
    else this.#entries.push({ pipedBytes: lengthBytes });
  }

  #took(run: Run, lengthBytes: number): void {
    run.pipedBytes -= lengthBytes;
    this.#pipedBytes -= lengthBytes;
    if (run.pipedBytes === 0) this.#entries.shift();
  }
}
