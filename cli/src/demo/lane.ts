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
  /** This connection's own share, where one is limited. */
  readonly ownLink?: Link | undefined;
  readonly delayMs: number;
  /** Bytes that wait here at most; beyond it the sender waits. */
  readonly waitingBytesMax: number;
  /** Nothing leaves before this instant of `performance.now()`. */
  readonly notBeforeMs: number;
  /** Sees each piece when it leaves, before it arrives. */
  readonly onBytes: (bytes: Uint8Array) => void;
}

/** A connection is read no further ahead of its own link: timers are coarse, so not less. */
const aheadMsMax = 4;

export class Lane {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #options: LaneOptions;
  readonly #waiting: { readonly bytes: Buffer; readonly dueMs: number }[] = [];
  #waitingBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #hold: NodeJS.Timeout | undefined;
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
    const { link, ownLink, delayMs, notBeforeMs, waitingBytesMax, onBytes } = this.#options;
    onBytes(bytes);
    const readyMs = Math.max(performance.now(), notBeforeMs);
    // The shared link is booked from now on, never for a later instant: others would wait for bytes that
    // this connection's own limit still holds back.
    const ownMs = ownLink?.send(bytes.length, readyMs) ?? 0;
    const sentMs = Math.max(ownMs, link.send(bytes.length, readyMs));
    this.#waiting.push({ bytes, dueMs: sentMs + delayMs });
    this.#waitingBytes += bytes.length;
    if (this.#waitingBytes > waitingBytesMax) this.#from.pause();
    else if (ownMs > readyMs + aheadMsMax) this.#holdUntil(ownMs - aheadMsMax / 2);
    this.#schedule();
  }

  #holdUntil(instantMs: number): void {
    this.#from.pause();
    this.#hold = setTimeout(
      () => {
        this.#hold = undefined;
        this.#resume();
      },
      Math.max(0, instantMs - performance.now()),
    );
  }

  #resume(): void {
    if (!this.#hold && this.#waitingBytes <= this.#options.waitingBytesMax / 2) this.#from.resume();
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
    this.#resume();
    this.#schedule();
  }

  #stop(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#hold);
    this.#timer = undefined;
    this.#waiting.length = 0;
  }
}
