/** What the parts of the Ufs contract suite share: the store under test, bodies, and answers to look at. */
import { isUfsAnswer } from '@forebay/core/errors';
import type { HeaderList } from '@forebay/core/object';
import { expect, it } from 'vitest';
import type { Ufs, UfsUpload } from '../ufs.ts';

/** What a store can do. All true, unless a driver's test says otherwise. */
export interface UfsCapabilities {
  /** Every key that S3 allows: `//`, `.` and `..`, `a` beside `a/b`, 1,024 bytes. */
  readonly anyKey: boolean;
  /** The ETag of a single put is the MD5 of its bytes. */
  readonly etagIsMd5: boolean;
  /** `if-match` and `if-none-match` on put and complete. */
  readonly conditionalWrites: boolean;
  /** `if-match` on delete. */
  readonly conditionalDeletes: boolean;
  /** A start-after inside a group leaves the group out; some servers show its rest. */
  readonly startAfterEndsGroup: boolean;
  /** `x-amz-checksum-*` given with a write is kept and shown. */
  readonly checksums: boolean;
  /** `x-amz-tagging` shows up as `x-amz-tagging-count`. */
  readonly tags: boolean;
  /** New tags leave an object's date as it is. */
  readonly tagsKeepDate: boolean;
  /** A bucket's CORS rules. */
  readonly cors: boolean;
  /** GetObjectAttributes. */
  readonly attributes: boolean;
  /** Every range that cannot be satisfied is refused, and the refusal tells the size of the object. */
  readonly rangeRefusals: boolean;
  /** `x-amz-copy-source-if-*`. */
  readonly copyConditions: boolean;
  /** Complete names the ETag, and may leave out parts that were uploaded. */
  readonly fullComplete: boolean;
  /** What cannot be completed is refused with S3's codes, in S3's order; some servers take or mistake it. */
  readonly uploadRefusals: boolean;
  /** The same complete again gets the same answer. */
  readonly repeatedComplete: boolean;
  /** Lists of uploads know prefix, markers and limit. */
  readonly uploadListing: boolean;
  /** An object without versions is read by the id `null` as well. */
  readonly nullVersion: boolean;
  /** Random listings that are compared with the model; 0: none. */
  readonly listModelRuns: number;
}

export const allCapabilities: UfsCapabilities = {
  anyKey: true,
  etagIsMd5: true,
  conditionalWrites: true,
  conditionalDeletes: true,
  startAfterEndsGroup: true,
  checksums: true,
  tags: true,
  tagsKeepDate: true,
  attributes: true,
  cors: true,
  rangeRefusals: true,
  copyConditions: true,
  fullComplete: true,
  uploadRefusals: true,
  repeatedComplete: true,
  uploadListing: true,
  nullVersion: true,
  listModelRuns: 40,
};

export interface Subject {
  readonly ufs: Ufs;
  /** A prefix of keys that no other test uses; ends with `/`. */
  readonly scope: string;
  readonly capabilities: UfsCapabilities;
}

/** One body in pieces of this size, so that it comes in more than one chunk. */
export async function* chunked(content: Uint8Array, chunkSizeBytes = 64 * 1024): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < content.byteLength; start += chunkSizeBytes) {
    yield content.subarray(start, start + chunkSizeBytes);
  }
}

export function uploadOf(content: Uint8Array | string, headers: HeaderList = []): UfsUpload {
  const bytes = Buffer.from(content);
  return { sizeBytes: bytes.byteLength, body: chunked(bytes), headers };
}

/** Stores and answers with the ETag. */
export async function putObject(
  ufs: Ufs,
  key: string,
  content: Uint8Array | string,
  headers: HeaderList = [],
): Promise<string> {
  const written = await ufs.put(key, uploadOf(content, headers));
  return new Map(written.headers).get('etag')!;
}

export async function bytesOf(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

export async function textAt(ufs: Ufs, key: string): Promise<string> {
  return (await bytesOf((await ufs.get(key)).body)).toString();
}

/** The store's refusal: status, code, and the elements of its error document. */
export async function refusal(
  call: Promise<unknown>,
): Promise<{ status: number; code: string; fields: Map<string, string> }> {
  try {
    await call;
  } catch (error) {
    if (!isUfsAnswer(error)) throw error;
    const { status, code, fields } = error.answer;
    return { status, code, fields: new Map(fields) };
  }
  expect.unreachable('the store was to refuse this');
}

export async function expectAbsent(ufs: Ufs, key: string): Promise<void> {
  // A HEAD has no body that could tell the code: some drivers cannot name it.
  expect((await refusal(ufs.head(key))).status).toBe(404);
  expect(await refusal(ufs.get(key))).toMatchObject({ status: 404, code: 'NoSuchKey' });
}

/** The same bytes at every run: a test that fails can be looked at. */
export function patternBytes(sizeBytes: number, seed = 1): Buffer {
  const bytes = Buffer.allocUnsafe(sizeBytes);
  let state = seed;
  for (let index = 0; index < sizeBytes; index += 1) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    bytes[index] = state >>> 24;
  }
  return bytes;
}

/**
 * A claim about stores of one capability: about a store without it there is nothing to claim, nor to skip.
 */
export function itWhere(capable: boolean) {
  return (claim: string, play: () => Promise<void>, timeoutMs?: number): void => {
    if (capable) it(claim, play, timeoutMs);
  };
}
