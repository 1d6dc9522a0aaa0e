/**
 * The source of a body, with exactly as many bytes as announced. Its last piece is handed over only after
 * the source has ended well: where it throws, or has fewer or more bytes, the store is left with an
 * incomplete request.
 */

export class ExactSource implements AsyncIterableIterator<Uint8Array> {
  failure: { readonly error: unknown } | undefined;
  readonly #source: AsyncIterable<Uint8Array>;
  readonly #sizeBytes: number;
  #iterator: AsyncIterator<Uint8Array> | undefined;
  #takenBytes = 0;
  #ended = false;
  #stopped = false;
  #wake: (() => void) | undefined;

  constructor(source: AsyncIterable<Uint8Array>, sizeBytes: number) {
    this.#source = source;
    this.#sizeBytes = sizeBytes;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    let held: Uint8Array | undefined;
    while (!this.#ended) {
      const result = await this.#take();
      if (result.done) {
        this.#ended = true;
        if (this.#takenBytes !== this.#sizeBytes) throw this.#misfit();
        break;
      }
      if (result.value.byteLength === 0) continue;
      this.#takenBytes += result.value.byteLength;
      if (this.#takenBytes > this.#sizeBytes) throw this.#misfit();
      if (this.#takenBytes < this.#sizeBytes) return { done: false, value: result.value };
      held = result.value;
    }
    return held ? { done: false, value: held } : { done: true, value: undefined };
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    this.stop();
    return { done: true, value: undefined };
  }

  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#wake?.();
    // A generator that waits for its client returns only once that wait is over: not ours to wait for.
    if (!this.#ended) this.#iterator?.return?.().catch(() => {});
    this.#ended = true;
  }

  /** What `read` throws counts as the source's own failure. */
  guard<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      this.failure = { error };
      throw error;
    }
  }

  /** The source's next piece, or an error as soon as nobody wants it any more. */
  #take(): Promise<IteratorResult<Uint8Array>> {
    this.#iterator ??= this.#source[Symbol.asyncIterator]();
    const iterator = this.#iterator;
    return new Promise((resolve, reject) => {
      this.#wake = () => reject(new Error('the request is over'));
      iterator.next().then(resolve, (error: unknown) => {
        this.#ended = true;
        if (!this.#stopped) this.failure = { error };
        reject(error);
      });
    });
  }

  #misfit(): Error {
    const error = new Error(`body of ${this.#sizeBytes} bytes has ${this.#takenBytes} or more`);
    this.failure = { error };
    this.stop();
    return error;
  }
}
