/** What is to be undone, last first, when a start fails or a process stops. */
import type { Log } from '@forebay/core/log';

export class Undoing {
  readonly #log: Log;
  readonly #steps: (() => unknown)[] = [];
  #running: Promise<void> | undefined;

  constructor(log: Log) {
    this.#log = log;
  }

  /** A start that leaves nothing behind where it fails. @throws as `start` */
  static async around<Running>(log: Log, start: (undoing: Undoing) => Promise<Running>): Promise<Running> {
    const undoing = new Undoing(log);
    try {
      return await start(undoing);
    } catch (error) {
      await undoing.run();
      throw error;
    }
  }

  add(step: () => unknown): void {
    this.#steps.push(step);
  }

  /** Every step runs once, also after one that failed; a second call waits for the first. */
  run(): Promise<void> {
    this.#running ??= this.#runAll();
    return this.#running;
  }

  async #runAll(): Promise<void> {
    for (const step of this.#steps.reverse()) {
      try {
        await step();
      } catch (error) {
        this.#log.error({ reason: String(error) }, 'a part did not stop cleanly');
      }
    }
  }
}
