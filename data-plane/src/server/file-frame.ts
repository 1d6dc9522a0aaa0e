/**
 * One data frame that begins with a part of a file, by sendfile(2). What the socket takes of it at once is
 * not known before: the rest is asked of the body again, part by part, and may come in another way. Its
 * length was said in its header, so that it must be sent whole, or the connection ends.
 */
import { readSync } from 'node:fs';
import { ForebayError } from '@forebay/core/errors';
import type { FileSlice, SlicedBody } from '@forebay/core/pieces';
import type { Outbox } from '../wire/outbox.ts';

/** What is written the usual way when the socket takes no more: its end tells that there is room again. */
const probeBytes = 16 * 1024;
const interrupted = -4;
const tryAgain = -11;
/** For who has left already, in place of bytes that nobody has any more. */
const filler = Buffer.alloc(probeBytes);

/** Of which sendfile(2) was asked for so many bytes, and what it said. */
interface BegunSlice extends FileSlice {
  readonly sent: number | undefined;
  readonly wanted: number;
}

export class FileFrame {
  readonly #outbox: Outbox;
  readonly #body: SlicedBody;
  readonly #isLeft: () => boolean;
  #missingBytes = 0;
  #mayLend = true;

  /** @param outbox steps were begun on it; they are ended here */
  constructor(outbox: Outbox, body: SlicedBody, isLeft: () => boolean) {
    this.#outbox = outbox;
    this.#body = body;
    this.#isLeft = isLeft;
  }

  /**
   * As much as the socket takes in this tick; the rest, if there is one, as it comes.
   * @returns what is left of a piece that was longer than the frame
   * @throws what the body throws; the connection is destroyed then
   */
  send(
    stream: number,
    slice: FileSlice,
    { lengthBytes, isLast }: { readonly lengthBytes: number; readonly isLast: boolean },
  ): undefined | Promise<Uint8Array | undefined> {
    this.#missingBytes = lengthBytes;
    this.#outbox.dataHeader(stream, lengthBytes, isLast);
    const wanted = Math.min(lengthBytes, slice.lengthBytes);
    const sent = this.#sendFile(slice, wanted);
    if (sent !== wanted || wanted < lengthBytes) return this.#sendRest({ ...slice, sent, wanted });
    this.#took(slice, wanted);
    this.#outbox.endSteps();
    return undefined;
  }

  async #sendRest(begun: BegunSlice): Promise<Uint8Array | undefined> {
    try {
      let rest: Uint8Array | undefined;
      await this.#endSlice(begun);
      while (this.#missingBytes > 0 && !this.#outbox.isClosed) {
        const part = await this.#nextPart();
        if (part instanceof Uint8Array) rest = await this.#sendBytes(part);
        else {
          const wanted = Math.min(this.#missingBytes, part.lengthBytes);
          await this.#endSlice({ ...part, sent: this.#sendFile(part, wanted), wanted });
        }
      }
      return rest;
    } catch (error) {
      this.#outbox.destroy();
      throw error;
    } finally {
      this.#outbox.endSteps();
    }
  }

  async #nextPart(): Promise<FileSlice | Uint8Array> {
    if (this.#isLeft()) return filler;
    const part = this.#mayLend ? await this.#body.nextSlice() : (await this.#body.next()).value;
    if (this.#isLeft()) return filler;
    if (part === undefined) throw new ForebayError('ufs-unavailable', 'a body is shorter than its range');
    return part;
  }

  async #sendBytes(bytes: Uint8Array): Promise<Uint8Array | undefined> {
    const length = Math.min(this.#missingBytes, bytes.byteLength);
    this.#missingBytes -= length;
    await this.#outbox.write(bytes.subarray(0, length));
    return bytes === filler || length === bytes.byteLength ? undefined : bytes.subarray(length);
  }

  /** @returns what sendfile(2) does */
  #sendFile({ file, offset }: FileSlice, lengthBytes: number): number | undefined {
    // Behind what Node has not written yet it would come too early.
    return this.#outbox.isDrained ? this.#outbox.sendFile(file, offset, lengthBytes) : tryAgain;
  }

  #took({ lengthBytes }: FileSlice, sentBytes: number): void {
    this.#missingBytes -= sentBytes;
    if (lengthBytes > sentBytes) this.#body.unread(lengthBytes - sentBytes);
  }

  /** What sendfile(2) did not take of a slice. */
  async #endSlice({ sent, wanted, ...slice }: BegunSlice): Promise<void> {
    const { file, offset, lengthBytes } = slice;
    if (sent === undefined || (sent <= 0 && sent !== tryAgain && sent !== interrupted)) {
      // It must be read, which tells what is wrong with it.
      this.#mayLend = false;
      this.#body.unread(lengthBytes);
      return;
    }
    const sentBytes = Math.max(0, sent);
    if (sentBytes === wanted) {
      this.#took(slice, wanted);
      return;
    }
    const probe = Buffer.allocUnsafe(Math.min(probeBytes, wanted - sentBytes));
    const length = readSync(file, probe, 0, probe.length, offset + sentBytes);
    this.#took(slice, sentBytes + length);
    await this.#outbox.write(probe.subarray(0, length));
  }
}
