/** Sends one body: no more than its client granted, and nothing once the client has left. */
import { ForebayError } from '@forebay/core/errors';
import { type FileSlice, isSliced, type SlicedBody } from '@forebay/core/pieces';
import { dataBytesMax } from '../wire/frame.ts';
import type { Outbox } from '../wire/outbox.ts';

type Part = Uint8Array | FileSlice;

export class BodySender {
  readonly #outbox: Outbox;
  readonly #stream: number;
  #credit: number;
  #left = false;
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
    this.#left = true;
    this.#wakeUp();
    this.#leave?.();
  }

  /** The body is returned in every case. @throws what it throws; ForebayError where it is too short */
  async send(body: AsyncIterable<Uint8Array>, lengthBytes: number): Promise<void> {
    const sliced = this.#outbox.sendsFiles && isSliced(body);
    const iterator = sliced ? body : body[Symbol.asyncIterator]();
    // Also while its next piece is waited for.
    this.#leave = () => void returned(iterator);
    let leftBytes = lengthBytes;
    try {
      while (leftBytes > 0 && !this.#left) {
        const part = sliced ? await nextSlice(body) : (await iterator.next()).value;
        if (this.#left) return;
        if (part === undefined) throw new ForebayError('ufs-unavailable', 'a body is shorter than its range');
        leftBytes -= sizeOf(part);
        if (leftBytes < 0) throw new ForebayError('ufs-unavailable', 'a body is longer than its range');
        await this.#sendPart(part, leftBytes === 0);
      }
    } finally {
      this.#leave = undefined;
      await returned(iterator);
    }
  }

  async #sendPart(part: Part, isLast: boolean): Promise<void> {
    const sizeBytes = sizeOf(part);
    let at = 0;
    while (at < sizeBytes) {
      while (this.#credit === 0 && !this.#left) await new Promise<void>((resolve) => (this.#wake = resolve));
      if (this.#left) return;
      const length = Math.min(this.#credit, dataBytesMax, sizeBytes - at);
      this.#credit -= length;
      const endsBody = isLast && at + length === sizeBytes;
      if (part instanceof Uint8Array) {
        await this.#outbox.data(this.#stream, part.subarray(at, at + length), endsBody);
      } else {
        const slice = { file: part.file, offset: part.offset + at, lengthBytes: length };
        await this.#outbox.file(this.#stream, slice, endsBody);
      }
      at += length;
    }
  }

  #wakeUp(): void {
    this.#wake?.();
    this.#wake = undefined;
  }
}

function nextSlice(body: AsyncIterable<Uint8Array>): ReturnType<SlicedBody['nextSlice']> {
  return (body as SlicedBody).nextSlice();
}

function sizeOf(part: Part): number {
  return part instanceof Uint8Array ? part.byteLength : part.lengthBytes;
}

/** How a body takes it that nobody reads on is its own affair. */
async function returned(iterator: AsyncIterator<Uint8Array>): Promise<void> {
  try {
    await iterator.return?.();
  } catch {
    // It had failed already.
  }
}
