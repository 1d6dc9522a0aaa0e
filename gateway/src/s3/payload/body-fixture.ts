/** Request bodies for tests, and what becomes of them. */
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { chunkSigningOf } from '../../testing/chunked-body.ts';
import { S3Error } from '../errors.ts';
import { RawHeaders } from '../headers.ts';
import type { RequestBody } from '../types.ts';
import type { PayloadMode } from './payload-mode.ts';
import { createRequestBody } from './request-body.ts';

export type Headers = Readonly<Record<string, string>>;

export const unsigned: PayloadMode = { kind: 'unsigned' };
export const streaming: PayloadMode = { kind: 'streaming', signed: undefined, trailer: true };
export const signing = chunkSigningOf('secret');
export const hashOf = (algorithm: string, data: string | Buffer) =>
  createHash(algorithm).update(data).digest('base64');
export const sha256Of = (data: string): PayloadMode => ({
  kind: 'sha256',
  hex: createHash('sha256').update(data).digest('hex'),
});
export const crc32 = 'x-amz-checksum-crc32';
export const crc32OfHello = 'NhCmhg==';

export interface BodyOptions {
  readonly pieces?: readonly (string | Buffer)[];
  readonly headers?: Headers;
  readonly mode?: PayloadMode;
  readonly method?: string;
  readonly onFirstRead?: () => void;
  readonly checksumsDescribe?: 'object';
}

export function bodyOf({ pieces = [], headers = {}, mode = unsigned, method = 'PUT', ...rest }: BodyOptions) {
  const incoming = Readable.from(pieces.map((piece) => Buffer.from(piece)));
  return createRequestBody({
    incoming,
    headers: new RawHeaders(Object.entries(headers).flat()),
    mode,
    method,
    ...rest,
  });
}

export function refusalOf(options: BodyOptions): S3Error {
  try {
    bodyOf(options);
  } catch (error) {
    if (error instanceof S3Error) return error;
    throw error;
  }
  throw new Error('the body was not refused');
}

/** What came through, and the error that ended it. */
export async function read(body: RequestBody) {
  const pieces: Uint8Array[] = [];
  try {
    for await (const piece of body.stream()) pieces.push(piece);
  } catch (error) {
    if (!(error instanceof S3Error)) throw error;
    return { text: Buffer.concat(pieces).toString(), error };
  }
  return { text: Buffer.concat(pieces).toString(), error: undefined };
}
