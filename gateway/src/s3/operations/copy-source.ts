/** `x-amz-copy-source`: what a copy reads, and on which conditions (S3-WIRE 92-96). */
import { evaluateConditions } from '@forebay/core/conditions';
import { ForebayError, isUfsAnswer } from '@forebay/core/errors';
import type { Mount, ObjectRef } from '@forebay/core/mount';
import type { HeaderList, ObjectInfo } from '@forebay/core/object';
import type { ByteRange } from '@forebay/core/range';
import type { Ufs, UfsObject } from '@forebay/ufs/ufs';
import { S3Error } from '../errors.ts';
import type { OperationDeps } from '../operation.ts';
import { parseReadConditions } from '../read-conditions.ts';
import type { S3Request } from '../types.ts';
import { copySourceName } from './copy-source-name.ts';
import { invalid } from './list-request.ts';
import { readableObject } from './resolve.ts';
import { uploadBytesMax } from './upload.ts';
import { named, payerHeaders, prefixed } from './write-headers.ts';

const headerName = 'x-amz-copy-source';

export interface CopySource {
  readonly object: ObjectRef;
  readonly key: string;
  readonly versionId: string | undefined;
}

/** @throws S3Error InvalidArgument, NoSuchBucket, NoSuchKey */
export function copySourceOf(deps: OperationDeps, request: S3Request): CopySource {
  const name = copySourceName(request);
  if (!name) throw invalid(headerName, '', 'Invalid copy source bucket name');
  const { bucket, key, versionId } = name;
  return { object: readableObject(deps, { bucket, key }), key, versionId };
}

/**
 * The store can copy by itself: one place, reached with one set of credentials. All buckets of the pattern
 * mount are one place.
 */
export function isSameStore(a: Mount, b: Mount): boolean {
  return storeOf(a) === storeOf(b);
}

function storeOf(mount: Mount): string {
  return JSON.stringify({ ...(mount.pattern ?? mount).ufs, prefix: '' });
}

/** For a copy within a store: what names the source there. */
export function sourceInStore({ object, versionId }: CopySource, target: ObjectRef) {
  const from = object.mount.ufs;
  const to = target.mount.ufs;
  const elsewhere = from.scheme === 's3' && to.scheme === 's3' && from.bucket !== to.bucket;
  return {
    sourceBucket: elsewhere ? from.bucket : undefined,
    sourceKey: object.ufsKey,
    sourceVersionId: versionId,
  };
}

const conditionPrefix = `${headerName}-if-`;
const customerPrefix = `${headerName}-server-side-encryption-customer-`;

/**
 * Between stores the source is a read of its own: under the key that its customer gave (SSE-C), which the
 * store judges, and on account of who pays for the copy.
 */
function sourceReadHeaders({ headers }: S3Request): HeaderList {
  const keys = headers.withPrefix(customerPrefix);
  return [
    ...keys.map(([name, value]) => [name.replace('copy-source-', ''), value] as const),
    ...payerHeaders(headers),
  ];
}

/** What a copy within a store passes on about its source. */
export function copySourceHeaders({ headers }: S3Request): HeaderList {
  return [
    ...prefixed(headers, [conditionPrefix, customerPrefix]),
    ...named(headers, ['x-amz-source-expected-bucket-owner']),
  ];
}

export interface OpenedSource {
  readonly info: ObjectInfo;
  readonly sizeBytes: number;
  readonly body: AsyncIterable<Uint8Array>;
}

/**
 * The source's bytes, for a copy from one store to another. `range` must lie inside the source.
 * @throws S3Error PreconditionFailed, InvalidRequest over 5 GiB, InvalidArgument for the range
 */
export async function openSource(
  ufs: Ufs,
  source: CopySource,
  request: S3Request,
  range?: ByteRange,
): Promise<OpenedSource> {
  const { info, body, range: held } = await readSource(ufs, source, { request, range });
  try {
    checkConditions(request, info);
    if (range && range.endExclusive > info.sizeBytes) throw rangeOutside(request, String(info.sizeBytes));
    if (range && (held.start !== range.start || held.endExclusive !== range.endExclusive)) {
      throw new ForebayError('ufs-unavailable', 'the store sends another range than was asked');
    }
    const sizeBytes = range ? range.endExclusive - range.start : info.sizeBytes;
    if (sizeBytes > uploadBytesMax) {
      const message =
        'The specified copy source is larger than the maximum allowable size for a copy source: ' +
        String(uploadBytesMax);
      throw new S3Error('InvalidRequest', { message });
    }
    return { info, sizeBytes, body };
  } catch (error) {
    await body[Symbol.asyncIterator]().return?.();
    throw error;
  }
}

/** A store that refuses the copy may never have touched the body: its connection would wait for ever. */
export async function closeSource({ body }: OpenedSource): Promise<void> {
  try {
    await body[Symbol.asyncIterator]().return?.();
  } catch {
    // The copy has its outcome already, and what fails to close is closed.
  }
}

async function readSource(
  ufs: Ufs,
  { object, key, versionId }: CopySource,
  { request, range }: { readonly request: S3Request; readonly range: ByteRange | undefined },
): Promise<UfsObject> {
  try {
    return await ufs.get(object.ufsKey, {
      versionId,
      headers: sourceReadHeaders(request),
      ...(range && { range: { kind: 'span', ...range } }),
    });
  } catch (error) {
    if (isUfsAnswer(error, 'NoSuchKey')) {
      throw new S3Error('NoSuchKey', { fields: { Key: key }, cause: error });
    }
    if (versionId !== undefined && isUfsAnswer(error, 'MethodNotAllowed')) {
      const message =
        'The source of a copy request may not specifically refer to a delete marker by version id.';
      throw new S3Error('InvalidRequest', { message, cause: error });
    }
    if (range && isUfsAnswer(error, 'InvalidRange')) {
      const [, size = 'unknown'] = error.answer.fields?.find(([name]) => name === 'ActualObjectSize') ?? [];
      throw rangeOutside(request, size);
    }
    throw error;
  }
}

/** Of a copy between stores: which version was read, as a store says it of a copy within it (S3-WIRE 95). */
export function sourceVersionHeaders({ info }: OpenedSource): HeaderList {
  return info.versionId === undefined ? [] : [[`${headerName}-version-id`, info.versionId]];
}

/** As for reads, but that each failure is 412: a copy has no 304 (S3-WIRE 94). */
function checkConditions(request: S3Request, info: ObjectInfo): void {
  const conditions = parseReadConditions({
    get: (name) => request.headers.get(`${headerName}-${name}`),
    withPrefix: () => [],
    hasPrefix: () => false,
  });
  const outcome = conditions ? evaluateConditions(conditions, info) : 'met';
  if (outcome === 'met') return;
  const failed =
    outcome !== 'not-modified'
      ? outcome.failed
      : conditions?.ifNoneMatch !== undefined
        ? 'If-None-Match'
        : 'If-Modified-Since';
  throw new S3Error('PreconditionFailed', { fields: { Condition: `${headerName}-${failed}` } });
}

const rangeName = 'x-amz-copy-source-range';

/** `bytes=first-last`, both given (S3-WIRE 96). @throws S3Error InvalidArgument */
export function copySourceRange({ headers }: S3Request): ByteRange | undefined {
  const text = headers.get(rangeName);
  if (text === undefined) return undefined;
  const match = /^bytes=(\d+)-(\d+)$/.exec(text);
  const range = match && { start: Number(match[1]), endExclusive: Number(match[2]) + 1 };
  if (!range || range.start >= range.endExclusive || !Number.isSafeInteger(range.endExclusive)) {
    const message =
      'The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are ' +
      'the zero-based offsets of the first and last bytes to copy';
    throw invalid(rangeName, text, message);
  }
  return range;
}

function rangeOutside({ headers }: S3Request, size: string): S3Error {
  const message = `Range specified is not valid for source object of size: ${size}`;
  return invalid(rangeName, headers.get(rangeName) ?? '', message);
}
