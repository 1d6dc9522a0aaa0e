/**
 * Exactly the bytes of a span, straight from the UFS to one reader and kept nowhere: what is read where whole
 * pages would cost too much.
 */
import { ForebayError } from '@forebay/core/errors';
import type { ByteRange } from '@forebay/core/range';
import type { UfsObject } from '@forebay/ufs/ufs';
import { originOf, type UfsOrigin } from '@forebay/ufs/ufs-origin';
import { asFillError, skipBytesOf } from './fill-answers.ts';
import type { PageSource } from './page-source.ts';

export class SpanRead {
  readonly source: PageSource;
  readonly #span: ByteRange;
  readonly #signal: AbortSignal;
  readonly #onFetched: (bytes: number) => void;
  #opened: UfsObject | undefined;
  #iterator: AsyncIterator<Uint8Array> | undefined;
  #skipBytes = 0;
  #leftBytes: number;
  #closed = false;

  constructor(options: {
    readonly source: PageSource;
    readonly span: ByteRange;
    readonly signal: AbortSignal;
    /** The answer that the info came with, if that is how these bytes are brought. */
    readonly opened?: UfsObject | undefined;
    readonly onFetched: (bytes: number) => void;
  }) {
    this.source = options.source;
    this.#span = options.span;
    this.#signal = options.signal;
    this.#opened = options.opened;
    this.#onFetched = options.onFetched;
    this.#leftBytes = options.span.endExclusive - options.span.start;
  }

  get origin(): UfsOrigin {
    return this.#opened ? originOf(this.#opened) : 'ufs';
  }

  get isOver(): boolean {
    return this.#leftBytes === 0;
  }

  /**
   * The next bytes, lent until the next call or `close`; never none. @throws ForebayError version-changed,
   * ufs-unavailable
   */
  async next(): Promise<Uint8Array> {
    try {
      this.#iterator ??= await this.#open();
      for (;;) {
        const { done, value } = await this.#iterator.next();
        if (done) throw new ForebayError('ufs-unavailable', 'the UFS sent less than it announced');
        if (this.origin === 'ufs') this.#onFetched(value.byteLength);
        const from = Math.min(this.#skipBytes, value.byteLength);
        this.#skipBytes -= from;
        const bytes = value.subarray(from, from + this.#leftBytes);
        if (bytes.byteLength === 0) continue;
        this.#leftBytes -= bytes.byteLength;
        return bytes;
      }
    } catch (error) {
      throw asFillError(error);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    const opened = this.#opened;
    const iterator = this.#iterator ?? opened?.body[Symbol.asyncIterator]();
    this.#opened = undefined;
    this.#iterator = undefined;
    // Reading to the very end lets the connection serve the next request.
    if (iterator && this.isOver && opened?.range.endExclusive === this.#span.endExclusive) {
      await iterator.next().catch(() => {});
    }
    await iterator?.return?.().catch(() => {});
  }

  async #open(): Promise<AsyncIterator<Uint8Array>> {
    const { ufs, object, info } = this.source;
    const { versionId, ufsKey } = object;
    const range = { kind: 'span', ...this.#span } as const;
    const options = { range, versionId, ifMatch: info.etag, known: info, signal: this.#signal };
    this.#opened ??= await ufs.get(ufsKey, options);
    if (this.#closed) {
      await this.close();
      throw new ForebayError('ufs-unavailable', 'the reader has left');
    }
    this.#skipBytes = skipBytesOf(this.#opened, this.source, this.#span.start);
    return this.#opened.body[Symbol.asyncIterator]();
  }
}
