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
   * @returns what is left of a piece that was longer than the frame
   * @throws what the body throws; the connection is destroyed then
   */
  async send(
    stream: number,
    slice: FileSlice,
    { lengthBytes, isLast }: { readonly lengthBytes: number; readonly isLast: boolean },
  ): Promise<Uint8Array | undefined> {
    this.#missingBytes = lengthBytes;
    try {
      this.#outbox.dataHeader(stream, lengthBytes, isLast);
      let rest: Uint8Array | undefined;
      let part: FileSlice | Uint8Array = slice;
      for (;;) {
        if (part instanceof Uint8Array) rest = await this.#sendBytes(part);
        else await this.#sendSlice(part);
        if (this.#missingBytes === 0 || this.#outbox.isClosed) return rest;
        part = await this.#nextPart();
      }
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

  async #sendSlice({ file, offset, lengthBytes }: FileSlice): Promise<void> {
    const wanted = Math.min(this.#missingBytes, lengthBytes);
    let sent: number | undefined = tryAgain;
    // Behind what Node has not written yet it would come too early.
    if (this.#outbox.isDrained) sent = this.#outbox.sendFile(file, offset, wanted);
    if (sent === undefined || (sent <= 0 && sent !== tryAgain && sent !== interrupted)) {
      // It must be read, which tells what is wrong with it.
      this.#mayLend = false;
      this.#body.unread(lengthBytes);
      return;
    }
    const sentBytes = Math.max(0, sent);
    this.#missingBytes -= sentBytes;
    if (sentBytes === wanted) {
      if (lengthBytes > wanted) this.#body.unread(lengthBytes - wanted);
      return;
    }
    const probe = Buffer.allocUnsafe(Math.min(probeBytes, wanted - sentBytes));
    const length = readSync(file, probe, 0, probe.length, offset + sentBytes);
    this.#body.unread(lengthBytes - sentBytes - length);
    this.#missingBytes -= length;
    await this.#outbox.write(probe.subarray(0, length));
  }
}
