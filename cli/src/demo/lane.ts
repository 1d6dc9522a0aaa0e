/**
 * One direction of a simulated connection: bytes wait for the link and for the distance, in order and
 * bounded.
 */
import type { Socket } from 'node:net';

/** What all connections of one direction share: a piece occupies the link for its size over the bandwidth. */
export class Link {
  readonly #bytesPerMs: number;
  #freeAtMs = 0;

  constructor(bytesPerSecond: number) {
    this.#bytesPerMs = bytesPerSecond / 1000;
  }

  /** When the last byte of a piece that is ready at `readyMs` has left. */
  send(sizeBytes: number, readyMs: number): number {
    this.#freeAtMs = Math.max(this.#freeAtMs, readyMs) + sizeBytes / this.#bytesPerMs;
    return this.#freeAtMs;
  }
}

export interface LaneOptions {
  readonly link: Link;
  readonly delayMs: number;
  /** Nothing leaves before this instant of `performance.now()`. */
  readonly notBeforeMs: number;
  /** Sees each piece when it leaves, before it arrives. */
  readonly onBytes: (bytes: Uint8Array) => void;
}

/** Twice what is on its way at 40 MB/s and 20 ms, so that this limit is not felt as a limit on bandwidth. */
const waitingBytesMax = 2 * 1024 * 1024;

export class Lane {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #options: LaneOptions;
  readonly #waiting: { readonly bytes: Buffer; readonly dueMs: number }[] = [];
  #waitingBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #ended = false;

  constructor(from: Socket, to: Socket, options: LaneOptions) {
    this.#from = from;
    this.#to = to;
    this.#options = options;
    from.on('data', (bytes: Buffer) => this.#take(bytes));
    from.on('end', () => {
      this.#ended = true;
      this.#schedule();
    });
    to.on('drain', () => this.#schedule());
    to.on('close', () => this.#stop());
  }

  #take(bytes: Buffer): void {
    const { link, delayMs, notBeforeMs, onBytes } = this.#options;
    onBytes(bytes);
    const sentMs = link.send(bytes.length, Math.max(performance.now(), notBeforeMs));
    this.#waiting.push({ bytes, dueMs: sentMs + delayMs });
    this.#waitingBytes += bytes.length;
    if (this.#waitingBytes > waitingBytesMax) this.#from.pause();
    this.#schedule();
  }

  #schedule(): void {
    if (this.#timer || this.#to.writableNeedDrain) return;
    const [next] = this.#waiting;
    if (next) {
      this.#timer = setTimeout(() => this.#deliver(), Math.max(0, next.dueMs - performance.now()));
    } else if (this.#ended) this.#to.end();
  }

  #deliver(): void {
    this.#timer = undefined;
    const nowMs = performance.now();
    // A timer may fire a fraction early: half a millisecond is not worth another one.
    while (this.#waiting.length > 0 && this.#waiting[0]!.dueMs <= nowMs + 0.5) {
      const { bytes } = this.#waiting.shift()!;
      this.#waitingBytes -= bytes.length;
      if (!this.#to.write(bytes)) break;
    }
    if (this.#waitingBytes <= waitingBytesMax / 2) this.#from.resume();
    this.#schedule();
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#waiting.length = 0;
  }
}
