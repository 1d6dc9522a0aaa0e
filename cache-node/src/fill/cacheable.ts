/** What may be cached at all: all else is passed through, as `BYPASS`. */
import type { CachePolicy } from '@forebay/core/cache-policy';
import { hasStrongEtag, type ObjectInfo } from '@forebay/core/object';

export function isCacheable(
  info: ObjectInfo,
  policy: CachePolicy,
): info is ObjectInfo & { readonly etag: string } {
  return hasStrongEtag(info) && info.sizeBytes <= policy.maxObjectSizeBytes;
}
