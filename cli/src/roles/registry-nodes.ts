/** The cache nodes as a registry asks them: what is cached of an object, and to free pages. */
import { setTimeout as wait } from 'node:timers/promises';
import { ringWorkers } from '@forebay/cluster/jobs/ring-workers';
import { placementOf } from '@forebay/cluster/placement/object-placement';
import { RemoteNodes } from '@forebay/cluster/remote-nodes';
import { RoutedCacheNode } from '@forebay/cluster/routed-cache-node';
import type { CacheNode } from '@forebay/core/cache-node';
import type { Clock } from '@forebay/core/clock';
import type { Freed, SilentNode } from '@forebay/core/freeing';
import type { JobWorkers } from '@forebay/core/job-worker';
import type { Membership } from '@forebay/core/membership';
import type { Metrics } from '@forebay/core/metrics';
import type { PlacementOf } from '@forebay/registry/admin/objects';
import type { NodeView } from '@forebay/registry/cluster/node-views';
import type { Undoing } from './undoing.ts';

export interface RegistryNodesSources {
  readonly clusterSecret: string;
  /** Undefined while this registry is not the active one. */
  readonly membership: () => Membership | undefined;
  /** All that there are and were of late. */
  readonly known: () => readonly Pick<NodeView, 'id' | 'state'>[];
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly undoing: Undoing;
}

export interface RegistryNodes {
  readonly cacheNode: Pick<CacheNode, 'stat' | 'free'>;
  readonly placementOf: PlacementOf;
  /** Who works for jobs. */
  readonly workers: JobWorkers;
  /** To be called after each change of the membership. */
  membershipChanged(): void;
}

export function openRegistryNodes(sources: RegistryNodesSources): RegistryNodes {
  const { clusterSecret, membership, known, metrics, clock, undoing } = sources;
  const nodes = new RemoteNodes({ secret: clusterSecret });
  undoing.add(() => nodes.close());
  const listeners = new Set<() => void>();
  const routed = new RoutedCacheNode({
    ...{ nodeId: 'registry', metrics, clock, random: Math.random, nodeOf: nodes.nodeOf },
    source: {
      membership,
      refresh: () => Promise.resolve(),
      watch: (listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
    renewWriter: () => Promise.reject(new Error('a registry writes to no store')),
    ufsOf: () => Promise.reject(new Error('a registry reads no store')),
    sleep: (ms, signal) => wait(ms, undefined, { signal, ref: false }),
    onUfsBytes: () => undefined,
  });
  undoing.add(() => routed.close());
  return {
    cacheNode: {
      stat: (question) => routed.stat(question),
      free: async (request) => withLost(await routed.free(request), lostOf(known(), membership())),
    },
    placementOf: (question) => placementOf(question, { membership, nodeOf: nodes.nodeOf }),
    workers: ringWorkers({ membership, nodeOf: nodes.nodeOf }),
    membershipChanged: () => {
      nodes.retain(membership()?.epoch.members ?? []);
      for (const listener of listeners) listener();
    },
  };
}

/** In no ring, so that nobody asks them; they may come back with all that they had. */
function lostOf(
  known: readonly Pick<NodeView, 'id' | 'state'>[],
  membership: Membership | undefined,
): SilentNode[] {
  const members = new Set(membership?.epoch.members.map(({ nodeId }) => nodeId));
  return known
    .filter(({ id, state }) => state === 'silent' && !members.has(id))
    .map(({ id }) => ({ nodeId: id, reason: 'its lease has run out' }));
}

function withLost(freed: Freed, lost: readonly SilentNode[]): Freed {
  if (lost.length === 0) return freed;
  return { ...freed, silent: [...(freed.silent ?? []), ...lost] };
}
