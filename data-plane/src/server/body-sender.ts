/** Sends one body: no more than its client granted, and nothing once the client has left. */
import { ForebayError } from '@forebay/core/errors';
import { isSliced, type SlicedBody } from '@forebay/core/pieces';
import { dataBytesMax } from '../wire/frame.ts';
import type { Outbox } from '../wire/outbox.ts';
import { FileFrame } from './file-frame.ts';

export class BodySender {
  readonly #outbox: Outbox;
  readonly #stream: number;
  #credit: number;
  #leftBytes = 0;
  #isLeft = false;
  #wake: (() => void) | undefined;
  #leave: (() => void) | undefined;

  constructor(outbox: Outbox, stream: number, creditBytes: number) {
    this.#outbox = outbox;
    this.#stream = stream;
    this.#credit = creditBytes;
  }

  /** The client takes so many bytes more. */
  grant(lengthBytes: number): void {
    this.#credit += lengthBytes;
    this.#wakeUp();
  }

  /** The client has left. */
  leave(): void {
    this.#isLeft = true;
    this.#wakeUp();
    this.#leave?.();
  }

  /** The body is returned in every case. @throws what it throws; ForebayError where its length is another */
  async send(body: AsyncIterable<Uint8Array>, lengthBytes: number): Promise<void> {
    const sliced = this.#outbox.sendsFiles && isSliced(body) ? body : undefined;
    const iterator = sliced ?? body[Symbol.asyncIterator]();
    // Also while its next piece is waited for.
    this.#leave = () => void returned(iterator);
    this.#leftBytes = lengthBytes;
    try {
      if (sliced) await this.#sendSlices(sliced);
      else await this.#sendPieces(iterator);
    } finally {
      this.#leave = undefined;
      await returned(iterator);
    }
  }

  async #sendPieces(iterator: AsyncIterator<Uint8Array>): Promise<void> {
    while (this.#leftBytes > 0 && !this.#isLeft) {
      const { value } = await iterator.next();
      if (!this.#isLeft) await this.#sendBytes(value);
    }
  }

  async #sendSlices(body: SlicedBody): Promise<void> {
    while (this.#leftBytes > 0) {
      if (this.#credit === 0) await this.#granted();
      if (this.#isLeft) return;
      const next = body.nextSlice();
      const part = next instanceof Promise ? await next : next;
      if (this.#isLeft) return;
      if (part === undefined || part instanceof Uint8Array) await this.#sendBytes(part);
      else if (this.#outbox.beginSteps()) {
        const lengthBytes = Math.min(this.#credit, dataBytesMax, part.lengthBytes);
        this.#count(lengthBytes);
        const frame = new FileFrame(this.#outbox, body, () => this.#isLeft);
        const rest = await frame.send(this.#stream, part, { lengthBytes, isLast: this.#leftBytes === 0 });
        if (rest) await this.#sendBytes(rest);
      } else {
        // A slice is good for its tick alone.
        body.unread(part.lengthBytes);
        await this.#outbox.turn();
      }
    }
  }

  async #sendBytes(part: Uint8Array | undefined): Promise<void> {
    if (part === undefined) throw new ForebayError('ufs-unavailable', 'a body is shorter than its range');
    let at = 0;
    while (at < part.byteLength) {
      while (this.#credit === 0 && !this.#isLeft) await this.#granted();
      if (this.#isLeft) return;
      const length = Math.min(this.#credit, dataBytesMax, part.byteLength - at);
      this.#count(length);
      await this.#outbox.data(this.#stream, part.subarray(at, at + length), this.#leftBytes === 0);
      at += length;
    }
  }

  #count(lengthBytes: number): void {
    this.#credit -= lengthBytes;
    this.#leftBytes -= lengthBytes;
    if (this.#leftBytes < 0) throw new ForebayError('ufs-unavailable', 'a body is longer than its range');
  }

  #granted(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #wakeUp(): void {
    this.#wake?.();
    this.#wake = undefined;
  }
}

/** How a body takes it that nobody reads on is its own affair. */
async function returned(iterator: AsyncIterator<Uint8Array>): Promise<void> {
  try {
    await iterator.return?.();
  } catch {
    // It had failed already.
  }
}
