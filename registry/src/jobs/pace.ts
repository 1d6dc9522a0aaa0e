/** A limit of so many units per second, held over time: who takes more than there is waits, in turn. */
import type { Clock } from '@forebay/core/clock';

/** Resolves after so long. @throws the signal's reason */
export type Wait = (ms: number, signal: AbortSignal) => Promise<void>;

export interface PaceOptions {
  /** Undefined: no limit. */
  readonly perSecond: number | undefined;
  readonly clock: Clock;
  readonly wait: Wait;
}

export class Pace {
  readonly #options: PaceOptions;
  /** When all that was taken so far has been paid for, by the monotonic clock. */
  #paidAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: PaceOptions) {
    this.#options = options;
  }

  /** @throws the signal's reason */
  async take(units: number, signal: AbortSignal): Promise<void> {
    const { perSecond, clock, wait } = this.#options;
    if (perSecond === undefined) return;
    const nowMs = clock.monotonicMs();
    const startMs = Math.max(this.#paidAtMs, nowMs);
    this.#paidAtMs = startMs + (units / perSecond) * 1000;
    if (startMs > nowMs) await wait(startMs - nowMs, signal);
  }

  /** More (or, below 0, less) was used than taken: those who come next pay for it. */
  correct(units: number): void {
    const { perSecond } = this.#options;
    if (perSecond !== undefined) this.#paidAtMs += (units / perSecond) * 1000;
  }
}
