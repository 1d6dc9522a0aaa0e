/** Bounds how many requests are in flight to one store, and how many may wait, and for how long. */
import { ForebayError } from '@forebay/core/errors';
import type { UfsQueue } from '../ufs-queue.ts';

interface Waiter {
  enter(): void;
}

export class Gate implements UfsQueue {
  readonly #slotsMax: number;
  readonly #waitersMax: number;
  readonly #waitMs: number;
  readonly #waiters = new Set<Waiter>();
  /** Holders of slots that can do without. */
  readonly #offers = new Set<() => void>();
  #used = 0;
  /** Makes connections ready for use: whoever has them says how. */
  onPrepare: (connections: number) => void = () => {};

  constructor(options: { slotsMax: number; waitersMax: number; waitMs: number }) {
    this.#slotsMax = options.slotsMax;
    this.#waitersMax = options.waitersMax;
    this.#waitMs = options.waitMs;
  }

  get used(): number {
    return this.#used;
  }

  get waiting(): number {
    return this.#waiters.size;
  }

  /** Whether so many are free that more may be asked than has to be. */
  get hasRoom(): boolean {
    return this.#used < this.#slotsMax * 0.75;
  }

  onWaiting(giveWay: () => void): () => void {
    const offer = () => giveWay();
    this.#offers.add(offer);
    return () => void this.#offers.delete(offer);
  }

  prepare(connections: number): void {
    if (this.hasRoom) this.onPrepare(Math.min(connections, this.#slotsMax - this.#used));
  }

  /**
   * Resolves with a slot; `leave` gives it back.
   * @throws ForebayError overloaded, or the signal's reason.
   */
  async enter(signal: AbortSignal | undefined): Promise<void> {
    if (this.enterNow(signal)) return;
    if (this.#waiters.size >= this.#waitersMax) throw overloaded();
    await this.#wait(signal);
  }

  /** A slot, where one is free. @throws the signal's reason */
  enterNow(signal: AbortSignal | undefined): boolean {
    signal?.throwIfAborted();
    if (this.#used >= this.#slotsMax) return false;
    this.#used += 1;
    return true;
  }

  leave(): void {
    const [next] = this.#waiters;
    if (!next) {
      this.#used -= 1;
      return;
    }
    // The slot goes over as it is: nobody who comes later gets in between.
    this.#waiters.delete(next);
    next.enter();
  }

  #wait(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (then: () => void) => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
        this.#waiters.delete(waiter);
        then();
      };
      const waiter: Waiter = { enter: () => settle(resolve) };
      const onAbort = () => settle(() => reject(signal?.reason));
      const timer = setTimeout(() => settle(() => reject(overloaded())), this.#waitMs);
      signal?.addEventListener('abort', onAbort);
      this.#waiters.add(waiter);
      const [offer] = this.#offers;
      if (!offer) return;
      this.#offers.delete(offer);
      offer();
    });
  }
}

function overloaded(): ForebayError {
  return new ForebayError('overloaded', 'too many requests to the store are in flight');
}
