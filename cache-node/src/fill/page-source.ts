/** One version of one object, ready to be read by pages. */
import type { CachePolicy } from '@forebay/core/cache-policy';
import { clientKeyOf, type ObjectRef, objectIdOf } from '@forebay/core/mount';
import { type ObjectInfo, versionOf } from '@forebay/core/object';
import { type PageSetId, pageSetIdOf } from '@forebay/core/page';
import type { Ufs } from '@forebay/ufs/ufs';
import type { PagedObject } from '../page-store/paged-object.ts';

export interface PageSource {
  readonly object: ObjectRef;
  readonly ufs: Ufs;
  /** With a strong ETag. */
  readonly info: ObjectInfo & { readonly etag: string };
  readonly set: PageSetId;
  readonly pageSizeBytes: number;
  /** By which the pages are kept. */
  readonly policy: CachePolicy;
  /** Nothing is asked of the UFS: a page that is not here ends the read. */
  readonly cachedOnly?: boolean;
}

interface KnownSet {
  readonly set: PageSetId;
  readonly pageSizeBytes: number;
}

/**
 * Hashing identity and version is dearer than a look: one info object is always of one object in one mount.
 * The page size is not: a mount may be taken away and made again with another.
 */
const setsByInfo = new WeakMap<ObjectInfo, KnownSet>();

export function pageSetOf(object: ObjectRef, info: ObjectInfo): PageSetId {
  const { pageSizeBytes } = object.mount;
  const known = setsByInfo.get(info);
  if (known?.pageSizeBytes === pageSizeBytes) return known.set;
  const set = pageSetIdOf(objectIdOf(object), versionOf(info), pageSizeBytes);
  setsByInfo.set(info, { set, pageSizeBytes });
  return set;
}

/** As the page store is told of it. */
export function pagedObjectOf({
  object,
  info,
  pageSizeBytes,
  policy,
}: Pick<PageSource, 'object' | 'pageSizeBytes' | 'policy'> & { readonly info: ObjectInfo }): PagedObject {
  const { mount } = object;
  return {
    path: `${mount.bucket}/${clientKeyOf(object)}`,
    version: versionOf(info),
    sizeBytes: info.sizeBytes,
    pageSizeBytes,
    mountPath: mount.path,
    policy,
  };
}
