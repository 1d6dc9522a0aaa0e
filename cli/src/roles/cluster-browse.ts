/**
 * The object browser of a cluster: one of its members lists, each cache node tells what it has of what the
 * ring gives it, and the sum is the cluster's.
 */
import { ForebayError } from '@forebay/core/errors';
import type { Membership } from '@forebay/core/membership';
import { type ObjectRef, placementKeyOf } from '@forebay/core/mount';
import type { Registry } from '@forebay/core/registry';
import { ringOf, segmentKeyOf } from '@forebay/core/ring';
import type { PagePlacement, StoredGroup } from '@forebay/core/stored';
import type { AskedVersion, Below, BrowseAnswers, HeldPages, KnownInfo, Level } from './browse-answers.ts';
import type { ClusterFront, FrontNode, MemberAnswer } from './cluster-front.ts';

export interface ClusterBrowseSources {
  readonly front: ClusterFront;
  readonly nodes: () => readonly FrontNode[];
  readonly registry: Pick<Registry, 'view'>;
}

/** Members that are asked for a list, one after the other. */
const listersMax = 3;
/** Segments of an object whose owners are told one by one. */
const ownersMax = 512;

export function clusterAnswers({ front, nodes, registry }: ClusterBrowseSources): BrowseAnswers {
  const takes = ({ role }: FrontNode) => role === 'cache-node';
  return {
    level: async (question, signal) => {
      if (registry.view().mounts.ofBucket(question.bucket).length === 0) return undefined;
      for (const node of nodes().filter(isLister).slice(0, listersMax)) {
        const answer = await front.ask(node, question, signal);
        signal.throwIfAborted();
        if (answer?.ufsFailed !== undefined) {
          throw new ForebayError('ufs-unavailable', answer.ufsFailed);
        }
        if (answer?.browse) return answer.browse as Level;
      }
      throw new ForebayError('node-unavailable', 'no member of the cluster could list');
    },
    below: async (question, signal) =>
      mergedBelow((await front.askAll(() => question, { takes, signal })).map(browseOf<Below>)),
    infos: async (question) => {
      const all = (await front.askAll(() => question, { takes })).map(browseOf<(KnownInfo | null)[]>);
      return question.objects.map((_, index) => all.find((infos) => infos[index])?.[index] ?? null);
    },
    pages: async (question) => {
      const answers = await front.askAll(() => question, { takes });
      return question.objects.map((asked, index) => {
        const held = answers.map((one) => ({ id: one.id, map: browseOf<HeldPages[]>(one)[index]! }));
        const object = registry.view().mounts.resolve(question.bucket, asked.key);
        if (!object) return { ...mergedPages(held, 0), total: 0 };
        const total = Math.ceil(asked.sizeBytes / object.mount.pageSizeBytes);
        const merged = { ...mergedPages(held, object.mount.pageSizeBytes), total };
        if (!question.cells) return merged;
        const placement = placementOf({ object, asked, held }, registry.view().membership);
        return { ...merged, ...(placement && { placement }) };
      });
    },
  };
}

function isLister({ state, adminAddress }: FrontNode): boolean {
  return state === 'active' && adminAddress !== undefined;
}

function browseOf<T>({ answer }: MemberAnswer): T {
  return answer.browse as T;
}

function mergedBelow(all: readonly Below[]): Below {
  const groups = new Map<string, StoredGroup>();
  for (const [name, { objects, pages, bytes }] of all.flatMap((one) => one.groups)) {
    const before = groups.get(name) ?? { objects: 0, pages: 0, bytes: 0 };
    groups.set(name, {
      objects: before.objects + objects,
      pages: before.pages + pages,
      bytes: before.bytes + bytes,
    });
  }
  return { groups: [...groups], complete: all.every(({ complete }) => complete) };
}

interface Held {
  readonly id: string;
  readonly map: HeldPages;
}

/** Each page counts at one node: sums are true. */
function mergedPages(held: readonly Held[], pageSizeBytes: number): HeldPages {
  const maps = held.map(({ map }) => map).filter(({ total }) => total > 0);
  const sum = (of: 'cached' | 'cachedBytes' | 'copies') => maps.reduce((all, map) => all + map[of], 0);
  const cells = (tier: 'memory' | 'disk') =>
    (maps[0]?.[tier] ?? []).map((_, at) => maps.reduce((all, map) => all + (map[tier][at] ?? 0), 0));
  return {
    ...{ pageSizeBytes, total: maps[0]?.total ?? 0, pagesPerCell: maps[0]?.pagesPerCell ?? 1 },
    ...{ cached: sum('cached'), cachedBytes: sum('cachedBytes'), copies: sum('copies') },
    ...{ memory: cells('memory'), disk: cells('disk') },
  };
}

interface Placed {
  readonly object: ObjectRef;
  readonly asked: AskedVersion;
  readonly held: readonly Held[];
}

function placementOf(
  { object, asked, held }: Placed,
  membership: Membership | undefined,
): PagePlacement | undefined {
  if (!membership) return undefined;
  const { segmentBytes } = membership.epoch;
  const ring = ringOf(membership.epoch);
  const segments = Math.min(ownersMax, Math.ceil(asked.sizeBytes / segmentBytes));
  const key = placementKeyOf(object);
  const ids = Array.from(
    { length: segments },
    (_, segment) => ring.homeOf(segmentKeyOf(key, segment))?.nodeId ?? '',
  );
  const nodes = held
    .map(({ id, map: { cached, copies } }) => ({ id, pages: cached, copies }))
    .filter(({ id, pages, copies }) => pages + copies > 0 || ids.includes(id))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
  const silent = [...new Set(ids)].filter((id) => id !== '' && !nodes.some((node) => node.id === id));
  const all = [...nodes, ...silent.map((id) => ({ id, pages: 0, copies: 0 }))];
  return {
    pagesPerSegment: segmentBytes / object.mount.pageSizeBytes,
    owners: ids.map((owner) => all.findIndex(({ id }) => id === owner)),
    nodes: all,
  };
}
