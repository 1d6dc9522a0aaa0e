/** One object in the admin API: what is cached of it and why, and what a read would do now. */
import type { CacheNode, ReadQuestion } from '@forebay/core/cache-node';
import type { CachePolicy } from '@forebay/core/cache-policy';
import type { ObjectRef } from '@forebay/core/mount';
import type { ObjectInfo } from '@forebay/core/object';
import type { ObjectPlacement } from '@forebay/core/object-placement';
import type { ObjectStat } from '@forebay/core/object-stat';
import { resolveRange } from '@forebay/core/range';
import { parseRange } from '@forebay/core/range-header';
import type { Registry } from '@forebay/core/registry';
import type { Context, Hono } from 'hono';
import { AdminError } from './admin-error.ts';
import { placedView } from './placed-object.ts';
import { neededQuery } from './request.ts';

/** What a mount, rules and pins say of a key's pages. Left out: unlimited, or never. */
export interface PolicyView {
  readonly rule: string;
  readonly scope: string;
  readonly quotaBytes?: number;
  /** Bytes that count against the quota now; left out where nobody counts them. */
  readonly scopeBytes?: number;
  readonly priority: string;
  readonly pinned: boolean;
  readonly minUses: number;
  readonly cacheTtlMs?: number;
  readonly maxObjectSizeBytes?: number;
}

/** What is cached of one object, without asking the UFS. Sizes in bytes, times in ms. */
export interface ObjectView {
  readonly bucket: string;
  readonly key: string;
  readonly mount: string;
  readonly home: string;
  /** `cached`: the info is at hand; `absent`: known not to exist; `unknown`: nothing is cached. */
  readonly state: 'cached' | 'absent' | 'unknown';
  readonly sizeBytes?: number;
  readonly etag?: string;
  readonly versionId?: string;
  readonly lastModified?: string;
  readonly contentType?: string;
  readonly infoLevel: 'memory' | 'persistent' | 'none';
  readonly fresh: boolean;
  readonly ageMs?: number;
  readonly freshness: { readonly mode: string; readonly ttlMs: number; readonly ttlLeftMs?: number };
  /** `earlier`: known from before a restart, and to be confirmed; left out where nothing is known. */
  readonly tenure?: 'current' | 'earlier';
  readonly pageSizeBytes: number;
  /** In a cluster those that the owners of its segments have. */
  readonly pages: Omit<ObjectStat['pages'], 'places'> & { readonly places: readonly PagePlaceView[] };
  readonly fencesOpen: number;
  readonly unsettled: boolean;
  readonly policy: PolicyView;
  /** What the read that was asked about would do now, if the UFS still has what was last seen. */
  readonly forecast: ObjectStat['forecast'];
  /** Which nodes hold what of it; left out where there is one node. */
  readonly placement?: ObjectPlacement;
}

export type PagePlaceView = ObjectStat['pages']['places'][number] & { readonly node?: string };

/** Where an object lies in a cluster; undefined where it has no nodes. `start`: byte where the read begins. */
export type PlacementOf = (question: {
  readonly object: ObjectRef;
  readonly info: ObjectInfo | undefined;
  readonly start: number;
}) => Promise<ObjectPlacement | undefined>;

export interface ObjectDeps {
  readonly registry: Pick<Registry, 'view'>;
  readonly cacheNode: Pick<CacheNode, 'stat'>;
  readonly placementOf?: PlacementOf | undefined;
}

export function objectRoutes(app: Hono, deps: ObjectDeps, path = '/api/v1/objects'): void {
  app.get(path, async (c) => {
    const bucket = neededQuery(c, 'bucket');
    const key = neededQuery(c, 'key');
    const { registry, cacheNode, placementOf } = deps;
    const resolved = registry.view().mounts.resolve(bucket, key);
    if (!resolved) throw new AdminError('NotFound', `no mount covers s3://${bucket}/${key}`);
    const object = { ...resolved, versionId: c.req.query('versionId') || undefined };
    const read = readOf(c);
    const stat = await cacheNode.stat({ object, ...read });
    const view = objectView({ bucket, key, mount: object.mount.path }, stat);
    const range = stat.info && resolveRange(read.range, stat.info.sizeBytes);
    const asked = range === 'unsatisfiable' ? undefined : range?.range;
    const placement = await placementOf?.({ object, info: stat.info, start: asked?.start ?? 0 });
    return c.json(placement ? placedView(view, placement, asked) : view);
  });
}

/** @throws AdminError */
function readOf(c: Context): Omit<ReadQuestion, 'object'> {
  const text = c.req.query('range');
  const range = parseRange(text);
  if (text !== undefined && !range) {
    throw new AdminError('BadRequest', 'a range is bytes=0-99, bytes=100- or bytes=-100');
  }
  const method = c.req.query('method') ?? 'GET';
  if (method !== 'GET' && method !== 'HEAD') throw new AdminError('BadRequest', 'the method is GET or HEAD');
  return { want: method === 'GET' ? 'bytes' : 'info', range };
}

function objectView(
  name: { readonly bucket: string; readonly key: string; readonly mount: string },
  stat: ObjectStat,
): ObjectView {
  const { info, pageSizeBytes, pages, fencesOpen, unsettled, forecast } = stat;
  const { mode, ttlMs, ttlLeftMs, tenure } = stat.freshness;
  const contentType = info?.headers.find(([header]) => header === 'content-type')?.[1];
  return {
    ...name,
    home: stat.nodeId,
    state: info ? 'cached' : stat.absent ? 'absent' : 'unknown',
    ...(info && { sizeBytes: info.sizeBytes, lastModified: new Date(info.lastModifiedMs).toISOString() }),
    ...(info?.etag !== undefined && { etag: info.etag }),
    ...(info?.versionId !== undefined && { versionId: info.versionId }),
    ...(contentType !== undefined && { contentType }),
    infoLevel: stat.level,
    fresh: stat.fresh,
    ...(stat.ageMs !== undefined && { ageMs: Math.round(stat.ageMs) }),
    freshness: { mode, ttlMs, ...(ttlLeftMs !== undefined && { ttlLeftMs: Math.round(ttlLeftMs) }) },
    ...(tenure !== undefined && { tenure }),
    ...{ pageSizeBytes, pages, fencesOpen, unsettled },
    policy: policyView(stat.policy, stat.scopeBytes),
    forecast,
  };
}

function policyView(policy: CachePolicy, scopeBytes: number | undefined): PolicyView {
  const { rule, scope, quotaBytes, priority, pinned, minUses, cacheTtlMs, maxObjectSizeBytes } = policy;
  return {
    rule,
    scope,
    ...(quotaBytes !== undefined && { quotaBytes }),
    ...(scopeBytes !== undefined && { scopeBytes }),
    ...{ priority, pinned, minUses },
    ...(cacheTtlMs !== undefined && { cacheTtlMs }),
    ...(maxObjectSizeBytes < Number.MAX_SAFE_INTEGER && { maxObjectSizeBytes }),
  };
}
