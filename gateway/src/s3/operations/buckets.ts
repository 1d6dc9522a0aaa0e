/**
 * Operations on buckets (S3-WIRE 116-119). Those of the pattern mount are made and deleted at its store; any
 * other bucket is a mount, whose making and end are the operator's.
 */
import { isUfsAnswer, UfsAnswerError } from '@forebay/core/errors';
import type { Mount } from '@forebay/core/mount';
import { type HeaderList, headerValue } from '@forebay/core/object';
import { emptyIfMissing } from '../../namespace/pattern-part.ts';
import { refuseReadOnlyMount, type WriteHandler } from '../../write-object.ts';
import { S3Error } from '../errors.ts';
import type { OperationDeps } from '../operation.ts';
import type { S3Handler, S3Request } from '../types.ts';
import { parseCreateBucketConfiguration } from '../xml.ts';
import { mountsOf, rootMountOf } from './resolve.ts';
import { named, prefixed } from './write-headers.ts';
import { xmlAnswer } from './xml-answer.ts';

const regionHeader = 'x-amz-bucket-region';
const readNames = ['x-amz-expected-bucket-owner'];
const creationNames = ['x-amz-acl', 'x-amz-bucket-object-lock-enabled', 'x-amz-object-ownership'];

/** Reaches through to the UFS, so that a bucket that is gone there is gone here. */
export const headBucket =
  (deps: OperationDeps): S3Handler =>
  async (request) => {
    const mounts = mountsOf(deps, request);
    const region = await regionOf(deps, mounts, request).catch((error: unknown) => {
      throw withRegion(error, rootMountOf(mounts));
    });
    return {
      status: 200,
      headers: [
        [regionHeader, region],
        ['x-amz-access-point-alias', 'false'],
      ],
    };
  };

/** SDKs find regions by this refusal (S3-WIRE 116). A store that tells none is where the mount says. */
function withRegion(error: unknown, mount: Mount | undefined): unknown {
  if (!isUfsAnswer(error) || error.answer.status !== 403 || mount?.ufs.scheme !== 's3') return error;
  const { headers = [] } = error.answer;
  if (headerValue(headers, regionHeader) !== undefined) return error;
  const told = { ...error.answer, headers: [...headers, [regionHeader, mount.ufs.region] as const] };
  return new UfsAnswerError(told, { cause: error });
}

/** @throws UfsAnswerError where the bucket is not there, or not the expected owner's */
async function regionOf(deps: OperationDeps, mounts: readonly Mount[], request: S3Request): Promise<string> {
  const mount = rootMountOf(mounts);
  const read = { headers: named(request.headers, readNames), signal: request.signal };
  if (mount?.pattern) {
    const service = await deps.serviceOf(mount.pattern);
    const head = () => service.headBucket(mount.bucket, read);
    return (await emptyIfMissing({ mount, mounts }, undefined, head))?.region ?? service.region;
  }
  const ufs = await deps.ufsOf(mount ?? mounts[0]!);
  if (mount) await ufs.checkBucket(read);
  return ufs.region;
}

/** What the store of a pattern mount says; of a literal mount, its region. */
export const getBucketLocation =
  (deps: OperationDeps): S3Handler =>
  async (request) => {
    const mounts = mountsOf(deps, request);
    const mount = rootMountOf(mounts);
    const headers = named(request.headers, readNames);
    if (mount?.pattern) {
      const service = await deps.serviceOf(mount.pattern);
      const ask = () => service.bucketLocation(mount.bucket, { headers, signal: request.signal });
      return xmlAnswer('LocationConstraint', await emptyIfMissing({ mount, mounts }, '', ask));
    }
    await checkOwner(deps, request);
    const { region } = await deps.ufsOf(mount ?? mounts[0]!);
    return xmlAnswer('LocationConstraint', region === 'us-east-1' ? '' : region);
  };

/**
 * For requests that do not reach the bucket with their own headers: where the client says whose bucket it
 * must be, the UFS is asked first. @throws UfsAnswerError 403 where it is another's
 */
export async function checkOwner(deps: OperationDeps, request: S3Request): Promise<void> {
  if (request.headers.get('x-amz-expected-bucket-owner') === undefined) return;
  await regionOf(deps, mountsOf(deps, request), request);
}

/** Clients that make the bucket before every copy must hear that it is theirs already. */
export const createBucket =
  (deps: OperationDeps): WriteHandler =>
  async (request) => {
    const bucket = request.bucket ?? '';
    const body = await configurationOf(deps, request);
    const pattern = patternOf(deps, bucket);
    if (!pattern) {
      if (deps.registry.view().mounts.ofBucket(bucket).length > 0) {
        throw new S3Error('BucketAlreadyOwnedByYou', { fields: { BucketName: bucket } });
      }
      throw new S3Error('AccessDenied', { message: 'Buckets are mounts; add one with "forebay mount".' });
    }
    refuseReadOnlyMount(pattern);
    const service = await deps.serviceOf(pattern.pattern);
    const headers = [
      ...named(request.headers, creationNames),
      ...prefixed(request.headers, ['x-amz-grant-']),
    ];
    const result = await deps.writer.createBucket(pattern, () =>
      service.createBucket(bucket, { headers, body }),
    );
    return result.answer((written) => ({
      status: 200,
      headers: [['location', `/${bucket}`], ...withoutLocation(written.headers)],
    }));
  };

export const deleteBucket =
  (deps: OperationDeps): WriteHandler =>
  async (request) => {
    mountsOf(deps, request);
    const bucket = request.bucket ?? '';
    const mount = patternOf(deps, bucket);
    if (!mount || deps.registry.view().mounts.literalOf(bucket).length > 0) {
      throw new S3Error('AccessDenied', { message: 'Buckets are mounts; remove one with "forebay umount".' });
    }
    refuseReadOnlyMount(mount);
    const service = await deps.serviceOf(mount.pattern);
    const headers = named(request.headers, readNames);
    const result = await deps.writer.writeBucket(mount, () => service.deleteBucket(bucket, { headers }));
    deps.cors.drop(mount);
    return result.answer((written) => ({ status: 204, headers: written.headers }));
  };

/** The pattern mount's bucket, where no literal mount stands in its place. */
function patternOf(deps: OperationDeps, bucket: string): (Mount & { readonly pattern: Mount }) | undefined {
  const root = rootMountOf(deps.registry.view().mounts.ofBucket(bucket));
  return root?.pattern ? { ...root, pattern: root.pattern } : undefined;
}

/** The client's document as it is: the store judges the region in it. @throws S3Error MalformedXML */
async function configurationOf(deps: OperationDeps, { body }: S3Request): Promise<Uint8Array | undefined> {
  if ((body.sizeBytes ?? 0) === 0) return undefined;
  const bytes = await body.bytes(deps.settings.xmlBodyBytesMax);
  if (bytes.byteLength > 0) parseCreateBucketConfiguration(bytes);
  return bytes;
}

function withoutLocation(headers: HeaderList): HeaderList {
  return headers.filter(([name]) => name !== 'location');
}
