/** What a node has heard of lost writers (decision 0016): since when fences of theirs may be missing here. */
import type { LostWriters } from '@forebay/core/membership';

export class HeardOfLost {
  #lost: LostWriters | undefined;
  /** Monotonic. */
  #heardAtMs = Number.NEGATIVE_INFINITY;

  /** Undefined: none is lost. */
  get lost(): LostWriters | undefined {
    return this.#lost;
  }

  /** Views may come late, so nothing is forgotten by one. */
  hear(lost: LostWriters | undefined, atMs: number): void {
    if (!lost) return;
    const { first, last, count } = this.#lost ?? lost;
    this.#lost = {
      first: Math.min(first, lost.first),
      last: Math.max(last, lost.last),
      count: Math.max(count, lost.count),
    };
    this.#heardAtMs = atMs;
  }

  /** An answer, to be heard next, is newer than all that was heard before it was asked for. */
  answered(askedAtMs: number): void {
    if (this.#heardAtMs < askedAtMs) this.#lost = undefined;
  }
}
