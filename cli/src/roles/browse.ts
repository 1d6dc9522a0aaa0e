/**
 * One level of the namespace for the object browser: the UFS tells what there is, cache nodes what of it is
 * cached.
 */
import type { CacheNode } from '@forebay/core/cache-node';
import type { Registry } from '@forebay/core/registry';
import type { PageMap } from '@forebay/core/stored';
import type { BrowsedObject, Browser, BrowseView } from '@forebay/registry/admin/insight/browse';
import type { BrowseAnswers, HeldPages, KnownInfo, Level } from './browse-answers.ts';

export interface BrowseSources {
  readonly registry: Pick<Registry, 'view'>;
  readonly cacheNode: Pick<CacheNode, 'stat'>;
  /** Of all nodes together. */
  readonly answers: BrowseAnswers;
}

export function openBrowser({ registry, cacheNode, answers }: BrowseSources): Browser {
  return {
    browse: async ({ bucket, prefix, after, signal }) => {
      const [level, below] = await Promise.all([
        answers.level({ kind: 'level', bucket, prefix, after }, signal),
        answers.below({ kind: 'below', bucket, prefix }, signal),
      ]);
      if (!level) return undefined;
      const groups = new Map(below.groups);
      const nothing = { objects: 0, pages: 0, bytes: 0 };
      const view: BrowseView = {
        ...{ bucket, prefix, complete: below.complete },
        prefixes: level.prefixes.map(({ prefix: name, total }) => ({
          ...{ prefix: name, ...(groups.get(name.slice(prefix.length)) ?? nothing) },
          ...(total && { total }),
        })),
        objects: await browsedObjects(bucket, level, answers),
        ...(level.next !== undefined && { next: level.next }),
      };
      return view;
    },
    pageMap: async ({ bucket, key }) => {
      const object = registry.view().mounts.resolve(bucket, key);
      const info = object && (await cacheNode.stat({ object, want: 'info' })).info;
      if (!info) return undefined;
      const { etag, sizeBytes, versionId } = info;
      const objects = [{ key, etag, sizeBytes, versionId }];
      const [map] = await answers.pages({ kind: 'pages', bucket, objects, cells: true });
      return map && mapView(map);
    },
  };
}

async function browsedObjects(
  bucket: string,
  { objects }: Level,
  answers: BrowseAnswers,
): Promise<BrowsedObject[]> {
  if (objects.length === 0) return [];
  const infos = await answers.infos({
    ...{ kind: 'infos', bucket },
    objects: objects.map(({ key, etag }) => ({ key, etag })),
  });
  const versions = objects.map(({ key, etag, sizeBytes }, index) => {
    return { key, etag, sizeBytes, versionId: infos[index]?.versionId };
  });
  const pages = await answers.pages({ kind: 'pages', bucket, objects: versions, cells: false });
  return objects.map((entry, index) => browsedObject(entry, infos[index], pages[index]));
}

function browsedObject(
  { key, sizeBytes, lastModifiedMs }: Level['objects'][number],
  info: KnownInfo | null | undefined,
  map: HeldPages | undefined,
): BrowsedObject {
  const lastModified = new Date(lastModifiedMs).toISOString();
  const { cachedBytes = 0, cached = 0, total = 0 } = map ?? {};
  const fresh = info?.fresh === true;
  return { key, sizeBytes, lastModified, cachedBytes, cachedPages: cached, pages: total, fresh };
}

function mapView({ copies: _, ...map }: HeldPages): PageMap {
  return map;
}
