/** Finds the end of an answer's head in bytes that come in any cuts, within a bound. */
import { malformed } from './answer-head.ts';

/** Far above what any store sends: S3 allows 2 KiB of metadata. */
const headBytesMax = 64 * 1024;
const ending = Buffer.from('\r\n\r\n', 'latin1');
const beginning = Buffer.from('HTTP/1.', 'latin1');
const [carriageReturn, lineFeed] = [0x0d, 0x0a];

export class HeadReader {
  /** What came so far of a head that came in parts. */
  #held: Buffer | undefined;
  #heldBytes = 0;

  /**
   * Takes further bytes. Undefined until the head is whole; then its text, one character per byte, without
   * the empty line, and how many of these bytes belonged to it.
   * @throws WireError EPROTO for what is no head, or too long
   */
  take(bytes: Buffer): { text: string; takenBytes: number } | undefined {
    if (!this.#held) {
      const at = bytes.indexOf(ending);
      if (at >= 0 && at <= headBytesMax) {
        return { text: bytes.toString('latin1', 0, at), takenBytes: at + ending.length };
      }
    }
    return this.#takePart(bytes);
  }

  #takePart(bytes: Buffer): { text: string; takenBytes: number } | undefined {
    this.#held ??= Buffer.allocUnsafe(headBytesMax);
    const before = this.#heldBytes;
    const copiedBytes = bytes.copy(this.#held, before);
    this.#heldBytes += copiedBytes;
    const held = this.#held.subarray(0, this.#heldBytes);
    const at = held.indexOf(ending, Math.max(0, before - ending.length + 1));
    if (at >= 0) {
      this.#held = undefined;
      this.#heldBytes = 0;
      return { text: held.toString('latin1', 0, at), takenBytes: at + ending.length - before };
    }
    if (copiedBytes < bytes.length || held.length === headBytesMax) throw malformed('its head is too long');
    // Said at once: who never sends the right end would be waited for.
    const begun = Math.min(held.length, beginning.length);
    if (held.compare(beginning, 0, begun, 0, begun) !== 0) throw malformed('its head is no HTTP/1.1');
    for (let index = before; index < held.length; index += 1) {
      if (held[index] === lineFeed && held[index - 1] !== carriageReturn) throw malformed('a bare line feed');
    }
    return undefined;
  }
}
