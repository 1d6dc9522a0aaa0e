/** ListObjectVersions: the walk of the namespace that lists objects, over their versions (S3-WIRE 114). */
import type { UfsVersion } from '@forebay/ufs/ufs';
import { listNamespace } from '../../namespace/list-objects.ts';
import type { OperationDeps } from '../operation.ts';
import type { Query, S3Handler } from '../types.ts';
import { invalid, limitOf, namesOf } from './list-request.ts';
import { quotedEtag } from './object-answer.ts';
import { mountsOf } from './resolve.ts';
import { payerHeaders } from './write-headers.ts';
import { isoTime, owner, xmlAnswer } from './xml-answer.ts';

type NameCoding = (text: string) => string;

export const listObjectVersions =
  (deps: OperationDeps): S3Handler =>
  async (request) => {
    const { query } = request;
    const mounts = mountsOf(deps, request);
    const maxKeys = limitOf(query, 'max-keys');
    const { encodingType, name } = namesOf(query);
    const { keyMarker, versionIdMarker } = markersOf(query);
    const prefix = query.get('prefix') ?? '';
    const delimiter = query.get('delimiter') || undefined;
    const listing = await listNamespace<UfsVersion>({
      mounts,
      ufsOf: async (mount) => {
        const ufs = await deps.ufsOf(mount);
        return { list: (asked) => ufs.listVersions({ ...asked, headers: payerHeaders(request.headers) }) };
      },
      prefix,
      delimiter,
      after: keyMarker,
      afterVersion: versionIdMarker,
      maxKeys,
      signal: request.signal,
    });
    const head = {
      Name: request.bucket,
      Prefix: name(prefix),
      KeyMarker: name(keyMarker),
      VersionIdMarker: versionIdMarker ?? '',
      NextKeyMarker: listing.truncated ? name(listing.last ?? '') : undefined,
      NextVersionIdMarker: listing.truncated ? listing.lastVersion : undefined,
      MaxKeys: maxKeys,
      Delimiter: delimiter === undefined ? undefined : name(delimiter),
      EncodingType: encodingType,
      IsTruncated: listing.truncated,
    };
    const groups = listing.commonPrefixes.map((text) => ({ Prefix: name(text) }));
    return xmlAnswer('ListVersionsResult', [
      head,
      ...listing.objects.map((version) => elementOf(version, name)),
      { CommonPrefixes: groups },
    ]);
  };

/** An empty version id is as if absent. @throws S3Error InvalidArgument for one without a key */
function markersOf(query: Query): { keyMarker: string; versionIdMarker: string | undefined } {
  const keyMarker = query.get('key-marker') ?? '';
  const versionIdMarker = query.get('version-id-marker') || undefined;
  if (versionIdMarker !== undefined && keyMarker === '') {
    const message = 'A version-id marker cannot be specified without a key marker.';
    throw invalid('version-id-marker', versionIdMarker, message);
  }
  return { keyMarker, versionIdMarker };
}

function elementOf(version: UfsVersion, name: NameCoding) {
  const named = {
    Key: name(version.key),
    VersionId: version.versionId,
    IsLatest: version.isLatest,
    LastModified: isoTime(version.lastModifiedMs),
  };
  if (version.deleteMarker) return { DeleteMarker: { ...named, Owner: owner } };
  const { etag, checksumAlgorithms, checksumType, sizeBytes, storageClass } = version;
  return {
    Version: {
      ...named,
      ETag: etag === undefined ? undefined : quotedEtag(etag),
      ChecksumAlgorithm: checksumAlgorithms,
      ChecksumType: checksumType,
      Size: sizeBytes,
      StorageClass: storageClass,
      Owner: owner,
    },
  };
}
