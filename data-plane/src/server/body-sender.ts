/** Sends one body: no more than its client granted, and nothing once the client has left. */
import { ForebayError } from '@forebay/core/errors';
import { isSliced, type SlicedBody } from '@forebay/core/pieces';
import { dataBytesMax } from '../wire/frame.ts';
import type { Outbox } from '../wire/outbox.ts';
import { FileFrame } from './file-frame.ts';

export class BodySender {
  readonly #outbox: Outbox;
  readonly #stream: number;
  /** Shorter frames are not worth it: more credit is to come, half of the window at once. */
  readonly #worthBytes: number;
  #credit: number;
  #leftBytes = 0;
  #isLeft = false;
  #wake: (() => void) | undefined;
  #leave: (() => void) | undefined;

  constructor(outbox: Outbox, stream: number, creditBytes: number) {
    this.#outbox = outbox;
    this.#stream = stream;
    this.#credit = creditBytes;
    this.#worthBytes = Math.ceil(creditBytes / 4);
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
      this.#outbox.nextTurn();
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
      if (this.#credit < Math.min(this.#worthBytes, this.#leftBytes)) {
        this.#outbox.nextTurn();
        await this.#creditFor(this.#leftBytes);
      }
      if (this.#isLeft) return;
      let part = body.nextSlice();
      if (part instanceof Promise) {
        this.#outbox.nextTurn();
        part = await part;
      }
      if (this.#isLeft) return;
      if (part === undefined || part instanceof Uint8Array) await this.#sendBytes(part);
      else if (this.#outbox.beginSteps()) {
        const lengthBytes = Math.min(this.#credit, dataBytesMax, part.lengthBytes);
        this.#count(lengthBytes);
        const frame = new FileFrame(this.#outbox, body, () => this.#isLeft);
        const sending = frame.send(this.#stream, part, { lengthBytes, isLast: this.#leftBytes === 0 });
        const rest = sending && (await sending);
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
      await this.#creditFor(part.byteLength - at);
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

  /** Waits until so many bytes may be sent, or as many as are worth a frame, or the client has left. */
  async #creditFor(lengthBytes: number): Promise<void> {
    while (this.#credit < Math.min(this.#worthBytes, lengthBytes) && !this.#isLeft) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
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
