/** ListBuckets: the buckets that mounts make (S3-WIRE 115). */
import type { Mount } from '@forebay/core/mount';
import { compareUtf8 } from '@forebay/core/utf8-order';
import { decodeContinuationToken, encodeContinuationToken } from '../../namespace/continuation-token.ts';
import { S3Error } from '../errors.ts';
import type { OperationDeps } from '../operation.ts';
import type { S3Handler, S3Request } from '../types.ts';
import { rootMountOf } from './resolve.ts';
import { isoTime, owner, xmlAnswer } from './xml-answer.ts';

const pagingNames = ['max-buckets', 'prefix', 'continuation-token', 'bucket-region'];

/** A bucket is there as soon as something is mounted in it; it is as old as its first mount (S3-WIRE 115). */
export const listBuckets =
  (deps: OperationDeps): S3Handler =>
  async (request) => {
    const { mounts } = deps.registry.view();
    const paged = pagingNames.some((name) => request.query.has(name));
    const prefix = request.query.get('prefix') ?? '';
    const after = startOf(request);
    const names = mounts
      .buckets()
      .filter((name) => name.startsWith(prefix) && compareUtf8(name, after) > 0)
      .sort(compareUtf8);
    const page = names.slice(0, maxBucketsOf(request));
    const buckets = await Promise.all(
      page.map(async (name) => {
        const ofBucket = mounts.ofBucket(name);
        return {
          Name: name,
          CreationDate: isoTime(Math.min(...ofBucket.map((mount) => mount.createdAtMs))),
          BucketRegion: paged ? await regionOf(deps, ofBucket) : undefined,
        };
      }),
    );
    const last = page.at(-1);
    return xmlAnswer('ListAllMyBucketsResult', {
      Owner: owner,
      Buckets: { Bucket: buckets },
      ContinuationToken:
        page.length < names.length && last !== undefined ? encodeContinuationToken(last) : undefined,
      Prefix: request.query.get('prefix'),
    });
  };

/** Left out where the UFS cannot be opened: one such mount must not hide the buckets of all others. */
async function regionOf(deps: OperationDeps, mounts: readonly Mount[]): Promise<string | undefined> {
  try {
    return (await deps.ufsOf(rootMountOf(mounts) ?? mounts[0]!)).region;
  } catch {
    return undefined;
  }
}

function startOf({ query }: S3Request): string {
  const token = query.get('continuation-token');
  if (token === undefined) return '';
  const after = decodeContinuationToken(token);
  if (after === undefined) {
    throw new S3Error('InvalidArgument', {
      message: 'The continuation token provided is incorrect',
      fields: { ArgumentName: 'continuation-token', ArgumentValue: token },
    });
  }
  return after;
}

function maxBucketsOf({ query }: S3Request): number {
  const text = query.get('max-buckets');
  if (text === undefined) return 10_000;
  if (!/^\d{1,5}$/.test(text) || Number(text) < 1 || Number(text) > 10_000) {
    throw new S3Error('InvalidArgument', {
      message: 'Argument max-buckets must be an integer between 1 and 10000.',
      fields: { ArgumentName: 'max-buckets', ArgumentValue: text },
    });
  }
  return Number(text);
}
