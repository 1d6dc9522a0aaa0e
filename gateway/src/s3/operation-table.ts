/**
 * The S3 operations: what is served and what is not. Dispatch, names in log and metrics, and
 * docs/s3-operations.md come from here.
 */
import { forwardedOperations } from './forwarded-operations.ts';
import type { Operation } from './operation.ts';
import { createBucket, deleteBucket, getBucketLocation, headBucket } from './operations/buckets.ts';
import { copyObject } from './operations/copy-object.ts';
import { deleteObject } from './operations/delete-object.ts';
import { deleteObjects } from './operations/delete-objects.ts';
import { getObject, getObjectNow, headObject, headObjectNow } from './operations/get-object.ts';
import { listBuckets } from './operations/list-buckets.ts';
import { listMultipartUploads } from './operations/list-multipart-uploads.ts';
import { listObjectVersions } from './operations/list-object-versions.ts';
import { listObjects, listObjectsV2 } from './operations/list-objects.ts';
import {
  abortMultipartUpload,
  completeMultipartUpload,
  createMultipartUpload,
  listParts,
} from './operations/multipart.ts';
import { postObject } from './operations/post-object.ts';
import { putObject } from './operations/put-object.ts';
import { uploadPart } from './operations/upload-part.ts';
import { uploadPartCopy } from './operations/upload-part-copy.ts';
import { unsupportedOperations } from './unsupported-operations.ts';

const copySource = ['x-amz-copy-source'];
const lateNote =
  'Slow ones get 200 and white space, then the result or an error document; x-amz-version-id is left out then.';
const ofPart = ['partNumber', 'uploadId'];
const readNote =
  'Cached, also by versionId. Requests with partNumber or SSE-C headers go to the UFS every time, uncached.';
const mountNote =
  'Through the pattern mount `/{bucket}`. Other buckets are mounts: refused with AccessDenied, and a message ' +
  'that says what to do.';

const supported: readonly Operation[] = [
  { name: 'ListBuckets', method: 'GET', target: 'service', read: listBuckets },

  { name: 'HeadBucket', method: 'HEAD', target: 'bucket', read: headBucket },
  {
    name: 'GetBucketLocation',
    method: 'GET',
    target: 'bucket',
    query: ['location'],
    read: getBucketLocation,
  },
  { name: 'CreateBucket', method: 'PUT', target: 'bucket', write: createBucket, note: mountNote },
  { name: 'DeleteBucket', method: 'DELETE', target: 'bucket', write: deleteBucket, note: mountNote },
  { name: 'ListObjects', method: 'GET', target: 'bucket', anonymous: true, read: listObjects },
  {
    name: 'ListObjectsV2',
    method: 'GET',
    target: 'bucket',
    query: ['list-type=2'],
    anonymous: true,
    read: listObjectsV2,
  },
  {
    name: 'ListObjectVersions',
    method: 'GET',
    target: 'bucket',
    query: ['versions'],
    read: listObjectVersions,
    note: 'Objects of directories have one version, `null`.',
  },
  {
    name: 'ListMultipartUploads',
    method: 'GET',
    target: 'bucket',
    query: ['uploads'],
    read: listMultipartUploads,
  },
  { name: 'DeleteObjects', method: 'POST', target: 'bucket', query: ['delete'], write: deleteObjects },

  {
    name: 'GetObject',
    method: 'GET',
    target: 'object',
    optionalQuery: ['partNumber'],
    anonymous: true,
    read: getObject,
    readNow: getObjectNow,
    note: readNote,
  },
  {
    name: 'HeadObject',
    method: 'HEAD',
    target: 'object',
    optionalQuery: ['partNumber'],
    anonymous: true,
    read: headObject,
    readNow: headObjectNow,
    note: readNote,
  },
  { name: 'PutObject', method: 'PUT', target: 'object', write: putObject },
  {
    name: 'PostObject',
    method: 'POST',
    target: 'bucket',
    write: postObject,
    note:
      'Upload forms with a signed policy. A file over 5 MiB becomes a multipart upload at the UFS, which keeps ' +
      'a CRC of the form as that of the whole object; other checksums of it are verified and not kept.',
  },
  {
    name: 'CopyObject',
    method: 'PUT',
    target: 'object',
    headers: copySource,
    write: copyObject,
    note:
      'Between two mounts of different stores the bytes stream through, and tags and checksum with them. ' +
      lateNote,
  },
  { name: 'DeleteObject', method: 'DELETE', target: 'object', write: deleteObject },
  {
    name: 'CreateMultipartUpload',
    method: 'POST',
    target: 'object',
    query: ['uploads'],
    read: createMultipartUpload,
  },
  { name: 'UploadPart', method: 'PUT', target: 'object', query: ofPart, read: uploadPart },
  {
    name: 'UploadPartCopy',
    method: 'PUT',
    target: 'object',
    query: ofPart,
    headers: copySource,
    read: uploadPartCopy,
    note: lateNote,
  },
  {
    name: 'CompleteMultipartUpload',
    method: 'POST',
    target: 'object',
    query: ['uploadId'],
    write: completeMultipartUpload,
    note: lateNote,
  },
  {
    name: 'AbortMultipartUpload',
    method: 'DELETE',
    target: 'object',
    query: ['uploadId'],
    read: abortMultipartUpload,
  },
  { name: 'ListParts', method: 'GET', target: 'object', query: ['uploadId'], read: listParts },
];

export const operationTable: readonly Operation[] = [
  ...supported,
  ...forwardedOperations,
  ...unsupportedOperations,
];

/** One row of docs/s3-operations.md. */
export interface OperationDoc {
  readonly name: string;
  /** `PUT /{bucket}/{key}?uploadId&partNumber` */
  readonly request: string;
  readonly supported: boolean;
  readonly note: string | undefined;
}

const paths = { service: '/', bucket: '/{bucket}', object: '/{bucket}/{key}' } as const;

/** Every operation, the served ones first, in the order of the table. */
export function operationDocs(): OperationDoc[] {
  return operationTable.map((operation) => ({
    name: operation.name,
    request: `${operation.method} ${paths[operation.target]}${queryTextOf(operation)}`,
    supported: operation.read !== undefined || operation.write !== undefined,
    note: operation.note,
  }));
}

function queryTextOf({ query }: Operation): string {
  return query ? `?${query.join('&')}` : '';
}
