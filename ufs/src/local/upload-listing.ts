/**
 * ListMultipartUploads: by key, then by time of initiation, which the ids of uploads sort by (S3-WIRE 104).
 */
import { compareUtf8 } from '@forebay/core/utf8-order';
import type { Ufs, UfsUploadList } from '../ufs.ts';
import type { UploadRecord } from './backend.ts';
import { groupOf, scanOf } from './listing.ts';

type UploadListRequest = Parameters<Ufs['listUploads']>[0];

export function pageOfUploads(all: readonly UploadRecord[], request: UploadListRequest): UfsUploadList {
  const scan = scanOf(request);
  const wanted = all
    .filter((upload) => upload.key.startsWith(scan.prefix) && isAfterMarkers(upload, request))
    .sort((a, b) => compareUtf8(a.key, b.key) || compareUtf8(a.uploadId, b.uploadId));
  const uploads: UploadRecord[] = [];
  const groups: string[] = [];
  let last: { key: string; uploadId: string | undefined } | undefined;
  let truncated = false;
  for (const upload of wanted) {
    const group = groupOf(upload.key, scan);
    if (group !== undefined && isPassed(group, groups, request.keyMarker)) continue;
    if (uploads.length + groups.length >= request.maxUploads) {
      truncated = request.maxUploads > 0;
      break;
    }
    if (group === undefined) uploads.push(upload);
    else groups.push(group);
    last = group === undefined ? upload : { key: group, uploadId: undefined };
  }
  return {
    uploads: uploads.map(({ key, uploadId, initiatedMs, checksumAlgorithm, checksumType }) => {
      return { key, uploadId, initiatedMs, storageClass: 'STANDARD', checksumAlgorithm, checksumType };
    }),
    commonPrefixes: groups,
    truncated,
    nextKeyMarker: truncated ? last?.key : undefined,
    nextUploadIdMarker: truncated ? last?.uploadId : undefined,
  };
}

/** Shown on this page already, or at or before the marker. */
function isPassed(group: string, groups: readonly string[], keyMarker: string | undefined): boolean {
  return groups.at(-1) === group || (keyMarker !== undefined && compareUtf8(group, keyMarker) <= 0);
}

/** An upload-id marker counts only beside a key marker, for uploads of that very key. */
function isAfterMarkers(upload: UploadRecord, request: UploadListRequest): boolean {
  if (!request.keyMarker) return true;
  const order = compareUtf8(upload.key, request.keyMarker);
  if (order !== 0) return order > 0;
  return Boolean(request.uploadIdMarker) && compareUtf8(upload.uploadId, request.uploadIdMarker!) > 0;
}
