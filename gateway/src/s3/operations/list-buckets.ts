/** ListBuckets: the buckets of literal mounts and those of the pattern mount (S3-WIRE 115). */
import { decodeContinuationToken, encodeContinuationToken } from '../../namespace/continuation-token.ts';
import { listNamespaceBuckets } from '../../namespace/list-buckets.ts';
import type { OperationDeps } from '../operation.ts';
import type { S3Handler, S3Request } from '../types.ts';
import { invalid } from './list-request.ts';
import { isoTime, owner, xmlAnswer } from './xml-answer.ts';

const pagingNames = ['max-buckets', 'prefix', 'continuation-token', 'bucket-region'];
const bucketsMax = 10_000;

export const listBuckets =
  (deps: OperationDeps): S3Handler =>
  async (request) => {
    const { query } = request;
    const { mounts } = deps.registry.view();
    const paged = pagingNames.some((name) => query.has(name));
    const maxBuckets = maxBucketsOf(request);
    const after = startOf(request);
    const { buckets, truncated } = await listNamespaceBuckets({
      mounts,
      service: mounts.pattern && (await deps.serviceOf(mounts.pattern)),
      prefix: query.get('prefix') ?? '',
      after,
      region: query.get('bucket-region') || undefined,
      maxBuckets,
      signal: request.signal,
    });
    const last = buckets.at(-1);
    return xmlAnswer('ListAllMyBucketsResult', {
      Owner: owner,
      Buckets: {
        Bucket: buckets.map(({ name, createdAtMs, region }) => ({
          Name: name,
          CreationDate: isoTime(createdAtMs),
          BucketRegion: paged ? region : undefined,
        })),
      },
      ContinuationToken: truncated && last ? encodeContinuationToken(last.name) : undefined,
      Prefix: query.get('prefix'),
    });
  };

function startOf({ query }: S3Request): string {
  const token = query.get('continuation-token');
  if (token === undefined) return '';
  const after = decodeContinuationToken(token);
  if (after !== undefined) return after;
  throw invalid('continuation-token', token, 'The continuation token provided is incorrect');
}

function maxBucketsOf({ query }: S3Request): number {
  const text = query.get('max-buckets');
  if (text === undefined) return bucketsMax;
  if (/^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= bucketsMax) return Number(text);
  throw invalid('max-buckets', text, `Argument max-buckets must be an integer between 1 and ${bucketsMax}.`);
}
