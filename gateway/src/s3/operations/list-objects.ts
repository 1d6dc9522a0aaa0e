/** ListObjectsV2 and its forerunner: one walk of the namespace, two documents (S3-WIRE 105-112). */
import type { HeaderList } from '@forebay/core/object';
import { decodeContinuationToken, encodeContinuationToken } from '../../namespace/continuation-token.ts';
import type { ListReading } from '../../namespace/list-cache.ts';
import { type ListedObject, listNamespace, type NamespaceListing } from '../../namespace/list-objects.ts';
import type { OperationDeps } from '../operation.ts';
import type { S3Handler, S3Request } from '../types.ts';
import { checkOwner } from './buckets.ts';
import { invalid, limitOf, namesOf } from './list-request.ts';
import { quotedEtag } from './object-answer.ts';
import { mountsOf } from './resolve.ts';
import { payerHeaders } from './write-headers.ts';
import { isoTime, owner, xmlAnswer } from './xml-answer.ts';

type NameCoding = (text: string) => string;

export const listObjectsV2 =
  (deps: OperationDeps): S3Handler =>
  async (request) => {
    const { query } = request;
    const token = query.get('continuation-token');
    const startAfter = query.get('start-after');
    const after = token === undefined ? (startAfter ?? '') : afterToken(token);
    const { maxKeys, encodingType, name, listing, headers } = await list(deps, request, after);
    const withOwner = query.get('fetch-owner') === 'true';
    const document = {
      Name: request.bucket,
      Prefix: name(query.get('prefix') ?? ''),
      // An empty one is as if absent.
      Delimiter: optional(name, query.get('delimiter') || undefined),
      MaxKeys: maxKeys,
      EncodingType: encodingType,
      KeyCount: listing.objects.length + listing.commonPrefixes.length,
      IsTruncated: listing.truncated,
      StartAfter: optional(name, startAfter),
      ContinuationToken: token,
      NextContinuationToken: listing.truncated ? encodeContinuationToken(listing.last ?? '') : undefined,
      ...entriesOf(listing, { name, withOwner }),
    };
    return xmlAnswer('ListBucketResult', document, headers);
  };

export const listObjects =
  (deps: OperationDeps): S3Handler =>
  async (request) => {
    const { query } = request;
    const marker = query.get('marker') ?? '';
    const { maxKeys, encodingType, name, listing, headers } = await list(deps, request, marker);
    const delimiter = query.get('delimiter') || undefined;
    const document = {
      Name: request.bucket,
      Prefix: name(query.get('prefix') ?? ''),
      Marker: name(marker),
      // Without a delimiter the last key is the next marker, and S3 does not say so.
      NextMarker: listing.truncated && delimiter !== undefined ? optional(name, listing.last) : undefined,
      Delimiter: optional(name, delimiter),
      MaxKeys: maxKeys,
      EncodingType: encodingType,
      IsTruncated: listing.truncated,
      ...entriesOf(listing, { name, withOwner: true }),
    };
    return xmlAnswer('ListBucketResult', document, headers);
  };

async function list(deps: OperationDeps, request: S3Request, after: string) {
  const { query } = request;
  const mounts = mountsOf(deps, request);
  const maxKeys = limitOf(query, 'max-keys');
  const names = namesOf(query);
  await checkOwner(deps, request);
  const reading = deps.lists.reading();
  const payer = payerHeaders(request.headers);
  const listing = await listNamespace({
    mounts,
    ufsOf: async (mount) => {
      const ufs = await deps.ufsOf(mount);
      // Whether the reader has to pay only the UFS knows: a kept list would hide it.
      return payer.length > 0
        ? { list: (asked) => ufs.list({ ...asked, headers: payer }) }
        : reading.of(mount, ufs);
    },
    prefix: query.get('prefix') ?? '',
    delimiter: query.get('delimiter') || undefined,
    after,
    maxKeys,
    signal: request.signal,
  });
  return { ...names, maxKeys, listing, headers: ageOf(reading) };
}

/** Where a mount keeps lists: seconds since the UFS gave the oldest part of this one. */
function ageOf({ ageMs }: ListReading): HeaderList {
  return ageMs === undefined ? [] : [['age', String(Math.floor(ageMs / 1000))]];
}

function entriesOf(
  { objects, commonPrefixes }: NamespaceListing,
  { name, withOwner }: { readonly name: NameCoding; readonly withOwner: boolean },
) {
  return {
    Contents: objects.map((object) => ({
      Key: name(object.key),
      LastModified: isoTime(object.lastModifiedMs),
      ETag: object.etag === undefined ? undefined : quotedEtag(object.etag),
      ...checksumsOf(object),
      Size: object.sizeBytes,
      StorageClass: object.storageClass,
      Owner: withOwner ? owner : undefined,
    })),
    CommonPrefixes: commonPrefixes.map((prefix) => ({ Prefix: name(prefix) })),
  };
}

function checksumsOf({ checksumAlgorithms, checksumType }: ListedObject) {
  return { ChecksumAlgorithm: checksumAlgorithms, ChecksumType: checksumType };
}

function afterToken(token: string): string {
  const after = decodeContinuationToken(token);
  if (after !== undefined) return after;
  throw invalid('continuation-token', token, 'The continuation token provided is incorrect');
}

function optional(name: NameCoding, text: string | undefined): string | undefined {
  return text === undefined ? undefined : name(text);
}
