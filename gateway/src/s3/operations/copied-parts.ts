/**
 * What belongs to a copy beside the bytes: tags and checksums on their way from one store to another, and the
 * copy that would change nothing (S3-WIRE 93).
 */

import { isUfsAnswer } from '@forebay/core/errors';
import { type ObjectRef, placementKeyOf } from '@forebay/core/mount';
import { type HeaderList, headerValue, type ObjectInfo } from '@forebay/core/object';
import { wholeOf } from '@forebay/core/pieces';
import type { Ufs, UfsUpload } from '@forebay/ufs/ufs';
import { S3Error } from '../errors.ts';
import { createChecksum, isChecksumAlgorithm } from '../payload/checksums.ts';
import type { S3Request } from '../types.ts';
import { parseTagging } from '../xml.ts';
import { policyHeaders } from './write-headers.ts';

/** Ten tags of the greatest length. */
const taggingBytesMax = 64 * 1024;
/** What stores have known for long; a newer one might make the other store refuse the object. */
const carriedChecksums = ['crc32', 'crc32c', 'sha1', 'sha256'].map((name) => `x-amz-checksum-${name}`);
/** Say nothing about the copy. */
const notChanges = new Set(['x-amz-expected-bucket-owner', 'x-amz-request-payer']);

/**
 * `x-amz-tagging` for a copy of an object; nothing where it has no tags, or its store does not tell how many
 * or does not let us read them.
 */
export async function carriedTags(
  ufs: Ufs,
  source: { readonly key: string; readonly versionId: string | undefined; readonly info: ObjectInfo },
  headers: HeaderList,
): Promise<HeaderList> {
  if (!Number(headerValue(source.info.headers, 'x-amz-tagging-count') ?? 0)) return [];
  const { key, versionId } = source;
  const version = versionId === undefined ? [] : [['versionId', versionId] as const];
  try {
    const query = [['tagging', ''] as const, ...version];
    const answer = await ufs.forward({ method: 'GET', effect: 'read', key, query, headers });
    const tags = parseTagging(await bounded(answer.body)).map(({ key: name, value }): [string, string] => [
      name,
      value,
    ]);
    return [['x-amz-tagging', new URLSearchParams(tags).toString()]];
  } catch (error) {
    if (isUfsAnswer(error, 'AccessDenied', 'NotImplemented')) return [];
    throw error;
  }
}

/**
 * The upload with a checksum, so that the other store verifies what it gets, and keeps it: of the algorithm
 * that the request names, otherwise the source's own. @throws S3Error InvalidRequest
 */
export function withChecksum(upload: UfsUpload, info: ObjectInfo, request: S3Request): UfsUpload {
  const stored = wholeChecksums(info);
  const algorithm = request.headers.get('x-amz-checksum-algorithm')?.toLowerCase();
  const name = `x-amz-checksum-${algorithm}`;
  const known = stored.filter((header) => algorithm === undefined || header[0] === name);
  if (known.length > 0 || algorithm === undefined) {
    return { ...upload, headers: [...upload.headers, ...known.slice(0, 1)] };
  }
  const checked = withComputedChecksum(upload, algorithm);
  if (checked) return checked;
  throw new S3Error('InvalidRequest', { message: 'Checksum algorithm provided is unsupported.' });
}

/**
 * The upload with a checksum of this algorithm behind it, computed on the way; undefined where it is not
 * computed here.
 */
export function withComputedChecksum(upload: UfsUpload, algorithm: string): UfsUpload | undefined {
  if (!isChecksumAlgorithm(algorithm)) return undefined;
  const checksum = createChecksum(algorithm);
  const name = `x-amz-checksum-${algorithm}`;
  let value: string | undefined;
  const body = async function* () {
    for await (const piece of upload.body) {
      checksum.update(piece);
      yield piece;
    }
    value = checksum.digestBase64();
  };
  return { ...upload, body: body(), trailer: { name, value: () => (value ??= checksum.digestBase64()) } };
}

/**
 * The algorithm that an upload was created with, lower-case: a store refuses parts without it. Undefined
 * where there is none or the store does not let us look. @throws UfsAnswerError NoSuchUpload
 */
export async function checksumAlgorithmOf(
  ufs: Ufs,
  upload: { readonly key: string; readonly uploadId: string; readonly headers: HeaderList },
): Promise<string | undefined> {
  const { key, ...request } = upload;
  try {
    const list = await ufs.listParts(key, { ...request, partNumberMarker: 0, maxParts: 1 });
    return list.checksumAlgorithm?.toLowerCase();
  } catch (error) {
    if (isUfsAnswer(error, 'AccessDenied', 'NotImplemented')) return undefined;
    throw error;
  }
}

function wholeChecksums({ headers, checksumsKnown }: ObjectInfo): HeaderList {
  if (!checksumsKnown || headerValue(headers, 'x-amz-checksum-type') === 'COMPOSITE') return [];
  return headers.filter(([name, value]) => carriedChecksums.includes(name) && !value.includes('-'));
}

/**
 * Between two stores the source is read without the request's own headers: whose bucket it must be is asked
 * first. @throws UfsAnswerError 403 where it is another's
 */
export async function checkSourceOwner(from: Ufs, { headers, signal }: S3Request): Promise<void> {
  const owner = headers.get('x-amz-source-expected-bucket-owner');
  if (owner === undefined) return;
  await from.checkBucket({ headers: [['x-amz-expected-bucket-owner', owner]], signal });
}

/**
 * A store that misses the source names it by its own key, and some leave open whether they mean the target,
 * which can only be missed where the request has a condition on it.
 */
export function asMissingSource(error: unknown, request: S3Request, sourceKey: string): unknown {
  if (!isUfsAnswer(error, 'NoSuchKey') || request.headers.get('if-match') !== undefined) return error;
  return new S3Error('NoSuchKey', { fields: { Key: sourceKey }, cause: error });
}

/** @throws S3Error InvalidRequest where a copy onto itself names nothing that it would change */
export function refusePlainSelfCopy(
  request: S3Request,
  object: ObjectRef,
  source: { readonly object: ObjectRef; readonly versionId: string | undefined },
): void {
  const { headers } = request;
  const isItself = placementKeyOf(object) === placementKeyOf(source.object) && source.versionId === undefined;
  const replaces = ['metadata', 'tagging'].some(
    (what) => headers.get(`x-amz-${what}-directive`) === 'REPLACE',
  );
  const changes =
    policyHeaders(headers).some(([name]) => !notChanges.has(name)) ||
    headers.get('x-amz-website-redirect-location') !== undefined ||
    headers.get('x-amz-checksum-algorithm') !== undefined;
  if (!isItself || replaces || changes) return;
  throw new S3Error('InvalidRequest', {
    message:
      'This copy request is illegal because it is trying to copy an object to itself without changing ' +
      "the object's metadata, storage class, website redirect location or encryption attributes.",
  });
}

async function bounded(body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const bytes = await wholeOf(body, taggingBytesMax);
  if (!bytes) throw new S3Error('MalformedXML');
  return bytes;
}
