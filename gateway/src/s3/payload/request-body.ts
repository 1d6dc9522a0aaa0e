/**
 * The body of a request as operations see it: decoded, and verified against all that its head, chunks and
 * trailer announce (S3-WIRE 11, 47-66). What the head alone can prove wrong is refused before a byte is read.
 */
import type { Readable } from 'node:stream';
import { MiB } from '@forebay/core/bytes';
import { S3Error } from '../errors.ts';
import type { RequestBody, RequestHeaders } from '../types.ts';
import { type AnnouncedDigests, announcedDigests, contentMd5Of } from './announced-digests.ts';
import { ChunkedDecoder } from './chunked-decoder.ts';
import { DigestCheck } from './digest-check.ts';
import { LentBuffers } from './lent-buffers.ts';
import type { PayloadMode } from './payload-mode.ts';
import { PieceReader } from './piece-reader.ts';

const signedChunkBytesMaxDefault = 16 * MiB;

export interface RequestBodyOptions {
  /** Node's raw request. It is never destroyed from here: an answer must still find its way out. */
  readonly incoming: Readable;
  readonly headers: RequestHeaders;
  readonly mode: PayloadMode;
  readonly method: string;
  /** Just before the body's first byte is asked for: the time for `100 Continue`. */
  readonly onFirstRead?: (() => void) | undefined;
  /**
   * `object` where `x-amz-checksum-*` headers speak of the object that comes about and not of this body, as
   * in CompleteMultipartUpload: they are then left to the UFS.
   */
  readonly checksumsDescribe?: 'body' | 'object' | undefined;
  /** Memory that one chunk of a signed body may take; larger ones are InvalidRequest. */
  readonly signedChunkBytesMax?: number | undefined;
}

/**
 * GET and HEAD have no body: what they send is not read and not compared with its hash (S3-WIRE 33). The
 * digests of an empty plain body are compared here and now, so that they hold for operations that never read
 * one.
 * @throws S3Error MissingContentLength, BadRequest, InvalidDigest, InvalidRequest, MalformedTrailerError;
 *   for an empty body also XAmzContentSHA256Mismatch, BadDigest
 */
export function createRequestBody(options: RequestBodyOptions): RequestBody {
  const { headers, mode, method } = options;
  if (method === 'GET' || method === 'HEAD') return noBody;
  const sizeBytes = sizeOf(headers, mode);
  if (sizeBytes === undefined) {
    contentMd5Of(headers);
    return noBody;
  }
  const digests = announcedDigests(headers, {
    trailerAllowed: mode.kind === 'streaming' && mode.trailer,
    checksumsDescribe: options.checksumsDescribe ?? 'body',
  });
  if (sizeBytes === 0 && mode.kind !== 'streaming') digestCheckOf(mode, digests).verify(undefined);
  return new VerifiedBody(options, { sizeBytes, digests });
}

/** Of the decoded body; undefined where there is none. (S3-WIRE 11, 54) */
function sizeOf(headers: RequestHeaders, mode: PayloadMode): number | undefined {
  if (mode.kind === 'streaming') {
    const sizeBytes = wholeNumber(headers.get('x-amz-decoded-content-length'));
    if (sizeBytes === undefined) throw new S3Error('MissingContentLength');
    return sizeBytes;
  }
  const text = headers.get('content-length');
  if (text === undefined) {
    if (headers.get('transfer-encoding') !== undefined) throw new S3Error('MissingContentLength');
    return undefined;
  }
  const sizeBytes = wholeNumber(text);
  if (sizeBytes === undefined) throw new S3Error('BadRequest');
  return sizeBytes;
}

function wholeNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text.trim()) ? Number(text) : undefined;
}

function digestCheckOf(mode: PayloadMode, digests: AnnouncedDigests): DigestCheck {
  return new DigestCheck(digests, sha256Of(mode));
}

function sha256Of(mode: PayloadMode): string | undefined {
  return mode.kind === 'sha256' ? mode.hex : undefined;
}

/** Of requests that have none, or whose body is not theirs to read. */
export const noBody: RequestBody = {
  sizeBytes: undefined,
  sha256: undefined,
  async *stream() {},
  release: () => {},
  bytes: () => Promise.resolve(new Uint8Array(0)),
  trailer: undefined,
};

/** Undoes the framing. */
interface BodyDecoder {
  push(piece: Buffer): readonly Buffer[];
  /** @throws S3Error where the body is not as long as announced */
  end(): void;
  readonly trailerValue: string | undefined;
}

class VerifiedBody implements RequestBody {
  readonly sizeBytes: number;
  readonly sha256: string | undefined;
  readonly trailer: RequestBody['trailer'];
  readonly #options: RequestBodyOptions;
  readonly #digests: AnnouncedDigests;
  readonly #lent = new LentBuffers();
  #consumed = false;
  #trailerValue: string | undefined;

  constructor(
    options: RequestBodyOptions,
    { sizeBytes, digests }: { readonly sizeBytes: number; readonly digests: AnnouncedDigests },
  ) {
    this.sizeBytes = sizeBytes;
    this.sha256 = sha256Of(options.mode);
    this.#options = options;
    this.#digests = digests;
    this.trailer = digests.trailer && {
      name: digests.trailer.name,
      value: () => {
        if (this.#trailerValue === undefined) throw new Error('a trailer is known only after the body');
        return this.#trailerValue;
      },
    };
  }

  stream(): AsyncIterable<Uint8Array> {
    if (this.#consumed) throw new Error('a request body is read once');
    this.#consumed = true;
    return this.#verified();
  }

  release(bytes: Uint8Array): void {
    this.#lent.release(bytes);
  }

  async bytes(limitBytes: number): Promise<Uint8Array> {
    if (this.sizeBytes > limitBytes) throw new S3Error('MalformedXML');
    const pieces: Uint8Array[] = [];
    for await (const piece of this.stream()) pieces.push(piece);
    return Buffer.concat(pieces);
  }

  async *#verified(): AsyncGenerator<Uint8Array> {
    const check = digestCheckOf(this.#options.mode, this.#digests);
    const decoder = this.#decoder();
    let last: Buffer | undefined;
    this.#options.onFirstRead?.();
    const pieces = new PieceReader(this.#options.incoming);
    try {
      for (let piece = await pieces.next(); piece; piece = await pieces.next()) {
        this.#lent.lend(piece);
        for (const data of decoder.push(piece)) {
          check.update(data);
          if (last) yield last;
          last = data;
        }
      }
    } finally {
      pieces.leave();
    }
    decoder.end();
    check.verify(decoder.trailerValue);
    this.#trailerValue = decoder.trailerValue;
    if (last) yield last;
  }

  #decoder(): BodyDecoder {
    const { mode, signedChunkBytesMax = signedChunkBytesMaxDefault } = this.#options;
    if (mode.kind !== 'streaming') return new PlainDecoder(this.sizeBytes);
    return new ChunkedDecoder({
      signing: mode.signed,
      trailer: mode.trailer,
      trailerName: this.#digests.trailer?.name,
      decodedBytes: this.sizeBytes,
      signedChunkBytesMax,
    });
  }
}

class PlainDecoder implements BodyDecoder {
  readonly trailerValue = undefined;
  readonly #sizeBytes: number;
  #receivedBytes = 0;

  constructor(sizeBytes: number) {
    this.#sizeBytes = sizeBytes;
  }

  push(piece: Buffer): readonly Buffer[] {
    this.#receivedBytes += piece.length;
    if (this.#receivedBytes > this.#sizeBytes) throw this.#wrongLength();
    return piece.length === 0 ? [] : [piece];
  }

  end(): void {
    if (this.#receivedBytes !== this.#sizeBytes) throw this.#wrongLength();
  }

  #wrongLength(): S3Error {
    return new S3Error('IncompleteBody', {
      message: 'You did not provide the number of bytes specified by the Content-Length HTTP header',
      fields: {
        NumberBytesExpected: String(this.#sizeBytes),
        NumberBytesProvided: String(this.#receivedBytes),
      },
    });
  }
}
