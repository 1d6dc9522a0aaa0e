/**
 * One page being filled: a buffer that grows, and everybody who waits for it. Readers take bytes as they
 * arrive; the bytes below `filledBytes` never change. It stays findable until the page store has the page,
 * so a late reader finds the flight or the page, never neither.
 */
import type { PageId } from '@forebay/core/page';

/** Somebody who needs the fill to go on, and up to which page (exclusive). */
export interface FillReader {
  wantedEnd: number;
}

/** What a reader needs of the fill behind a flight. */
export interface FillHandle {
  /** First page the fill will not bring. */
  readonly endPage: number;
  /** The version that the fill asks the UFS for by its id; undefined: whatever is current. */
  readonly versionId: string | undefined;
  attach(reader: FillReader): void;
  detach(reader: FillReader): void;
  /** A reader's `wantedEnd` has grown. */
  wanted(): void;
}

export type FlightEnd =
  | { readonly kind: 'done' }
  /** The fill stopped before this page because nobody wanted it: look again. */
  | { readonly kind: 'stopped' }
  | { readonly kind: 'failed'; readonly error: unknown };

export class PageFlight {
  readonly page: PageId;
  readonly lengthBytes: number;
  readonly fill: FillHandle;
  buffer: Buffer | undefined;
  filledBytes = 0;
  end: FlightEnd | undefined;
  #waiting: (() => void)[] = [];

  constructor(page: PageId, lengthBytes: number, fill: FillHandle) {
    this.page = page;
    this.lengthBytes = lengthBytes;
    this.fill = fill;
  }

  /** Resolves at the next bytes, at the end, or when the signal aborts. */
  progress(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = () => {
        signal.removeEventListener('abort', wake);
        resolve();
      };
      signal.addEventListener('abort', wake, { once: true });
      this.#waiting.push(wake);
    });
  }

  /** Appends what fits; the count of bytes taken. */
  append(bytes: Uint8Array): number {
    this.buffer ??= Buffer.allocUnsafeSlow(this.lengthBytes);
    const taken = Math.min(bytes.byteLength, this.lengthBytes - this.filledBytes);
    this.buffer.set(taken === bytes.byteLength ? bytes : bytes.subarray(0, taken), this.filledBytes);
    this.filledBytes += taken;
    this.#wakeAll();
    return taken;
  }

  finish(end: FlightEnd): void {
    this.end ??= end;
    this.#wakeAll();
  }

  #wakeAll(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }
}
