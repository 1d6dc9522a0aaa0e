/**
 * Operations on buckets. A bucket is a mount: its making and its end are the operator's (S3-WIRE 116-118).
 */
import { S3Error } from '../errors.ts';
import type { OperationDeps } from '../operation.ts';
import type { S3Handler } from '../types.ts';
import { parseCreateBucketConfiguration } from '../xml.ts';
import { mountsOf, rootMountOf } from './resolve.ts';
import { xmlAnswer } from './xml-answer.ts';

const bucketNameShape = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;

/** Reaches through to the UFS, so that a bucket that is gone there is gone here. */
export const headBucket =
  (deps: OperationDeps): S3Handler =>
  async (request) => {
    const mounts = mountsOf(deps, request);
    const root = rootMountOf(mounts);
    const ufs = await deps.ufsOf(root ?? mounts[0]!);
    if (root) await ufs.checkBucket(request.signal);
    return {
      status: 200,
      headers: [
        ['x-amz-bucket-region', ufs.region],
        ['x-amz-access-point-alias', 'false'],
      ],
    };
  };

export const getBucketLocation =
  (deps: OperationDeps): S3Handler =>
  async (request) => {
    const mounts = mountsOf(deps, request);
    const { region } = await deps.ufsOf(rootMountOf(mounts) ?? mounts[0]!);
    return xmlAnswer('LocationConstraint', region === 'us-east-1' ? '' : region);
  };

/** Clients that make the bucket before every copy must hear that it is theirs already. */
export const createBucket =
  (deps: OperationDeps): S3Handler =>
  async (request) => {
    const bucket = request.bucket ?? '';
    if ((request.body.sizeBytes ?? 0) > 0) {
      parseCreateBucketConfiguration(await request.body.bytes(deps.settings.xmlBodyBytesMax));
    }
    if (!bucketNameShape.test(bucket)) {
      throw new S3Error('InvalidBucketName', { fields: { BucketName: bucket } });
    }
    if (deps.registry.view().mounts.ofBucket(bucket).length > 0) {
      throw new S3Error('BucketAlreadyOwnedByYou', { fields: { BucketName: bucket } });
    }
    throw new S3Error('AccessDenied', { message: 'Buckets are mounts; add one with "forebay mount".' });
  };

export const deleteBucket =
  (deps: OperationDeps): S3Handler =>
  async (request) => {
    mountsOf(deps, request);
    throw new S3Error('AccessDenied', { message: 'Buckets are mounts; remove one with "forebay umount".' });
  };
