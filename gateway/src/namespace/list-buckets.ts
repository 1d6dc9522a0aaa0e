/**
 * The buckets that clients see: those of literal mounts and those that the pattern mount's store lists, as
 * one sequence by name; a literal mount hides the store's bucket of its name. The store lists in an order of
 * its own and from the beginning, so that a place in the sequence is a name and no state of anybody.
 */
import { ForebayError } from '@forebay/core/errors';
import { isBucketName, type Mount, type MountTable } from '@forebay/core/mount';
import { compareUtf8 } from '@forebay/core/utf8-order';
import type { UfsService } from '@forebay/ufs/ufs-service';

export interface NamespaceBucketsRequest {
  readonly mounts: MountTable;
  /** Of the pattern mount, where there is one. */
  readonly service: UfsService | undefined;
  readonly prefix: string;
  /** Exclusive. Empty: from the beginning. */
  readonly after: string;
  /** Only buckets of this region. */
  readonly region: string | undefined;
  readonly maxBuckets: number;
  readonly signal?: AbortSignal | undefined;
}

export interface ListedBucket {
  readonly name: string;
  readonly createdAtMs: number;
  readonly region: string;
}

/** A million buckets at S3, as many as an account may have. */
const pagesMax = 100;

export async function listNamespaceBuckets(
  request: NamespaceBucketsRequest,
): Promise<{ readonly buckets: readonly ListedBucket[]; readonly truncated: boolean }> {
  const { mounts, maxBuckets } = request;
  const literal = mounts.buckets().map((name) => literalBucket(name, mounts.literalOf(name)));
  let buckets = nearest(literal, request);
  for await (const page of storePages(request)) {
    const shown = page.filter(({ name }) => isBucketName(name) && mounts.literalOf(name).length === 0);
    buckets = nearest([...buckets, ...shown], request);
  }
  return { buckets: buckets.slice(0, maxBuckets), truncated: buckets.length > maxBuckets };
}

/** As old as its first mount. */
function literalBucket(name: string, mounts: readonly Mount[]): ListedBucket {
  const root = mounts.find(({ keyPrefix }) => keyPrefix === '') ?? mounts[0]!;
  const region = root.ufs.scheme === 's3' ? root.ufs.region : 'us-east-1';
  return { name, createdAtMs: Math.min(...mounts.map(({ createdAtMs }) => createdAtMs)), region };
}

async function* storePages({ service, prefix, signal }: NamespaceBucketsRequest) {
  if (!service) return;
  let token: string | undefined;
  for (let page = 0; page < pagesMax; page += 1) {
    const { buckets, nextToken } = await service.listBuckets({ prefix, token, signal });
    yield buckets.map(({ name, createdAtMs, region }) => ({
      name,
      createdAtMs,
      region: region ?? service.region,
    }));
    if (nextToken === undefined) return;
    token = nextToken;
  }
  throw new ForebayError('ufs-unavailable', `the store lists more than ${pagesMax} pages of buckets`);
}

/** Those that the request asks for, no more than it takes to know whether there are more. */
function nearest(buckets: readonly ListedBucket[], request: NamespaceBucketsRequest): ListedBucket[] {
  const { prefix, after, region, maxBuckets } = request;
  return buckets
    .filter((bucket) => bucket.name.startsWith(prefix) && compareUtf8(bucket.name, after) > 0)
    .filter((bucket) => region === undefined || bucket.region === region)
    .sort((a, b) => compareUtf8(a.name, b.name))
    .slice(0, maxBuckets + 1);
}
