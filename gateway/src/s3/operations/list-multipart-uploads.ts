/** ListMultipartUploads over all mounts of a bucket (S3-WIRE 104). */
import { compareUtf8 } from '@forebay/core/utf8-order';
import { type ListedUpload, listNamespaceUploads } from '../../namespace/list-uploads.ts';
import type { OperationDeps } from '../operation.ts';
import type { S3Handler } from '../types.ts';
import { checkOwner } from './buckets.ts';
import { limitOf, namesOf } from './list-request.ts';
import { mountsOf } from './resolve.ts';
import { payerHeaders } from './write-headers.ts';
import { isoTime, owner, xmlAnswer } from './xml-answer.ts';

/** Uploads under way in every mount of the bucket, by key (S3-WIRE 104). */
export const listMultipartUploads =
  (deps: OperationDeps): S3Handler =>
  async (request) => {
    const { query } = request;
    const { encodingType, name } = namesOf(query);
    const maxUploads = limitOf(query, 'max-uploads');
    const prefix = query.get('prefix') ?? '';
    const delimiter = query.get('delimiter') || undefined;
    const keyMarker = query.get('key-marker') ?? '';
    const uploadIdMarker = query.get('upload-id-marker') ?? '';
    await checkOwner(deps, request);
    const listing = await listNamespaceUploads({
      mounts: mountsOf(deps, request),
      ufsOf: async (mount) => {
        const ufs = await deps.ufsOf(mount);
        return {
          listUploads: (asked) => ufs.listUploads({ ...asked, headers: payerHeaders(request.headers) }),
        };
      },
      prefix,
      delimiter,
      keyMarker,
      // Without a key marker S3 ignores it.
      uploadIdMarker: keyMarker === '' ? '' : uploadIdMarker,
      maxUploads,
    });
    return xmlAnswer('ListMultipartUploadsResult', {
      Bucket: request.bucket,
      KeyMarker: name(keyMarker),
      UploadIdMarker: uploadIdMarker,
      NextKeyMarker: listing.next && name(listing.next.keyMarker),
      NextUploadIdMarker: listing.next?.uploadIdMarker,
      Prefix: name(prefix),
      Delimiter: delimiter === undefined ? undefined : name(delimiter),
      EncodingType: encodingType,
      MaxUploads: maxUploads,
      IsTruncated: listing.next !== undefined,
      Upload: listing.uploads.map((upload) => ({ ...uploadOf(upload), Key: name(upload.key) })),
      CommonPrefixes: [...listing.commonPrefixes].sort(compareUtf8).map((text) => ({ Prefix: name(text) })),
    });
  };

function uploadOf(upload: ListedUpload) {
  return {
    Key: upload.key,
    UploadId: upload.uploadId,
    Initiator: owner,
    Owner: owner,
    StorageClass: upload.storageClass,
    Initiated: isoTime(upload.initiatedMs),
    ChecksumAlgorithm: upload.checksumAlgorithm,
    ChecksumType: upload.checksumType,
  };
}
