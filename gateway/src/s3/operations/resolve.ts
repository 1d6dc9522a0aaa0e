/** From the bucket and key of a request to mounts and objects. */
import type { Mount, ObjectRef } from '@forebay/core/mount';
import { refuseReadOnly } from '../../write-object.ts';
import { S3Error } from '../errors.ts';
import type { OperationDeps } from '../operation.ts';
import type { S3Request } from '../types.ts';

type Named = Pick<S3Request, 'bucket' | 'key'>;

/** Mounts of the request's bucket. @throws S3Error NoSuchBucket */
export function mountsOf(deps: OperationDeps, { bucket }: Named): readonly Mount[] {
  const mounts = deps.registry.view().mounts.ofBucket(bucket ?? '');
  if (mounts.length === 0) throw noSuchBucket(bucket);
  return mounts;
}

/** The object of a read. @throws S3Error NoSuchBucket, NoSuchKey */
export function readableObject(deps: OperationDeps, named: Named): ObjectRef {
  const object = deps.registry.view().mounts.resolve(named.bucket ?? '', named.key ?? '');
  if (object) return object;
  mountsOf(deps, named);
  throw new S3Error('NoSuchKey', { fields: { Key: named.key ?? '' } });
}

/**
 * The object of a write. @throws S3Error NoSuchBucket, AccessDenied where no mount covers the key or it is
 * read-only
 */
export function writableObject(deps: OperationDeps, named: Named): ObjectRef {
  const object = deps.registry.view().mounts.resolve(named.bucket ?? '', named.key ?? '');
  if (!object) {
    mountsOf(deps, named);
    throw new S3Error('AccessDenied', { message: 'No mount covers this key.' });
  }
  refuseReadOnly(object);
  return object;
}

export function noSuchBucket(bucket: string | undefined): S3Error {
  return new S3Error('NoSuchBucket', { fields: { BucketName: bucket ?? '' } });
}

/**
 * The mount that stands for the bucket as a whole: the one at `/bucket`, undefined where there are only
 * nested ones.
 */
export function rootMountOf(mounts: readonly Mount[]): Mount | undefined {
  return mounts.find((mount) => mount.keyPrefix === '');
}
