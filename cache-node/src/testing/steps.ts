/**
 * Seeded interleaving: tasks that hold at steps, and a walk that lets one step go at a time in random order.
 * The same seed takes the same way, but for the disk's own timing.
 */
import { setImmediate as nextTick } from 'node:timers/promises';

export function randomOf(seed: number): () => number {
  let state = seed * 2654435761 + 1;
  return () => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) | 0;
    return ((state ^ (state >>> 12)) >>> 0) / 2 ** 32;
  };
}

/** Without a step to let go for so long, what still runs hangs. */
const hangMs = 5000;

export class Steps {
  readonly random: () => number;
  readonly #held: (() => void)[] = [];
  readonly #running = new Map<Promise<void>, string>();
  /** Called when a step is held or a task ends. */
  #changed = () => {};

  constructor(seed: number) {
    this.random = randomOf(seed);
  }

  /** A number below `limit`. */
  below(limit: number): number {
    return Math.floor(this.random() * limit);
  }

  oneOf<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }

  hold(): Promise<void> {
    return new Promise((resolve) => {
      this.#held.push(resolve);
      this.#changed();
    });
  }

  start(name: string, task: () => Promise<void>): void {
    const running = task().finally(() => {
      this.#running.delete(running);
      this.#changed();
    });
    this.#running.set(running, name);
  }

  /** Half the time the newest: so that others are left behind while writes come and go. */
  async letOneGo(): Promise<void> {
    const newest = this.#held.length - 1;
    const index = this.random() < 0.5 ? newest : this.below(this.#held.length);
    this.#held.splice(index, 1)[0]?.();
    await nextTick();
  }

  /** What nobody waits for, such as a fill whose readers have left, holds at steps too. */
  letAllGo(): void {
    for (const go of this.#held.splice(0)) go();
  }

  /** Lets held steps go until everything started has ended. The names of what hangs. */
  async drain(): Promise<string[]> {
    while (this.#running.size > 0) {
      if (this.#held.length === 0 && !(await this.#changesInTime())) return [...this.#running.values()];
      await this.letOneGo();
    }
    return [];
  }

  async #changesInTime(): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#changed = () => resolve(true);
    const timer = setTimeout(() => resolve(false), hangMs);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
    }
  }
}
