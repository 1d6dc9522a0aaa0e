/** The body of a read on its way to the caller. */

import type { ResponseBody } from '../http1/response-body.ts';
import { readErrorOf } from './lean-client.ts';

/** A body whose failures are the driver's own errors: a connection that breaks is `ufs-unavailable`. */
export class CheckedBody implements AsyncIterableIterator<Uint8Array> {
  readonly #body: ResponseBody;
  readonly #request: { readonly method: string; readonly signal?: AbortSignal | undefined };

  constructor(body: ResponseBody, request: { method: string; signal?: AbortSignal | undefined }) {
    this.#body = body;
    this.#request = request;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    try {
      return await this.#body.next();
    } catch (error) {
      throw readErrorOf(error, this.#request);
    }
  }

  return(): Promise<IteratorResult<Uint8Array>> {
    return this.#body.return();
  }
}
