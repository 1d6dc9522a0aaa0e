/** Writers that a node has heard are lost (decision 0016), and since when fences of theirs may be missing. */
import type { LostWriter } from '@forebay/core/membership';

interface Heard {
  readonly epoch: number;
  readonly atMs: number;
}

export interface Epochs {
  /** Of all that the writers acknowledged last, the oldest. */
  readonly first: number;
  readonly last: number;
}

export class LostWriters {
  readonly #heard = new Map<string, Heard>();
  #epochs: Epochs | undefined;

  /** Undefined: none is lost. Asked with every read. */
  get epochs(): Epochs | undefined {
    return this.#epochs;
  }

  hear(lost: readonly LostWriter[], atMs: number): void {
    for (const { writerId, epoch } of lost) this.#heard.set(writerId, { epoch, atMs });
    this.#sum();
  }

  /** Those that are lost no longer. What was heard since an answer was asked for may be newer. */
  keep(lost: readonly LostWriter[], askedAtMs: number): void {
    const still = new Set(lost.map(({ writerId }) => writerId));
    for (const [writerId, { atMs }] of this.#heard) {
      if (!still.has(writerId) && atMs < askedAtMs) this.#heard.delete(writerId);
    }
    this.#sum();
  }

  #sum(): void {
    const all = [...this.#heard.values()].map(({ epoch }) => epoch);
    this.#epochs = all.length === 0 ? undefined : { first: Math.min(...all), last: Math.max(...all) };
  }
}
