/** The chunked coding of a body (RFC 9112 section 7.1), read strictly: one spelling of each line end. */
import { malformed } from './answer-head.ts';

/** Of a chunk's size with its extensions, and of all trailers. Both are thrown away. */
const lineBytesMax = 4 * 1024;
const trailerBytesMax = 16 * 1024;
const [carriageReturn, lineFeed, semicolon, space, tab] = [0x0d, 0x0a, 0x3b, 0x20, 0x09];

type State =
  | 'size'
  | 'extension'
  | 'size-lf'
  | 'data'
  | 'data-cr'
  | 'data-lf'
  | 'trailer'
  | 'trailer-lf'
  | 'done';

export class ChunkedDecoder {
  #state: State = 'size';
  #leftBytes = 0;
  #digits = 0;
  #lineBytes = 0;
  #trailerBytes = 0;

  get done(): boolean {
    return this.#state === 'done';
  }

  /**
   * Moves the data within `bytes` to the front of it.
   * @returns how many bytes of data are there now, and how many bytes belonged to the body
   * @throws WireError EPROTO
   */
  decode(bytes: Buffer): { dataBytes: number; takenBytes: number } {
    let read = 0;
    let written = 0;
    while (read < bytes.length && this.#state !== 'done') {
      if (this.#state === 'data') {
        const length = Math.min(this.#leftBytes, bytes.length - read);
        if (read !== written) bytes.copyWithin(written, read, read + length);
        read += length;
        written += length;
        this.#leftBytes -= length;
        if (this.#leftBytes === 0) this.#state = 'data-cr';
      } else {
        this.#step(bytes[read]!);
        read += 1;
      }
    }
    return { dataBytes: written, takenBytes: read };
  }

  #step(byte: number): void {
    switch (this.#state) {
      case 'size':
        this.#size(byte);
        return;
      case 'extension':
        if (byte === carriageReturn) this.#state = 'size-lf';
        else if (byte === lineFeed || this.#lineBytes >= lineBytesMax) throw badChunk();
        this.#lineBytes += 1;
        return;
      case 'size-lf':
        this.#expect(byte, lineFeed, this.#leftBytes === 0 ? 'trailer' : 'data');
        this.#lineBytes = 0;
        this.#digits = 0;
        return;
      case 'data-cr':
        this.#expect(byte, carriageReturn, 'data-lf');
        return;
      case 'data-lf':
        this.#expect(byte, lineFeed, 'size');
        return;
      case 'trailer':
        this.#trailerBytes += 1;
        if (byte === carriageReturn) this.#state = 'trailer-lf';
        else if (byte === lineFeed || this.#trailerBytes > trailerBytesMax) throw badChunk();
        else this.#lineBytes += 1;
        return;
      case 'trailer-lf':
        // The empty line ends the body.
        this.#expect(byte, lineFeed, this.#lineBytes === 0 ? 'done' : 'trailer');
        this.#lineBytes = 0;
        return;
      default:
        throw badChunk();
    }
  }

  #size(byte: number): void {
    const digit = hexDigitOf(byte);
    if (digit >= 0) {
      // Eight digits are 4 GiB: no server makes larger chunks, and no number here gets inexact.
      if (this.#digits >= 8) throw badChunk();
      this.#digits += 1;
      this.#leftBytes = this.#leftBytes * 16 + digit;
      return;
    }
    if (this.#digits === 0) throw badChunk();
    if (byte === carriageReturn) this.#state = 'size-lf';
    else if (byte === semicolon || byte === space || byte === tab) this.#state = 'extension';
    else throw badChunk();
  }

  #expect(byte: number, wanted: number, next: State): void {
    if (byte !== wanted) throw badChunk();
    this.#state = next;
  }
}

function hexDigitOf(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

function badChunk(): Error {
  return malformed('its chunks cannot be read');
}
