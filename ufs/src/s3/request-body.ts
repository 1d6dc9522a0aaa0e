/**
 * How the body of a write goes over the wire. Never so that a store could take a part for the whole: some
 * store what they have when a connection ends early, so a body that carries no digest of its own goes in
 * signed chunks, of which the last says that it is the last (decision 0002).
 */

import { assert } from '@forebay/core/errors';
import type { HeaderList } from '@forebay/core/object';
import { sha256Stream } from '@forebay/core/sigv4';
import type { UfsUpload } from '../ufs.ts';
import { ExactSource } from './exact-source.ts';

export type SignChunk = (sha256: string) => string;

/** Encoded and framed, as it goes over the wire. */
export interface WireBody {
  /** Literal of x-amz-content-sha256. */
  readonly payloadHash: string;
  /** Headers that tell of the framing, content-length among them where it is known. */
  readonly headers: HeaderList;
  /** Undefined: not known beforehand, sent with transfer-encoding chunked. */
  readonly contentLength: number | undefined;
  pieces(signChunk: SignChunk): AsyncIterable<Uint8Array>;
  readonly source: ExactSource;
}

/** Each is held until it is signed, by every upload under way; smaller ones cost more writes. */
const signedChunkBytes = 256 * 1024;
/** Held by nobody on our side; stores hold a chunk whole, and some refuse more than 16 MiB. */
const plainChunkBytes = 1024 * 1024;

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

/** @param canSign false where requests go unsigned */
export function wireBodyOf(upload: UfsUpload, canSign: boolean): WireBody {
  const source = new ExactSource(upload.body, upload.sizeBytes);
  if (upload.trailer) return trailedBody(source, upload.sizeBytes, upload.trailer);
  if (!canSign || upload.sizeBytes === 0 || upload.sha256 !== undefined || hasDigest(upload.headers)) {
    return {
      payloadHash: (canSign ? upload.sha256 : undefined) ?? 'UNSIGNED-PAYLOAD',
      headers: [['content-length', String(upload.sizeBytes)]],
      contentLength: upload.sizeBytes,
      pieces: () => source,
      source,
    };
  }
  return signedBody(source, upload.sizeBytes);
}

/** With a digest in the head the store notices by itself that bytes are missing. */
function hasDigest(headers: HeaderList): boolean {
  return headers.some(([name]) => name === 'content-md5' || checksumLength[name] !== undefined);
}

/** `STREAMING-AWS4-HMAC-SHA256-PAYLOAD` (S3-WIRE 49). */
function signedBody(source: ExactSource, sizeBytes: number): WireBody {
  const extension = ';chunk-signature='.length + 64;
  const contentLength = chunksLength(sizeBytes, signedChunkBytes, extension) + 1 + extension + 4;
  return {
    payloadHash: 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
    headers: [
      ['content-length', String(contentLength)],
      ['x-amz-decoded-content-length', String(sizeBytes)],
    ],
    contentLength,
    pieces: (signChunk) => signedChunks(source, sizeBytes, signChunk),
    source,
  };
}

async function* signedChunks(
  source: ExactSource,
  sizeBytes: number,
  signChunk: SignChunk,
): AsyncGenerator<Uint8Array> {
  let leftBytes = sizeBytes;
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  let digest = sha256Stream();
  let before = '';
  for await (const piece of source) {
    for (const part of cut(piece, () => Math.min(signedChunkBytes, leftBytes) - heldBytes)) {
      digest.update(part);
      held.push(part);
      heldBytes += part.byteLength;
      if (heldBytes < Math.min(signedChunkBytes, leftBytes)) continue;
      const signature = signChunk(digest.digestHex());
      yield ascii(`${before}${heldBytes.toString(16)};chunk-signature=${signature}\r\n`);
      yield* held;
      before = '\r\n';
      leftBytes -= heldBytes;
      held = [];
      heldBytes = 0;
      digest = sha256Stream();
    }
  }
  assert(leftBytes === 0, 'the chunks hold the whole body');
  yield ascii(`${before}0;chunk-signature=${signChunk(digest.digestHex())}\r\n\r\n`);
}

/**
 * `STREAMING-UNSIGNED-PAYLOAD-TRAILER` (S3-WIRE 51): the store verifies the checksum and keeps it. No
 * content-encoding aws-chunked: the mode alone decides (S3-WIRE 53), and some stores keep it as the
 * object's own.
 */
function trailedBody(
  source: ExactSource,
  sizeBytes: number,
  trailer: NonNullable<UfsUpload['trailer']>,
): WireBody {
  const valueLength = checksumLength[trailer.name];
  const chunks = chunksLength(sizeBytes, plainChunkBytes, 0);
  const contentLength =
    valueLength === undefined ? undefined : chunks + 3 + trailer.name.length + 1 + valueLength + 4;
  const length: HeaderList =
    contentLength === undefined
      ? [['transfer-encoding', 'chunked']]
      : [['content-length', String(contentLength)]];
  return {
    payloadHash: 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
    headers: [
      ...length,
      ['x-amz-decoded-content-length', String(sizeBytes)],
      ['x-amz-trailer', trailer.name],
    ],
    contentLength,
    pieces: () => trailedChunks(source, sizeBytes, trailer),
    source,
  };
}

async function* trailedChunks(
  source: ExactSource,
  sizeBytes: number,
  trailer: NonNullable<UfsUpload['trailer']>,
): AsyncGenerator<Uint8Array> {
  let leftInChunk = 0;
  let leftBytes = sizeBytes;
  for await (const piece of source) {
    for (const part of cut(piece, () => leftInChunk || Math.min(plainChunkBytes, leftBytes))) {
      if (leftInChunk === 0) {
        leftInChunk = Math.min(plainChunkBytes, leftBytes);
        yield ascii(`${leftInChunk.toString(16)}\r\n`);
      }
      leftInChunk -= part.byteLength;
      leftBytes -= part.byteLength;
      yield part;
      if (leftInChunk === 0) yield ascii('\r\n');
    }
  }
  assert(leftBytes === 0, 'the chunks hold the whole body');
  yield ascii(`0\r\n${trailer.name}:${source.guard(() => trailer.value())}\r\n\r\n`);
}

/**
 * Parts of a piece, each as long as there is room at that moment. A part that was handed over may be gone
 * when the next one is asked for, and with the last one the piece.
 */
function* cut({ buffer, byteOffset, byteLength }: Uint8Array, room: () => number): Generator<Uint8Array> {
  for (let at = 0; at < byteLength; ) {
    const partBytes = Math.min(room(), byteLength - at);
    yield new Uint8Array(buffer, byteOffset + at, partBytes);
    at += partBytes;
  }
}

/** Bytes of all chunks but the one that ends the body. */
function chunksLength(sizeBytes: number, chunkBytes: number, extensionLength: number): number {
  const framed = (length: number) => length.toString(16).length + extensionLength + 2 + length + 2;
  const rest = sizeBytes % chunkBytes;
  return Math.floor(sizeBytes / chunkBytes) * framed(chunkBytes) + (rest > 0 ? framed(rest) : 0);
}

function ascii(text: string): Uint8Array {
  return Buffer.from(text, 'latin1');
}
