/**
 * So many bytes a second, shared by all that move pages: those for whom nobody waits wait themselves, reads
 * of clients do not, and what they take is missing to the others.
 */
import { setTimeout as wait } from 'node:timers/promises';
import type { Clock } from '@forebay/core/clock';

/** Of the rate, what may be taken at once. */
const burstSeconds = 0.25;
/** What reads of clients may take from what comes, so that the others are not starved for ever. */
const debtSecondsMax = 2;

export class ByteRate {
  readonly bytesPerSecond: number;
  readonly #clock: Clock;
  #bytes: number;
  #atMs: number;

  constructor(bytesPerSecond: number, clock: Clock) {
    this.bytesPerSecond = bytesPerSecond;
    this.#clock = clock;
    this.#bytes = bytesPerSecond * burstSeconds;
    this.#atMs = clock.monotonicMs();
  }

  /** Without waiting. */
  take(bytes: number): void {
    this.#refill();
    this.#bytes = Math.max(-debtSecondsMax * this.bytesPerSecond, this.#bytes - bytes);
  }

  /** Ms until there is room again; 0: now. */
  get waitMs(): number {
    this.#refill();
    return this.#bytes >= 0 ? 0 : Math.ceil((-this.#bytes / this.bytesPerSecond) * 1000);
  }

  /** Takes them once there is room. @throws the signal's reason */
  async takeInTurn(bytes: number, signal: AbortSignal): Promise<void> {
    for (let ms = this.waitMs; ms > 0; ms = this.waitMs) await wait(ms, undefined, { signal });
    signal.throwIfAborted();
    // What is more than the debt that counts would be free.
    this.#bytes -= bytes;
  }

  #refill(): void {
    const nowMs = this.#clock.monotonicMs();
    const cameBytes = ((nowMs - this.#atMs) / 1000) * this.bytesPerSecond;
    this.#bytes = Math.min(this.bytesPerSecond * burstSeconds, this.#bytes + cameBytes);
    this.#atMs = nowMs;
  }
}
