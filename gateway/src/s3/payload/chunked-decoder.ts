/**
 * The `aws-chunked` framing (S3-WIRE 49-58), undone piece by piece. Data passes through as slices of what
 * came in; only trickles of a signed chunk are copied together. In a signed body a chunk's data is held until
 * its signature is verified, so a signed chunk must fit into memory: larger ones are refused.
 */
import { sha256Stream } from '@forebay/core/sigv4';
import { S3Error } from '../errors.ts';
import { ChunkSignatures } from './chunk-signatures.ts';
import { HeldPieces } from './held-pieces.ts';
import type { ChunkSigning } from './payload-mode.ts';

const chunkBytesMin = 8192;
const lineLengthMax = 1024;
const trailerLinesMax = 16;
const trailerSignatureName = 'x-amz-trailer-signature';
const unsignedHead = /^([0-9a-fA-F]{1,16})$/;
const signedHead = /^([0-9a-fA-F]{1,16})[ \t]*;[ \t]*chunk-signature[ \t]*=[ \t]*([^\s;]+)$/;
const trailerLine = /^([A-Za-z0-9-]+)[ \t]*:(.*)$/;

export interface ChunkedDecoderOptions {
  /** Undefined where chunks carry no signatures. */
  readonly signing: ChunkSigning | undefined;
  /** Whether the mode allows trailer lines (and demands their signature, where chunks are signed). */
  readonly trailer: boolean;
  /** Name of the one trailer that was announced, lower-case. */
  readonly trailerName: string | undefined;
  readonly decodedBytes: number;
  /** Memory that a signed chunk may take; a chunk above it is InvalidRequest. */
  readonly signedChunkBytesMax: number;
}

interface Chunk {
  readonly sizeBytes: number;
  readonly signature: string;
  leftBytes: number;
}

type State = 'head' | 'data' | 'data-end' | 'trailer' | 'end';

export class ChunkedDecoder {
  readonly #options: ChunkedDecoderOptions;
  readonly #signatures: ChunkSignatures | undefined;
  readonly #held = new HeldPieces();
  readonly #trailers: (readonly [name: string, value: string])[] = [];
  #sha256 = sha256Stream();
  #state: State = 'head';
  #line = '';
  #chunk: Chunk = { sizeBytes: chunkBytesMin, signature: '', leftBytes: 0 };
  #chunkCount = 0;
  #announcedBytes = 0;

  constructor(options: ChunkedDecoderOptions) {
    this.#options = options;
    this.#signatures = options.signing && new ChunkSignatures(options.signing);
  }

  /**
   * The data that the piece sets free, in order.
   * @throws S3Error IncompleteBody, SignatureDoesNotMatch, InvalidChunkSizeError, MalformedTrailerError,
   *   InvalidRequest for a signed chunk that is too large
   */
  push(piece: Buffer): Buffer[] {
    const data: Buffer[] = [];
    let position = 0;
    while (position < piece.length) {
      if (this.#state === 'end') throw new S3Error('IncompleteBody');
      position =
        this.#state === 'data' ? this.#takeData(piece, position, data) : this.#takeLine(piece, position);
    }
    return data;
  }

  /** At the end of the input. @throws S3Error IncompleteBody where the body is not over or too short */
  end(): void {
    if (this.#state !== 'end') throw new S3Error('IncompleteBody');
    if (this.#announcedBytes !== this.#options.decodedBytes) throw this.#wrongLength();
  }

  /** The value of the announced trailer, trimmed. Known after `end()`. */
  get trailerValue(): string | undefined {
    return this.#trailers[0]?.[1];
  }

  #takeData(piece: Buffer, start: number, data: Buffer[]): number {
    const chunk = this.#chunk;
    const slice = piece.subarray(start, start + chunk.leftBytes);
    chunk.leftBytes -= slice.length;
    if (this.#signatures) {
      this.#sha256.update(slice);
      this.#held.add(slice);
    } else {
      data.push(slice);
    }
    if (chunk.leftBytes === 0) {
      this.#verifyChunk();
      data.push(...this.#held.take());
      this.#state = 'data-end';
    }
    return start + slice.length;
  }

  #verifyChunk(): void {
    this.#signatures?.verifyChunk(this.#sha256.digestHex(), this.#chunk.signature);
    this.#sha256 = sha256Stream();
  }

  /** Up to and including the next LF. */
  #takeLine(piece: Buffer, start: number): number {
    const newline = piece.indexOf(0x0a, start);
    const end = newline < 0 ? piece.length : newline + 1;
    if (this.#line.length + end - start > lineLengthMax) throw new S3Error('IncompleteBody');
    this.#line += piece.toString('latin1', start, end);
    if (newline < 0) return end;
    const line = this.#line;
    this.#line = '';
    if (!line.endsWith('\r\n') || line.indexOf('\r') !== line.length - 2) throw new S3Error('IncompleteBody');
    this.#onLine(line.slice(0, -2));
    return end;
  }

  #onLine(line: string): void {
    if (this.#state === 'head') this.#onHead(line);
    else if (this.#state === 'trailer' && line !== '') this.#addTrailer(line);
    else if (this.#state === 'trailer') this.#endTrailers();
    else if (line === '') this.#state = 'head';
    else throw new S3Error('IncompleteBody');
  }

  #onHead(line: string): void {
    const [, size, signature = ''] = (this.#signatures ? signedHead : unsignedHead).exec(line) ?? [];
    if (size === undefined) throw new S3Error('IncompleteBody');
    const sizeBytes = Number.parseInt(size, 16);
    this.#checkSize(sizeBytes);
    this.#chunk = { sizeBytes, signature, leftBytes: sizeBytes };
    this.#announcedBytes += sizeBytes;
    if (this.#announcedBytes > this.#options.decodedBytes) throw this.#wrongLength();
    if (sizeBytes === 0) this.#verifyChunk();
    else this.#chunkCount += 1;
    this.#state = sizeBytes === 0 ? 'trailer' : 'data';
  }

  #checkSize(sizeBytes: number): void {
    const before = this.#chunk.sizeBytes;
    if (sizeBytes > 0 && before < chunkBytesMin) {
      throw new S3Error('InvalidChunkSizeError', {
        fields: { Chunk: String(this.#chunkCount), BadChunkSize: String(before) },
      });
    }
    const { signedChunkBytesMax } = this.#options;
    if (this.#signatures && sizeBytes > signedChunkBytesMax) {
      throw new S3Error('InvalidRequest', {
        message: `A signed chunk must not be larger than ${signedChunkBytesMax} bytes`,
      });
    }
  }

  #addTrailer(line: string): void {
    if (!this.#options.trailer) throw new S3Error('IncompleteBody');
    const [, name, value] = trailerLine.exec(line) ?? [];
    if (name === undefined || value === undefined || this.#trailers.length >= trailerLinesMax) {
      throw new S3Error('MalformedTrailerError');
    }
    this.#trailers.push([name.toLowerCase(), value.trim()]);
  }

  #endTrailers(): void {
    if (this.#signatures && this.#options.trailer) this.#verifyTrailers(this.#signatures);
    const names = this.#trailers.map(([name]) => name).join();
    if (names !== (this.#options.trailerName ?? '')) throw new S3Error('MalformedTrailerError');
    this.#state = 'end';
  }

  /** The signature is the last line and covers those before it. */
  #verifyTrailers(signatures: ChunkSignatures): void {
    const [name, signature] = this.#trailers.pop() ?? [];
    if (name !== trailerSignatureName || !signature) throw new S3Error('IncompleteBody');
    signatures.verifyTrailer(this.#trailers.map((trailer) => `${trailer.join(':')}\n`).join(''), signature);
  }

  #wrongLength(): S3Error {
    return new S3Error('IncompleteBody', {
      message: 'You did not provide the number of bytes specified by the Content-Length HTTP header',
      fields: {
        NumberBytesExpected: String(this.#options.decodedBytes),
        NumberBytesProvided: String(this.#announcedBytes),
      },
    });
  }
}
