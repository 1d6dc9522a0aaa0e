/** Reads what an answer says of an object, and refuses answers that do not add up (DESIGN §4, Versions). */
import { ForebayError } from '@forebay/core/errors';
import { type HeaderList, headerValue, type ObjectInfo } from '@forebay/core/object';
import { type ByteRange, type RangeRequest, resolveRange } from '@forebay/core/range';
import { objectHeadersOf } from './headers.ts';

export interface Head {
  readonly status: number;
  readonly headers: HeaderList;
}

/** @throws ForebayError ufs-unavailable where the size is missing, or another version answers. */
export function wholeInfoOf({ headers }: Head, versionId?: string): ObjectInfo {
  checkVersion(headers, versionId);
  return infoOf(headers, { sizeBytes: contentLengthOf(headers), ranged: false });
}

/** A store that does not know `versionId` answers with the current version: never to be taken for the other. */
function checkVersion(headers: HeaderList, asked: string | undefined): void {
  const answered = headerValue(headers, 'x-amz-version-id');
  if (asked !== undefined && answered !== undefined && answered !== asked) throw malformed('another version');
}

/**
 * Info and the range that the body holds: a store may answer a range with all of the object, never with
 * less than was asked or with lengths that differ.
 */
export function objectAnswerOf(
  { status, headers }: Head,
  { range: asked, versionId }: { range: RangeRequest | undefined; versionId?: string | undefined },
): { info: ObjectInfo; range: ByteRange } {
  checkVersion(headers, versionId);
  const lengthBytes = contentLengthOf(headers);
  if (status === 200) {
    const info = infoOf(headers, { sizeBytes: lengthBytes, ranged: false });
    return { info, range: { start: 0, endExclusive: lengthBytes } };
  }
  if (status !== 206 || !asked) throw malformed(`status ${status}`);
  if (lengthBytes === 0 && asked.kind === 'suffix') {
    // The end of an empty object is a plain 200 at S3; some stores word it as a part of nothing.
    return { info: infoOf(headers, { sizeBytes: 0, ranged: true }), range: { start: 0, endExclusive: 0 } };
  }
  const { start, endExclusive, sizeBytes } = contentRangeOf(headers);
  if (endExclusive - start !== lengthBytes) throw malformed('content-range and content-length differ');
  const wanted = resolveRange(asked, sizeBytes);
  // What cannot be satisfied the caller refuses itself, now that it knows the size.
  const covers =
    wanted === 'unsatisfiable' || (start <= wanted.range.start && endExclusive >= wanted.range.endExclusive);
  if (!covers) throw malformed('another range than was asked');
  return { info: infoOf(headers, { sizeBytes, ranged: true }), range: { start, endExclusive } };
}

/** `bytes=0-99`, the inclusive form that HTTP knows. */
export function rangeHeaderOf(range: RangeRequest): string {
  switch (range.kind) {
    case 'span':
      return `bytes=${range.start}-${range.endExclusive - 1}`;
    case 'from':
      return `bytes=${range.start}-`;
    case 'suffix':
      return `bytes=-${range.lengthBytes}`;
  }
}

/** Milliseconds of an HTTP date; 0 where there is none or it cannot be read. */
export function httpDateMs(value: string | undefined): number {
  const parsedMs = Date.parse(value ?? '');
  return Number.isNaN(parsedMs) ? 0 : parsedMs;
}

function infoOf(
  headers: HeaderList,
  { sizeBytes, ranged }: { sizeBytes: number; ranged: boolean },
): ObjectInfo {
  return {
    sizeBytes,
    etag: headerValue(headers, 'etag'),
    lastModifiedMs: httpDateMs(headerValue(headers, 'last-modified')),
    versionId: headerValue(headers, 'x-amz-version-id'),
    headers: objectHeadersOf(headers, ranged),
    checksumsKnown: !ranged,
  };
}

function contentLengthOf(headers: HeaderList): number {
  const value = headerValue(headers, 'content-length');
  if (value === undefined || !/^\d{1,15}$/.test(value)) throw malformed('no content-length');
  return Number(value);
}

function contentRangeOf(headers: HeaderList): ByteRange & { readonly sizeBytes: number } {
  const match = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15})$/.exec(headerValue(headers, 'content-range') ?? '');
  if (!match) throw malformed('no usable content-range');
  const [start, endExclusive, sizeBytes] = [Number(match[1]), Number(match[2]) + 1, Number(match[3])];
  if (start >= endExclusive || endExclusive > sizeBytes) throw malformed('impossible content-range');
  return { start, endExclusive, sizeBytes };
}

function malformed(reason: string): ForebayError {
  return new ForebayError('ufs-unavailable', `the store's answer cannot be used: ${reason}`);
}
