/**
 * How fast a reader takes what it reads, and how much may be fetched ahead of it for that. At first nothing
 * is known: the sockets on the way to a client take some megabytes at once, however slow it is.
 */
import type { Clock } from '@forebay/core/clock';

const MiB = 1024 * 1024;
/** More than what the kernel keeps for a slow client (4 MiB to send by default). */
const unpacedBytes = 5 * MiB;
/** Ahead of a reader whose pace is not known yet, or is slow. */
const aheadBytesMin = 2 * MiB;
/** Ahead of all others: what they take within this. */
const aheadMs = 2_000;
/** The pace is that over the last so many marks, each so many bytes behind the one before. */
const marksMax = 8;
const markBytes = MiB;

interface Mark {
  readonly bytes: number;
  readonly ms: number;
}

export class ReaderPace {
  readonly #clock: Clock;
  /** Most readers take less than the first of them. */
  #marks: Mark[] | undefined;
  #markedBytes = 0;
  #bytes = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  took(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes - this.#markedBytes < markBytes) return;
    this.#markedBytes = this.#bytes;
    this.#marks ??= [];
    this.#marks.push({ bytes: this.#bytes, ms: this.#clock.monotonicMs() });
    if (this.#marks.length > marksMax) this.#marks.shift();
  }

  /** Of at most `pagesMax`. */
  aheadPages(pageSizeBytes: number, pagesMax: number): number {
    const bytes = Math.max(aheadBytesMin, this.bytesWithin(aheadMs));
    return Math.min(pagesMax, Math.max(1, Math.floor(bytes / pageSizeBytes)));
  }

  /** What it will take within a time, at its pace; 0 where that is not known yet. */
  bytesWithin(ms: number): number {
    const oldest = this.#marks?.[0];
    if (!oldest || this.#bytes < unpacedBytes) return 0;
    const elapsedMs = Math.max(1, this.#clock.monotonicMs() - oldest.ms);
    return ((this.#bytes - oldest.bytes) / elapsedMs) * ms;
  }
}
