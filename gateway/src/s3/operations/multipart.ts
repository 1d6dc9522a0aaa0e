/**
 * Multipart uploads but for their parts: create, complete, abort, and what is listed of them (S3-WIRE
 * 97-104).
 */
import type { UfsCopied } from '@forebay/ufs/ufs';
import type { WriteHandler } from '../../write-object.ts';
import { inTimeOrLate } from '../late-answer.ts';
import type { OperationDeps } from '../operation.ts';
import type { S3Handler, S3Request } from '../types.ts';
import { parseCompleteMultipartUpload } from '../xml.ts';
import { checkOwner } from './buckets.ts';
import { invalid, limitOf, namesOf } from './list-request.ts';
import { locationOf } from './location.ts';
import { uploadIdOf } from './named-ids.ts';
import { quotedEtag } from './object-answer.ts';
import { writableObject } from './resolve.ts';
import {
  checksumHeaders,
  named,
  payerHeaders,
  policyHeaders,
  prefixed,
  storedHeaders,
  writeConditionHeaders,
} from './write-headers.ts';
import { isoTime, owner, xmlAnswer } from './xml-answer.ts';

export const createMultipartUpload =
  (deps: OperationDeps): S3Handler =>
  async (request) => {
    const object = writableObject(deps, request);
    const ufs = await deps.ufsOf(object.mount);
    const { headers } = request;
    const created = await ufs.createUpload(object.ufsKey, [
      ...storedHeaders(headers),
      ...policyHeaders(headers),
      ...headers.withPrefix('x-amz-checksum-'),
    ]);
    const { bucket, key } = request;
    const result = { Bucket: bucket, Key: key, UploadId: created.uploadId };
    return xmlAnswer('InitiateMultipartUploadResult', result, created.headers);
  };

/**
 * The answer is read to its end before the fence is lifted: a 200 may hold an error (S3-WIRE 100). So may
 * ours, where the store takes long.
 */
export const completeMultipartUpload =
  (deps: OperationDeps): WriteHandler =>
  async (request) => {
    const object = writableObject(deps, request);
    const uploadId = uploadIdOf(request.query);
    const { parts } = parseCompleteMultipartUpload(await request.body.bytes(deps.settings.xmlBodyBytesMax));
    const ufs = await deps.ufsOf(object.mount);
    const { bucket, key, headers } = request;
    const forwarded = [
      ...checksumHeaders(headers).filter(([name]) => name !== 'content-md5'),
      ...writeConditionHeaders(headers),
      ...named(headers, ['x-amz-mp-object-size', 'x-amz-expected-bucket-owner', 'x-amz-request-payer']),
      ...prefixed(headers, ['x-amz-server-side-encryption-customer-']),
    ];
    const elementsOf = (completed: UfsCopied) => ({
      Location: locationOf(request),
      Bucket: bucket,
      Key: key,
      ETag: completed.etag === undefined ? undefined : quotedEtag(completed.etag),
      ...Object.fromEntries(completed.checksums),
    });
    const answer = deps.writer
      .write([object], () => ufs.completeUpload(object.ufsKey, { uploadId, parts, headers: forwarded }))
      .then((result) =>
        result.answer((completed) =>
          xmlAnswer('CompleteMultipartUploadResult', elementsOf(completed), completed.headers),
        ),
      );
    return inTimeOrLate(answer, deps.settings.whiteSpaceIntervalMs);
  };

export const abortMultipartUpload =
  (deps: OperationDeps): S3Handler =>
  async (request) => {
    const object = writableObject(deps, request);
    await checkOwner(deps, request);
    const ufs = await deps.ufsOf(object.mount);
    await ufs.abortUpload(object.ufsKey, uploadIdOf(request.query), payerHeaders(request.headers));
    return { status: 204, headers: [] };
  };

export const listParts =
  (deps: OperationDeps): S3Handler =>
  async (request) => {
    const object = writableObject(deps, request);
    const { query, bucket, key } = request;
    const maxParts = limitOf(query, 'max-parts');
    const partNumberMarker = markerOf(request);
    const names = namesOf(query);
    const uploadId = uploadIdOf(query);
    await checkOwner(deps, request);
    const ufs = await deps.ufsOf(object.mount);
    const headers = [
      ...payerHeaders(request.headers),
      ...prefixed(request.headers, ['x-amz-server-side-encryption-customer-']),
    ];
    const list = await ufs.listParts(object.ufsKey, { uploadId, partNumberMarker, maxParts, headers });
    return xmlAnswer('ListPartsResult', {
      Bucket: bucket,
      Key: names.name(key ?? ''),
      EncodingType: names.encodingType,
      UploadId: uploadId,
      PartNumberMarker: partNumberMarker,
      NextPartNumberMarker: list.nextPartNumberMarker,
      MaxParts: maxParts,
      IsTruncated: list.truncated,
      Initiator: owner,
      Owner: owner,
      StorageClass: list.storageClass,
      ChecksumAlgorithm: list.checksumAlgorithm,
      ChecksumType: list.checksumType,
      Part: list.parts.map((part) => ({
        PartNumber: part.partNumber,
        LastModified: isoTime(part.lastModifiedMs),
        ETag: quotedEtag(part.etag),
        Size: part.sizeBytes,
        ...Object.fromEntries(part.checksums),
      })),
    });
  };

function markerOf({ query }: S3Request): number {
  const text = query.get('part-number-marker');
  if (text === undefined || text === '') return 0;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw invalid(
    'part-number-marker',
    text,
    'Provided part-number-marker not an integer or within integer range',
  );
}
