/**
 * Bodies of writes. The last bytes leave only after the source has ended well: where it throws, or has fewer or more
 * bytes than announced, the store is left with an incomplete request and can store nothing.
 */
import { assert } from '@forebay/core/errors';
import type { UfsUpload } from '../ufs.ts';

/** Encoded and framed, as it goes over the wire. */
export interface WireBody {
  /** Undefined: not known beforehand, sent with transfer-encoding chunked. */
  readonly contentLength: number | undefined;
  readonly pieces: AsyncIterable<Uint8Array>;
  /** Why the source failed, once it has. */
  failure(): { readonly error: unknown } | undefined;
  /** Nobody reads on: lets go of the source, also one that is waiting for its client. */
  stop(): void;
}

const chunkSizeBytes = 1024 * 1024;

/** Characters of a base64 checksum by algorithm, so that the encoded length is known before the value is. */
const checksumLength: Readonly<Record<string, number>> = {
  'x-amz-checksum-crc32': 8,
  'x-amz-checksum-crc32c': 8,
  'x-amz-checksum-crc64nvme': 12,
  'x-amz-checksum-sha1': 28,
  'x-amz-checksum-sha256': 44,
  'x-amz-checksum-sha512': 88,
  'x-amz-checksum-md5': 24,
  'x-amz-checksum-xxhash64': 12,
  'x-amz-checksum-xxhash3': 12,
  'x-amz-checksum-xxhash128': 24,
};

export function wireBodyOf(upload: UfsUpload): WireBody {
  const source = new ExactSource(upload.body, upload.sizeBytes);
  const { trailer, sizeBytes } = upload;
  return {
    contentLength: trailer ? encodedLength(sizeBytes, trailer.name) : sizeBytes,
    pieces: trailer ? awsChunked(source, sizeBytes, trailer) : source,
    failure: () => source.failure,
    stop: () => source.stop(),
  };
}

class ExactSource implements AsyncIterableIterator<Uint8Array> {
  failure: { readonly error: unknown } | undefined;
  readonly #source: AsyncIterable<Uint8Array>;
  readonly #sizeBytes: number;
  #iterator: AsyncIterator<Uint8Array> | undefined;
  #takenBytes = 0;
  #ended = false;
  #stopped = false;
  #wake: (() => void) | undefined;

  constructor(source: AsyncIterable<Uint8Array>, sizeBytes: number) {
    this.#source = source;
    this.#sizeBytes = sizeBytes;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    let held: Uint8Array | undefined;
    while (!this.#ended) {
      const result = await this.#take();
      if (result.done) {
        this.#ended = true;
        if (this.#takenBytes !== this.#sizeBytes) throw this.#misfit();
        break;
      }
      if (result.value.byteLength === 0) continue;
      this.#takenBytes += result.value.byteLength;
      if (this.#takenBytes > this.#sizeBytes) throw this.#misfit();
      if (this.#takenBytes < this.#sizeBytes) return { done: false, value: result.value };
      held = result.value;
    }
    return held ? { done: false, value: held } : { done: true, value: undefined };
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    this.stop();
    return { done: true, value: undefined };
  }

  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#wake?.();
    // A generator that waits for its client returns only once that wait is over: not ours to wait for.
    if (!this.#ended) this.#iterator?.return?.().catch(() => {});
    this.#ended = true;
  }

  /** What `read` throws counts as the source's own failure. */
  guard<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      this.failure = { error };
      throw error;
    }
  }

  /** The source's next piece, or an error as soon as nobody wants it any more. */
  #take(): Promise<IteratorResult<Uint8Array>> {
    this.#iterator ??= this.#source[Symbol.asyncIterator]();
    const iterator = this.#iterator;
    return new Promise((resolve, reject) => {
      this.#wake = () => reject(new Error('the request is over'));
      iterator.next().then(resolve, (error: unknown) => {
        this.#ended = true;
        if (!this.#stopped) this.failure = { error };
        reject(error);
      });
    });
  }

  #misfit(): Error {
    const error = new Error(`body of ${this.#sizeBytes} bytes has ${this.#takenBytes} or more`);
    this.failure = { error };
    this.stop();
    return error;
  }
}

/** `STREAMING-UNSIGNED-PAYLOAD-TRAILER` (S3-WIRE 51): the store verifies the checksum and keeps it. */
async function* awsChunked(
  source: ExactSource,
  sizeBytes: number,
  trailer: NonNullable<UfsUpload['trailer']>,
): AsyncGenerator<Uint8Array> {
  let leftInChunk = 0;
  let leftBytes = sizeBytes;
  for await (const piece of source) {
    let rest = piece;
    while (rest.byteLength > 0) {
      if (leftInChunk === 0) {
        leftInChunk = Math.min(chunkSizeBytes, leftBytes);
        yield ascii(`${leftInChunk.toString(16)}\r\n`);
      }
      const part = rest.subarray(0, leftInChunk);
      yield part;
      rest = rest.subarray(part.byteLength);
      leftInChunk -= part.byteLength;
      leftBytes -= part.byteLength;
      if (leftInChunk === 0) yield ascii('\r\n');
    }
  }
  assert(leftBytes === 0, 'the chunks hold the whole body');
  yield ascii(`0\r\n${trailer.name}:${source.guard(() => trailer.value())}\r\n\r\n`);
}

function encodedLength(sizeBytes: number, trailerName: string): number | undefined {
  const valueLength = checksumLength[trailerName];
  if (valueLength === undefined) return undefined;
  const framed = (length: number) => length.toString(16).length + 2 + length + 2;
  const full = Math.floor(sizeBytes / chunkSizeBytes);
  const rest = sizeBytes % chunkSizeBytes;
  const trailerLength = trailerName.length + 1 + valueLength + 4;
  return full * framed(chunkSizeBytes) + (rest > 0 ? framed(rest) : 0) + 3 + trailerLength;
}

function ascii(text: string): Uint8Array {
  return Buffer.from(text, 'latin1');
}
