/**
 * Multipart uploads under way in a bucket, those of nested mounts included, in key order (S3-WIRE 104).
 * Uploads are few, so groups are made here and not by the UFS.
 */
import { ForebayError } from '@forebay/core/errors';
import type { Mount } from '@forebay/core/mount';
import { compareUtf8 } from '@forebay/core/utf8-order';
import type { Ufs, UfsUploadList } from '@forebay/ufs/ufs';
import { groupOf, intervalsWithPrefix, type KeyInterval } from './key-intervals.ts';
import { emptyIfMissing } from './pattern-part.ts';

export type ListedUpload = UfsUploadList['uploads'][number];

export interface NamespaceUploadsRequest {
  readonly mounts: readonly Mount[];
  readonly ufsOf: (mount: Mount) => Promise<Pick<Ufs, 'listUploads'>>;
  readonly prefix: string;
  readonly delimiter: string | undefined;
  /** Keys after it; with `uploadIdMarker` also later uploads of the key itself. Empty: from the beginning. */
  readonly keyMarker: string;
  readonly uploadIdMarker: string;
  /** 0 to 1,000. */
  readonly maxUploads: number;
}

export interface NamespaceUploads {
  readonly uploads: readonly ListedUpload[];
  readonly commonPrefixes: ReadonlySet<string>;
  /** Markers of the next page; undefined where there is none. */
  readonly next: { readonly keyMarker: string; readonly uploadIdMarker: string } | undefined;
}

const greatest = '\u{10ffff}';

const noUploads: UfsUploadList = {
  uploads: [],
  commonPrefixes: [],
  truncated: false,
  nextKeyMarker: undefined,
  nextUploadIdMarker: undefined,
};

export async function listNamespaceUploads(request: NamespaceUploadsRequest): Promise<NamespaceUploads> {
  const uploads: ListedUpload[] = [];
  const commonPrefixes = new Set<string>();
  let next: NamespaceUploads['next'];
  if (request.maxUploads === 0) return { uploads, commonPrefixes, next };
  for await (const upload of visibleUploads(request)) {
    const group = groupOf(upload.key, request.prefix, request.delimiter);
    if (group !== undefined && commonPrefixes.has(group)) continue;
    if (uploads.length + commonPrefixes.size === request.maxUploads) return { uploads, commonPrefixes, next };
    if (group === undefined) uploads.push(upload);
    else commonPrefixes.add(group);
    next = { keyMarker: group ?? upload.key, uploadIdMarker: group === undefined ? upload.uploadId : '' };
  }
  return { uploads, commonPrefixes, next: undefined };
}

interface Markers {
  readonly keyMarker: string | undefined;
  readonly uploadIdMarker: string | undefined;
}

async function* visibleUploads(request: NamespaceUploadsRequest): AsyncGenerator<ListedUpload> {
  for (const interval of intervalsWithPrefix(request.mounts, request.prefix)) {
    const { mount, start, endExclusive } = interval;
    const ufs = await request.ufsOf(mount);
    const { prefix } = mount.ufs;
    const toUfs = (text: string) => prefix + text.slice(mount.keyPrefix.length);
    let markers: Markers | undefined = firstMarkers(request, interval);
    while (markers) {
      const { keyMarker, uploadIdMarker } = markers;
      const asked = {
        prefix: mount.keyPrefix.length > request.prefix.length ? prefix : toUfs(request.prefix),
        keyMarker: keyMarker === undefined ? undefined : toUfs(keyMarker),
        uploadIdMarker,
        maxUploads: Math.min(1000, request.maxUploads + 1),
      };
      const place = { mount, mounts: request.mounts };
      const page = await emptyIfMissing(place, noUploads, () => ufs.listUploads(asked));
      for (const upload of page.uploads) {
        const key = mount.keyPrefix + upload.key.slice(prefix.length);
        if (compareUtf8(key, start) < 0) continue;
        if (endExclusive !== undefined && compareUtf8(key, endExclusive) >= 0) break;
        yield { ...upload, key };
      }
      markers = nextMarkers(page, mount, markers);
    }
  }
}

/** Undefined where nothing of the interval comes after the request's markers. */
function firstMarkers(request: NamespaceUploadsRequest, interval: KeyInterval): Markers | undefined {
  const { keyMarker, uploadIdMarker, prefix, delimiter } = request;
  const { start, endExclusive, behindPrefix } = interval;
  const begin: Markers = {
    keyMarker: behindPrefix === undefined ? undefined : behindPrefix + greatest,
    uploadIdMarker: undefined,
  };
  // A marker in a group stands for the whole group.
  const group = keyMarker.startsWith(prefix) ? groupOf(keyMarker, prefix, delimiter) : undefined;
  const after = group === undefined ? keyMarker : group + greatest;
  if (endExclusive !== undefined && compareUtf8(after, endExclusive) >= 0) return undefined;
  if (after === '' || compareUtf8(after, start) < 0) return begin;
  if (!after.startsWith(interval.mount.keyPrefix)) return undefined;
  return { keyMarker: after, uploadIdMarker: group === undefined ? uploadIdMarker || undefined : undefined };
}

function nextMarkers(page: UfsUploadList, mount: Mount, before: Markers): Markers | undefined {
  if (!page.truncated) return undefined;
  const next = page.nextKeyMarker;
  const keyMarker = next === undefined ? undefined : mount.keyPrefix + next.slice(mount.ufs.prefix.length);
  const stands = keyMarker === before.keyMarker && page.nextUploadIdMarker === before.uploadIdMarker;
  if (keyMarker === undefined || stands) {
    throw new ForebayError('ufs-unavailable', 'the list of uploads is truncated but makes no progress');
  }
  return { keyMarker, uploadIdMarker: page.nextUploadIdMarker };
}
