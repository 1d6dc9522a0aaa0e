/**
 * Configuration of buckets: it belongs to the UFS bucket, so it goes through where a mount stands for all of
 * one, and is refused with a reason elsewhere. Documents go as they are, in both directions: names of buckets
 * inside them (ARNs of a policy) are the UFS's (docs/s3-operations.md).
 */
import type { Mount } from '@forebay/core/mount';
import { refuseReadOnlyMount, type WriteHandler } from '../../write-object.ts';
import { S3Error } from '../errors.ts';
import type { OperationDeps } from '../operation.ts';
import type { S3Handler, S3Request } from '../types.ts';
import { parseCorsConfiguration } from '../xml.ts';
import { forwardedParts, methodOf, streamedAnswer, wholeAnswer } from './forward.ts';
import { mountsOf, rootMountOf } from './resolve.ts';

/** What concerns the bucket as such and no key in it: mounts below it are not in the way. */
const keyless = new Set(['cors', 'requestPayment', 'tagging']);

/** @param names query parameters that go on, the sub-resource first */
export const forwardBucketRead =
  (names: readonly string[]) =>
  (deps: OperationDeps): S3Handler =>
  async (request) => {
    const mount = wholeBucketOf(deps, request);
    const parts = await forwardedParts(deps, request, names);
    const ufs = await deps.ufsOf(mount);
    const { signal } = request;
    return streamedAnswer(await ufs.forward({ ...parts, method: methodOf(request), effect: 'read', signal }));
  };

/**
 * A policy, a lifecycle or versioning may change what becomes of every object, and some of that shows in
 * headers of objects: all keys are fenced, and what was known of them is void (DESIGN §4, Writes). Not so for
 * what concerns no key.
 */
export const forwardBucketWrite =
  (names: readonly string[]) =>
  (deps: OperationDeps): WriteHandler =>
  async (request) => {
    const mount = wholeBucketOf(deps, request);
    refuseReadOnlyMount(mount);
    const isKeyless = keyless.has(names[0]!);
    if (!isKeyless) refuseNested(deps, request);
    const parts = await forwardedParts(deps, request, names);
    if (names[0] === 'cors' && request.method === 'PUT') checkCorsConfiguration(parts.body);
    const ufs = await deps.ufsOf(mount);
    const method = methodOf(request);
    const action = async () => {
      try {
        return await wholeAnswer(await ufs.forward({ ...parts, method, effect: 'write' }));
      } finally {
        if (names[0] === 'cors') deps.cors.drop(mount);
      }
    };
    const result = isKeyless
      ? await deps.writer.write([], action)
      : await deps.writer.writeBucket(mount, action);
    return result.answer((answer) => answer);
  };

const corsMethods = new Set(['GET', 'HEAD', 'PUT', 'POST', 'DELETE']);

/**
 * Preflight requests are answered by these rules: they must be ones.
 * @throws S3Error MalformedXML, InvalidRequest
 */
function checkCorsConfiguration(body: Uint8Array | undefined): void {
  const rules = parseCorsConfiguration(body ?? new Uint8Array(0));
  if (rules.length === 0) throw new S3Error('MalformedXML');
  for (const { origins, methods } of rules) {
    if (origins.length === 0 || methods.length === 0) throw new S3Error('MalformedXML');
    const unknown = methods.find((method) => !corsMethods.has(method));
    if (unknown === undefined) continue;
    throw new S3Error('InvalidRequest', {
      message: `Found unsupported HTTP method in CORS config. Unsupported method is ${unknown}`,
    });
  }
}

/** @throws S3Error NoSuchBucket, AccessDenied */
function wholeBucketOf(deps: OperationDeps, request: S3Request): Mount {
  const root = rootMountOf(mountsOf(deps, request));
  if (!root) throw denied('No mount stands for this bucket as a whole, so it has no configuration.');
  if (root.ufs.prefix !== '') {
    throw denied(
      `The mount ${root.path} shows a part of a bucket of its storage, and configuration is of whole buckets.`,
    );
  }
  return root;
}

/** @throws S3Error AccessDenied */
function refuseNested(deps: OperationDeps, request: S3Request): void {
  const nested = mountsOf(deps, request).find(({ keyPrefix }) => keyPrefix !== '');
  if (!nested) return;
  throw denied(`The mount ${nested.path} lies in this bucket, and its objects would not be covered.`);
}

function denied(message: string): S3Error {
  return new S3Error('AccessDenied', { message });
}
