/**
 * A request's body, piece by piece as Node's parser makes them: asked for one at a time, never joined, and
 * the request outlives it. (The iterator of a stream copies together what has come meanwhile, and destroys
 * the stream.)
 */
import type { Readable } from 'node:stream';
import { S3Error } from '../errors.ts';

export class PieceReader {
  readonly #incoming: Readable;
  #piece: Buffer | undefined;
  #waiting: PromiseWithResolvers<Buffer | undefined> | undefined;
  #ended = false;
  #failure: S3Error | undefined;

  constructor(incoming: Readable) {
    this.#incoming = incoming;
    if (incoming.readableEnded) this.#ended = true;
    else if (incoming.destroyed) this.#onClose();
    else {
      incoming.on('end', this.#onEnd).on('error', this.#onError).on('close', this.#onClose);
      // Begins to flow with it.
      incoming.on('data', this.#onData);
    }
  }

  /**
   * Undefined: the end. One at a time.
   * @throws S3Error IncompleteBody, or one that says more, where the client left in the middle
   */
  next(): Promise<Buffer | undefined> {
    if (this.#failure) return Promise.reject(this.#failure);
    const piece = this.#piece;
    this.#piece = undefined;
    if (piece || this.#ended) return Promise.resolve(piece);
    this.#waiting = Promise.withResolvers();
    if (this.#incoming.isPaused()) this.#incoming.resume();
    return this.#waiting.promise;
  }

  /** What still comes is left where it is. */
  leave(): void {
    this.#incoming.off('data', this.#onData).pause();
    this.#incoming.off('end', this.#onEnd).off('error', this.#onError).off('close', this.#onClose);
  }

  readonly #onData = (piece: Buffer) => {
    if (this.#waiting) this.#settle(piece);
    else {
      this.#piece = piece;
      this.#incoming.pause();
    }
  };

  readonly #onEnd = () => {
    this.#ended = true;
    this.#settle(undefined);
  };

  readonly #onError = (error: unknown) => {
    this.#failure ??= error instanceof S3Error ? error : new S3Error('IncompleteBody', { cause: error });
    this.#waiting?.reject(this.#failure);
    this.#waiting = undefined;
  };

  readonly #onClose = () => {
    if (!this.#ended) this.#onError(this.#incoming.errored ?? new Error('the body was cut'));
  };

  #settle(piece: Buffer | undefined): void {
    this.#waiting?.resolve(piece);
    this.#waiting = undefined;
  }
}
