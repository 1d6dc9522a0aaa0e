/** A stored object as the Ufs contract shows it: as info, as the answer to a copy, as a line of a listing. */
import { headerValue, type ObjectInfo } from '@forebay/core/object';
import type { UfsCopied, UfsListEntry } from '../ufs.ts';
import type { ObjectState } from './backend.ts';
import { algorithmOf, checksumElements, isChecksumHeader } from './object-headers.ts';

export function infoOf(state: ObjectState): ObjectInfo {
  return {
    sizeBytes: state.sizeBytes,
    etag: state.record.etag,
    lastModifiedMs: state.lastModifiedMs,
    versionId: undefined,
    headers: state.record.headers,
    checksumsKnown: true,
  };
}

export function copied(state: ObjectState): UfsCopied {
  return {
    headers: [],
    etag: state.record.etag,
    lastModifiedMs: state.lastModifiedMs,
    checksums: checksumElements(state.record.headers),
  };
}

export function listEntry(key: string, state: ObjectState): UfsListEntry {
  const { headers } = state.record;
  const algorithms = headers.filter(([name]) => isChecksumHeader(name)).map(([name]) => algorithmOf(name));
  return {
    key,
    sizeBytes: state.sizeBytes,
    etag: state.record.etag,
    lastModifiedMs: state.lastModifiedMs,
    storageClass: 'STANDARD',
    ...(algorithms.length > 0 && {
      checksumAlgorithms: algorithms,
      checksumType: headerValue(headers, 'x-amz-checksum-type'),
    }),
  };
}
