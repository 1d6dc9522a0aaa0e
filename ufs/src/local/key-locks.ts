/** Takes the lock of a name for this process among others; resolves with what gives it back. */
export type TakeLock = (name: string) => Promise<() => void>;

/** One writer at a time per name, in order of arrival. A name without a writer takes no memory. */
export class KeyLocks {
  readonly #tails = new Map<string, Promise<unknown>>();
  #takeAmongProcesses: TakeLock | undefined;

  /** Where several processes write to the same stores: each lock is theirs together from now on. */
  shareBy(take: TakeLock): void {
    this.#takeAmongProcesses = take;
  }

  async run<T>(name: string, task: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(name);
    const locked = () => this.#amongProcesses(name, task);
    const own = before ? before.then(locked) : locked();
    const tail = own.catch(() => undefined);
    this.#tails.set(name, tail);
    try {
      return await own;
    } finally {
      if (this.#tails.get(name) === tail) this.#tails.delete(name);
    }
  }

  async #amongProcesses<T>(name: string, task: () => Promise<T>): Promise<T> {
    if (!this.#takeAmongProcesses) return task();
    const giveBack = await this.#takeAmongProcesses(name);
    try {
      return await task();
    } finally {
      giveBack();
    }
  }
}
