/** Time that goes on only when nothing else can: waiting takes no time, and a run repeats itself. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '@forebay/core/clock';

interface Sleeper {
  readonly atMs: number;
  wake(): void;
}

/** What goes on without time has this many turns of the event loop for it. */
const turns = 5;

export class VirtualTime {
  nowMs = 0;
  #sleepers: Sleeper[] = [];

  readonly clock: Clock = { monotonicMs: () => this.nowMs, wallMs: () => this.nowMs };

  readonly sleep = (ms: number, signal?: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      const sleeper = { atMs: this.nowMs + ms, wake: resolve };
      this.#sleepers.push(sleeper);
      signal?.addEventListener('abort', () => {
        this.#sleepers = this.#sleepers.filter((one) => one !== sleeper);
        reject(signal.reason);
      });
    });

  /** Lets time pass until something is settled. @throws Error where nobody sleeps and it never will be */
  async until<T>(asked: Promise<T>): Promise<T> {
    let isSettled = false;
    const settle = () => {
      isSettled = true;
    };
    asked.then(settle, settle);
    for (;;) {
      for (let turn = 0; turn < turns && !isSettled; turn += 1) await nextTurn();
      if (isSettled) return asked;
      this.#wakeNext();
    }
  }

  /** Lets so much of it pass. */
  async pass(ms: number): Promise<void> {
    await this.until(this.sleep(ms));
  }

  #wakeNext(): void {
    const atMs = Math.min(...this.#sleepers.map((sleeper) => sleeper.atMs));
    if (atMs === Number.POSITIVE_INFINITY) throw new Error('nothing will ever happen any more');
    this.nowMs = Math.max(this.nowMs, atMs);
    const woken = this.#sleepers.filter((sleeper) => sleeper.atMs <= this.nowMs);
    this.#sleepers = this.#sleepers.filter((sleeper) => sleeper.atMs > this.nowMs);
    for (const sleeper of woken) sleeper.wake();
  }
}
