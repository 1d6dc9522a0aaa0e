/** Work at a time on one node, whichever job it is for: the most urgent first, and those in turn. */
import type { JobPriority } from './job-spec.ts';

interface Waiter {
  readonly enter: () => void;
}

export class Permits {
  readonly #countMax: () => number;
  readonly #waiting: Readonly<Record<JobPriority, Set<Waiter>>> = {
    high: new Set(),
    normal: new Set(),
    low: new Set(),
  };
  #count = 0;

  /** `countMax` may change. */
  constructor(countMax: () => number) {
    this.#countMax = countMax;
  }

  /** @returns to be called once, when the work is over. @throws the signal's reason */
  async enter(priority: JobPriority, signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    if (this.#count < this.#countMax()) this.#count += 1;
    else await this.#turn(this.#waiting[priority], signal);
    return () => {
      this.#count -= 1;
      this.#admit();
    };
  }

  #turn(waiting: Set<Waiter>, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiter = {
        enter: () => {
          signal.removeEventListener('abort', leave);
          resolve();
        },
      };
      const leave = () => {
        waiting.delete(waiter);
        reject(signal.reason);
      };
      waiting.add(waiter);
      signal.addEventListener('abort', leave, { once: true });
    });
  }

  #admit(): void {
    const { high, normal, low } = this.#waiting;
    for (const waiting of [high, normal, low]) {
      for (const waiter of waiting) {
        if (this.#count >= this.#countMax()) return;
        waiting.delete(waiter);
        this.#count += 1;
        waiter.enter();
      }
    }
  }
}
