/**
 * What one process answers for the object browser: a level of the namespace, which any process that reaches
 * the UFSs can tell, and what a cache node has of it.
 */
import type { LocalCacheNode } from '@forebay/cache-node/local-cache-node';
import type { Mount, ObjectRef } from '@forebay/core/mount';
import type { Registry } from '@forebay/core/registry';
import type { PageMap, StoredGroup } from '@forebay/core/stored';
import { listNamespace } from '@forebay/gateway/namespace/list-objects';
import type { BrowsedPrefix } from '@forebay/registry/admin/insight/browse';
import type { Ufs, UfsListEntry } from '@forebay/ufs/ufs';

export interface LevelQuestion {
  readonly kind: 'level';
  readonly bucket: string;
  readonly prefix: string;
  /** Exclusive; empty: from the beginning. */
  readonly after: string;
}

export interface BelowQuestion {
  readonly kind: 'below';
  readonly bucket: string;
  readonly prefix: string;
}

export interface InfosQuestion {
  readonly kind: 'infos';
  readonly bucket: string;
  readonly objects: readonly { readonly key: string; readonly etag: string | undefined }[];
}

export interface PagesQuestion {
  readonly kind: 'pages';
  readonly bucket: string;
  readonly objects: readonly AskedVersion[];
  /** False: the counts alone. */
  readonly cells: boolean;
}

export interface AskedVersion {
  readonly key: string;
  readonly etag: string | undefined;
  readonly sizeBytes: number;
  readonly versionId: string | undefined;
}

/** `key` and prefixes are the client's. */
export interface Level {
  readonly prefixes: readonly Pick<BrowsedPrefix, 'prefix' | 'total'>[];
  readonly objects: readonly UfsListEntry[];
  /** Undefined at the end. */
  readonly next?: string | undefined;
}

/** As `StoredBelow`. */
export interface Below {
  readonly groups: readonly (readonly [name: string, group: StoredGroup])[];
  readonly complete: boolean;
}

/** What the home knows of what was listed. */
export interface KnownInfo {
  readonly fresh: boolean;
  readonly versionId?: string | undefined;
}

export type HeldPages = PageMap & { readonly copies: number };

/** Each answer to objects in their order. */
export interface BrowseAnswers {
  /** Undefined: no mount has such a bucket. @throws what the UFS says */
  level(question: LevelQuestion, signal: AbortSignal): Promise<Level | undefined>;
  below(question: BelowQuestion, signal: AbortSignal): Promise<Below>;
  /** Null: this node is not its home. */
  infos(question: InfosQuestion): Promise<(KnownInfo | null)[]>;
  pages(question: PagesQuestion): Promise<HeldPages[]>;
}

const namesMax = 100;
/** Prefixes of one answer whose size at the UFS is told, and how many of their objects are counted. */
const countedPrefixesMax = 25;
const countedObjectsMax = 1000;
const countsAtOnce = 5;

export interface LevelSources {
  readonly registry: Pick<Registry, 'view'>;
  readonly ufsOf: (mount: Mount) => Promise<Ufs>;
}

/** It costs one list request, and one more for each prefix whose size is told, up to a limit. */
export function openLevels({ registry, ufsOf }: LevelSources): Pick<BrowseAnswers, 'level'> {
  return {
    level: async (question, signal) => {
      const mounts = registry.view().mounts.ofBucket(question.bucket);
      if (mounts.length === 0) return undefined;
      const list = (of: { prefix: string; after: string; delimiter?: string; maxKeys: number }) =>
        listNamespace({ ...of, mounts, ufsOf, signal });
      const totalOf = async (prefix: string): Promise<NonNullable<BrowsedPrefix['total']>> => {
        const { objects, truncated } = await list({ prefix, after: '', maxKeys: countedObjectsMax });
        const bytes = objects.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
        return { objects: objects.length, bytes, complete: !truncated };
      };
      const { prefix, after } = question;
      const listing = await list({ prefix, after, delimiter: '/', maxKeys: namesMax });
      const { commonPrefixes, objects, truncated, last } = listing;
      const totals = await inTurns(commonPrefixes.slice(0, countedPrefixesMax), totalOf);
      return {
        prefixes: commonPrefixes.map((below, index) => {
          const total = totals[index];
          return { prefix: below, ...(total && { total }) };
        }),
        objects,
        next: truncated ? last : undefined,
      };
    },
  };
}

export interface HeldSources {
  readonly registry: Pick<Registry, 'view'>;
  readonly cacheNode: Pick<LocalCacheNode, 'stat' | 'shelf'>;
  /** In a cluster: which pages of an object are this node's to have, and of which it is the home. */
  readonly placed?: {
    owns(object: ObjectRef): (index: number) => boolean;
    isHome(object: ObjectRef): boolean;
  };
}

/** Of pages that another node owns it tells only how many there are: so each page counts once. */
export function openHeld({ registry, cacheNode, placed }: HeldSources): Omit<BrowseAnswers, 'level'> {
  const resolve = (bucket: string, key: string) => registry.view().mounts.resolve(bucket, key);
  const owns = placed && ((object: ObjectRef) => placed.owns(object));
  return {
    below: async ({ bucket, prefix }, signal) => {
      const ofPath = (path: string) => {
        const slash = path.indexOf('/');
        const object = resolve(path.slice(0, slash), path.slice(slash + 1));
        return object && owns!(object);
      };
      const match = { path: `${bucket}/${prefix}`, signal, ...(owns && { owns: ofPath }) };
      const { groups, complete } = await cacheNode.shelf.below(match);
      return { groups: [...groups], complete };
    },
    infos: ({ bucket, objects }) =>
      Promise.all(
        objects.map(async ({ key, etag }) => {
          const object = resolve(bucket, key);
          if (!object || placed?.isHome(object) === false) return null;
          const { info, fresh } = await cacheNode.stat({ object, want: 'info' });
          const isKnown = info !== undefined && info.etag === etag;
          return { fresh: fresh && isKnown, versionId: isKnown ? info.versionId : undefined };
        }),
      ),
    pages: async ({ bucket, objects, cells }) =>
      objects.map(({ key, ...version }) => {
        const object = resolve(bucket, key);
        const map = object
          ? cacheNode.shelf.pageMap(object, version, owns?.(object))
          : { ...emptyMap, copies: 0 };
        return cells ? map : { ...map, memory: [], disk: [] };
      }),
  };
}

/** Of what no mount here covers, or not any more. */
const emptyMap: PageMap = {
  ...{ pageSizeBytes: 0, total: 0, cached: 0, cachedBytes: 0 },
  ...{ pagesPerCell: 1, memory: [], disk: [] },
};

/** A few at a time. */
async function inTurns<T, R>(items: readonly T[], of: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let at = 0; at < items.length; at += countsAtOnce) {
    results.push(...(await Promise.all(items.slice(at, at + countsAtOnce).map(of))));
  }
  return results;
}
