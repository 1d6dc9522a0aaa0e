/** One writer at a time per name, in order of arrival. A name without a writer takes no memory. */
export class KeyLocks {
  readonly #tails = new Map<string, Promise<unknown>>();

  async run<T>(name: string, task: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(name);
    const own = before ? before.then(task) : task();
    const tail = own.catch(() => undefined);
    this.#tails.set(name, tail);
    try {
      return await own;
    } finally {
      if (this.#tails.get(name) === tail) this.#tails.delete(name);
    }
  }
}
