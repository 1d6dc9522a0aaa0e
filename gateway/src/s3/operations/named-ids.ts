/**
 * Ids of versions and uploads that a request names. An empty one names nothing, and must not reach a UFS:
 * some stores take `?versionId=` for the newest version and `?uploadId=` for the object itself.
 */
import { S3Error } from '../errors.ts';
import type { Query } from '../types.ts';
import { invalid } from './list-request.ts';

/** @throws S3Error InvalidArgument where it is empty */
export function versionIdOf(query: Query): string | undefined {
  return checkedVersionId('versionId', query.get('versionId'));
}

/** @param name the argument that holds it. @throws S3Error InvalidArgument where it is empty */
export function checkedVersionId(name: string, versionId: string | undefined): string | undefined {
  if (versionId === '') throw invalid(name, versionId, 'Version id cannot be the empty string');
  return versionId;
}

/** @throws S3Error NoSuchUpload where it is empty */
export function uploadIdOf(query: Query): string {
  const uploadId = query.get('uploadId') ?? '';
  if (uploadId === '') throw new S3Error('NoSuchUpload', { fields: { UploadId: uploadId } });
  return uploadId;
}
