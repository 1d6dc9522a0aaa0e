/**
 * A `multipart/form-data` body, read as it comes (RFC 7578; AWS "HTML forms"): fields first, then one file,
 * of which no more is held than a delimiter may hide. All that is not the file is bounded together, as S3
 * bounds it, whatever its share of names, boundaries and values.
 */
import { KiB } from '@forebay/core/bytes';
import { S3Error } from '../errors.ts';
import { type PartName, parsePartHead } from './part-head.ts';

/** All but the file's own bytes (AWS "HTML forms": the form data and boundaries). */
export const formBytesMax = 20 * KiB;

const crlf = Buffer.from('\r\n');
const headEnd = Buffer.from('\r\n\r\n');

export interface FormHead {
  /** In their order, as sent. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** The client's name for the file, with whatever path it put before it. */
  readonly fileName: string;
}

export class FormReader {
  readonly #nextPiece: () => Promise<Buffer | undefined>;
  readonly #delimiter: Buffer;
  /** Not used yet. A delimiter begins with a line end, which the first one of a body lacks. */
  #buffered: Buffer = crlf;
  #formBytes = 0;

  /** @param nextPiece undefined at the end of the body */
  constructor(boundary: string, nextPiece: () => Promise<Buffer | undefined>) {
    this.#delimiter = Buffer.from(`\r\n--${boundary}`, 'latin1');
    this.#nextPiece = nextPiece;
  }

  /**
   * Up to the first byte of the file.
   * @throws S3Error MalformedPOSTRequest, MaxPostPreDataLengthExceededError; InvalidArgument without a file
   */
  async head(): Promise<FormHead> {
    const fields: [string, string][] = [];
    await this.#takeUntil(this.#delimiter);
    for (;;) {
      const part = await this.#partName();
      if (!part) throw wrongFileCount(0);
      if (isFile(part)) return { fields, fileName: part.fileName ?? '' };
      fields.push([part.name, utf8(await this.#takeUntil(this.#delimiter))]);
    }
  }

  /** The file's bytes, after `head()`. @throws S3Error MalformedPOSTRequest where the body ends inside it */
  async *file(): AsyncGenerator<Buffer, void> {
    for (;;) {
      const at = this.#buffered.indexOf(this.#delimiter);
      if (at >= 0) {
        const last = this.#take(at, this.#delimiter.length);
        this.#count(this.#delimiter.length);
        if (last.length > 0) yield last;
        return;
      }
      const safeBytes = this.#buffered.length - this.#delimiter.length + 1;
      if (safeBytes > 0) yield this.#take(safeBytes, 0);
      await this.#more();
    }
  }

  /**
   * After the file, to the end of the body: buttons and the like, which S3 ignores.
   * @throws S3Error MalformedPOSTRequest, MaxPostPreDataLengthExceededError; InvalidArgument for a second
   * file
   */
  async rest(): Promise<void> {
    for (;;) {
      const part = await this.#partName();
      if (!part) break;
      if (isFile(part)) throw wrongFileCount(2);
      await this.#takeUntil(this.#delimiter);
    }
    this.#count(this.#buffered.length);
    for (;;) {
      const piece = await this.#nextPiece();
      if (!piece) return;
      this.#count(piece.length);
    }
  }

  /** Of the part after a delimiter; undefined after the last one. */
  async #partName(): Promise<PartName | undefined> {
    while (this.#buffered.length < 2) await this.#more();
    if (this.#buffered.toString('latin1', 0, 2) === '--') return undefined;
    // Space may pad the line of a delimiter (RFC 2046 5.1.1).
    if (utf8(await this.#takeUntil(crlf)).trim() !== '') throw malformed();
    return parsePartHead(utf8(await this.#takeUntil(headEnd)));
  }

  async #takeUntil(marker: Buffer): Promise<Buffer> {
    let from = 0;
    for (;;) {
      const at = this.#buffered.indexOf(marker, from);
      if (at >= 0) {
        this.#count(at + marker.length);
        return this.#take(at, marker.length);
      }
      if (this.#formBytes + this.#buffered.length > formBytesMax) throw tooLarge();
      from = Math.max(0, this.#buffered.length - marker.length + 1);
      await this.#more();
    }
  }

  /** The next bytes; `skipBytes` after them are dropped. */
  #take(sizeBytes: number, skipBytes: number): Buffer {
    const taken = this.#buffered.subarray(0, sizeBytes);
    this.#buffered = this.#buffered.subarray(sizeBytes + skipBytes);
    return taken;
  }

  #count(sizeBytes: number): void {
    this.#formBytes += sizeBytes;
    if (this.#formBytes > formBytesMax) throw tooLarge();
  }

  async #more(): Promise<void> {
    const piece = await this.#nextPiece();
    if (!piece) throw malformed();
    this.#buffered = this.#buffered.length === 0 ? piece : Buffer.concat([this.#buffered, piece]);
  }
}

function isFile({ name }: PartName): boolean {
  return name.toLowerCase() === 'file';
}

/** Forms and what stands in them are UTF-8 (AWS "HTML form encoding"). */
function utf8(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw malformed();
  }
}

function malformed(): S3Error {
  return new S3Error('MalformedPOSTRequest');
}

function tooLarge(): S3Error {
  return new S3Error('MaxPostPreDataLengthExceededError', {
    fields: { MaxPostPreDataLengthBytes: String(formBytesMax) },
  });
}

function wrongFileCount(count: number): S3Error {
  return new S3Error('InvalidArgument', {
    message: 'POST requires exactly one file upload per request.',
    fields: { ArgumentName: 'file', ArgumentValue: String(count) },
  });
}
