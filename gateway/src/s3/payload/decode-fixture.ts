/** A whole framed body through the decoder, for tests. */
import { S3Error } from '../errors.ts';
import { ChunkedDecoder, type ChunkedDecoderOptions } from './chunked-decoder.ts';

/** What came out, and the error that ended it. */
export function decode(options: Partial<ChunkedDecoderOptions>, pieces: readonly Buffer[]) {
  const decoder = new ChunkedDecoder({
    signing: undefined,
    trailer: true,
    trailerName: undefined,
    decodedBytes: 0,
    signedChunkBytesMax: 16 * 1024 * 1024,
    ...options,
  });
  const data: Buffer[] = [];
  try {
    for (const piece of pieces) data.push(...decoder.push(piece));
    decoder.end();
    return { data: Buffer.concat(data), error: undefined, trailer: decoder.trailerValue };
  } catch (error) {
    if (!(error instanceof S3Error)) throw error;
    return { data: Buffer.concat(data), error, trailer: undefined };
  }
}

/** Slices with their own memory, as a socket gives them. */
export function split(body: Buffer, cuts: readonly number[]): Buffer[] {
  const points = [0, ...cuts.map((cut) => cut % (body.length + 1)).sort((a, b) => a - b), body.length];
  return points.slice(1).map((end, index) => Buffer.from(body.subarray(points[index], end)));
}

export const modes = [
  { name: 'signed', signed: true, trailer: false },
  { name: 'signed with trailer', signed: true, trailer: true },
  { name: 'unsigned with trailer', signed: false, trailer: true },
];
