/**
 * One level of the namespace for the object browser: the UFS tells what there is, the cache node what of it
 * is cached. It costs one list request, and one more for each prefix whose size is told, up to a limit.
 */
import type { LocalCacheNode } from '@forebay/cache-node/local-cache-node';
import type { Mount } from '@forebay/core/mount';
import type { Registry } from '@forebay/core/registry';
import type { StoredBelow } from '@forebay/core/stored';
import { listNamespace } from '@forebay/gateway/namespace/list-objects';
import type {
  BrowsedObject,
  BrowsedPrefix,
  BrowseRequest,
  Browser,
  BrowseView,
} from '@forebay/registry/admin/insight/browse';
import type { Ufs, UfsListEntry } from '@forebay/ufs/ufs';

export interface BrowseSources {
  readonly registry: Registry;
  readonly cacheNode: Pick<LocalCacheNode, 'stat' | 'shelf' | 'stats'>;
  readonly ufsOf: (mount: Mount) => Promise<Ufs>;
}

const namesMax = 100;
/** Prefixes of one answer whose size at the UFS is told, and how many of their objects are counted. */
const countedPrefixesMax = 25;
const countedObjectsMax = 1000;
const countsAtOnce = 5;

export function openBrowser({ registry, cacheNode, ufsOf }: BrowseSources): Browser {
  const resolve = (bucket: string, key: string) => registry.view().mounts.resolve(bucket, key);
  const list = (request: BrowseRequest, more: { delimiter?: string; maxKeys: number }) => {
    const mounts = registry.view().mounts.ofBucket(request.bucket);
    return listNamespace({ ...request, ...more, mounts, ufsOf });
  };
  const objectOf = async (bucket: string, entry: UfsListEntry): Promise<BrowsedObject> => {
    const { key, sizeBytes, lastModifiedMs } = entry;
    const object = resolve(bucket, key)!;
    const stat = await cacheNode.stat({ object, want: 'info' });
    const isKnown = stat.info?.etag === entry.etag;
    const versionId = isKnown ? stat.info?.versionId : undefined;
    const map = cacheNode.shelf.pageMap(object, { etag: entry.etag, sizeBytes, versionId });
    const lastModified = new Date(lastModifiedMs).toISOString();
    const cached = { cachedBytes: map.cachedBytes, cachedPages: map.cached, pages: map.total };
    return { key, sizeBytes, lastModified, ...cached, fresh: stat.fresh && isKnown };
  };
  const totalOf = async (request: BrowseRequest): Promise<NonNullable<BrowsedPrefix['total']>> => {
    const { objects, truncated } = await list({ ...request, after: '' }, { maxKeys: countedObjectsMax });
    const bytes = objects.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    return { objects: objects.length, bytes, complete: !truncated };
  };
  return {
    browse: async (request) => {
      const { bucket, prefix, signal } = request;
      if (registry.view().mounts.ofBucket(bucket).length === 0) return undefined;
      const [listing, stored] = await Promise.all([
        list(request, { delimiter: '/', maxKeys: namesMax }),
        cacheNode.shelf.below({ path: `${bucket}/${prefix}`, signal }),
      ]);
      const counted = await inTurns(listing.commonPrefixes.slice(0, countedPrefixesMax), (below) =>
        totalOf({ ...request, prefix: below }),
      );
      const view: BrowseView = {
        ...{ bucket, prefix, complete: stored.complete },
        prefixes: listing.commonPrefixes.map((below, index) => ({
          ...prefixOf(below, prefix, stored),
          ...(counted[index] && { total: counted[index] }),
        })),
        objects: await Promise.all(listing.objects.map((entry) => objectOf(bucket, entry))),
        ...(listing.truncated && listing.last !== undefined && { next: listing.last }),
      };
      return view;
    },
    pageMap: async ({ bucket, key }) => {
      const object = resolve(bucket, key);
      const stat = object && (await cacheNode.stat({ object, want: 'info' }));
      return stat?.info && cacheNode.shelf.pageMap(object!, stat.info);
    },
  };
}

function prefixOf(below: string, prefix: string, { groups }: StoredBelow): BrowsedPrefix {
  const group = groups.get(below.slice(prefix.length)) ?? { objects: 0, pages: 0, bytes: 0 };
  return { prefix: below, ...group };
}

/** A few at a time. */
async function inTurns<T, R>(items: readonly T[], of: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let at = 0; at < items.length; at += countsAtOnce) {
    results.push(...(await Promise.all(items.slice(at, at + countsAtOnce).map(of))));
  }
  return results;
}
