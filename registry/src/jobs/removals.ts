/**
 * The other half of a move: sources whose copies are verified. Each is removed only once a checkpoint names
 * it, because no listing shows it any more then; and it counts only once it is gone. So a move that is killed
 * anywhere counts every key once.
 */
import type { KeyTally, Moving } from './job-record.ts';

export class Removals {
  readonly #remove: (moving: Moving) => Promise<KeyTally>;
  readonly #onDone: () => void;
  /** Named by the last checkpoint; with a tally: done since. */
  readonly #kept = new Map<Moving, { tally?: KeyTally; readonly over: Promise<void> }>();

  /** `remove` throws only where it is to be tried again by another run. */
  constructor(remove: (moving: Moving) => Promise<KeyTally>, onDone: () => void) {
    this.#remove = remove;
    this.#onDone = onDone;
  }

  get count(): number {
    return this.#kept.size;
  }

  /** Begun, and not over. */
  get pending(): readonly Moving[] {
    return [...this.#kept].flatMap(([moving, { tally }]) => (tally ? [] : [moving]));
  }

  /** Over, and not forgotten yet. */
  get done(): readonly (readonly [Moving, KeyTally])[] {
    return [...this.#kept].flatMap(([moving, { tally }]) => (tally ? [[moving, tally] as const] : []));
  }

  /** A checkpoint names them. */
  begin(all: readonly Moving[]): void {
    for (const moving of all) {
      const entry: { tally?: KeyTally; readonly over: Promise<void> } = {
        over: this.#remove(moving).then((tally) => {
          entry.tally = tally;
          this.#onDone();
        }),
      };
      entry.over.catch(() => {});
      this.#kept.set(moving, entry);
    }
  }

  /** A checkpoint counts them. */
  forget(done: Removals['done']): void {
    for (const [moving] of done) this.#kept.delete(moving);
  }

  /** @throws what a removal threw */
  async over(): Promise<void> {
    await Promise.all([...this.#kept.values()].map(({ over }) => over));
  }
}
