/** A body of lent pieces, spoiled afterwards, that breaks off or hangs where it is told to. */
import { ForebayError } from '@forebay/core/errors';
import type { BodyFault } from './test-owner.ts';

export interface FaultyBodyOptions {
  /** Offset of the bytes in their object. */
  readonly start: number;
  readonly pieceBytes: number;
  /** Asked before each piece; a fault lies before the offset's byte. */
  readonly faultAt: (offset: number) => BodyFault | undefined;
  readonly onClose: () => void;
}

const end = { done: true, value: undefined } as const;

export class FaultyBody implements AsyncIterableIterator<Uint8Array> {
  readonly #bytes: Buffer;
  readonly #options: FaultyBodyOptions;
  readonly #left = Promise.withResolvers<void>();
  #at = 0;
  #lent = Buffer.alloc(0);
  #isOpen = true;

  constructor(bytes: Buffer, options: FaultyBodyOptions) {
    this.#bytes = bytes;
    this.#options = options;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#lent.fill(0xdb);
    const { start, pieceBytes, faultAt } = this.#options;
    await Promise.resolve();
    const fault = this.#at < this.#bytes.length ? faultAt(start + this.#at) : undefined;
    if (fault === 'hang') await this.#left.promise;
    else if (fault === 'short') return this.return();
    else if (fault) {
      await this.return();
      throw errorOf[fault]();
    }
    if (!this.#isOpen || this.#at >= this.#bytes.length) return this.return();
    let lengthBytes = 1;
    const lengthMax = Math.min(pieceBytes, this.#bytes.length - this.#at);
    while (lengthBytes < lengthMax && !faultAt(start + this.#at + lengthBytes)) lengthBytes += 1;
    this.#lent = Buffer.from(this.#bytes.subarray(this.#at, this.#at + lengthBytes));
    this.#at += lengthBytes;
    return { done: false, value: this.#lent };
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#lent.fill(0xdb);
    if (this.#isOpen) this.#options.onClose();
    this.#isOpen = false;
    this.#left.resolve();
    return end;
  }
}

const errorOf = {
  break: () => new ForebayError('node-unavailable', 'the connection is lost'),
  changed: () => new ForebayError('version-changed', 'the object changed'),
  ufs: () => new ForebayError('ufs-unavailable', 'the UFS does not answer the node'),
} as const;
