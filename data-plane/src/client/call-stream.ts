/** The gateway's side of a call. */
import { frameType, ProtocolError } from '../wire/frame.ts';
import { fromJson, fromJsonWithInfinity } from '../wire/meta.ts';
import { errorOf } from '../wire/wire-errors.ts';
import type { ClientStream, ConnectionLost, StreamHost } from './client-stream.ts';

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: Record<string, unknown>) => void) | undefined;
}

export class CallStream implements ClientStream {
  readonly wantsData = false;
  readonly relays = false;
  readonly #host: StreamHost;
  readonly #stream: number;
  readonly #options: CallOptions;
  readonly #result: PromiseWithResolvers<unknown> = Promise.withResolvers();
  #isOver = false;

  constructor(host: StreamHost, stream: number, options: CallOptions) {
    this.#host = host;
    this.#stream = stream;
    this.#options = options;
    options.signal?.addEventListener('abort', this.#abort, { once: true });
  }

  get result(): Promise<unknown> {
    return this.#result.promise;
  }

  onFrame(type: number, _flags: number, meta: Buffer): void {
    if (type === frameType.progress) {
      this.#options.onProgress?.(fromJson(meta));
    } else if (type === frameType.result) {
      this.#end();
      this.#result.resolve(fromJsonWithInfinity(meta).result);
    } else if (type === frameType.failure) {
      this.#end();
      this.#result.reject(errorOf(meta));
    } else throw new ProtocolError(`a frame of type ${type} for a call`);
  }

  draw(): number {
    return 0;
  }

  onData(): void {}

  onDataEnd(): void {
    throw new ProtocolError('bytes for a call');
  }

  onLost(error: ConnectionLost): void {
    this.#end();
    this.#result.reject(error);
  }

  readonly #abort = (): void => {
    if (this.#isOver) return;
    this.#host.cancel(this.#stream);
    this.#end();
    this.#result.reject(this.#options.signal?.reason);
  };

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#options.signal?.removeEventListener('abort', this.#abort);
    this.#host.over(this.#stream);
  }
}
