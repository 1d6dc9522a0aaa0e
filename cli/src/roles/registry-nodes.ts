/** The cache nodes as a registry asks them: what is cached of an object, and to free pages. */
import { setTimeout as wait } from 'node:timers/promises';
import { ringWorkers } from '@forebay/cluster/jobs/ring-workers';
import { placementOf } from '@forebay/cluster/placement/object-placement';
import { RemoteNodes } from '@forebay/cluster/remote-nodes';
import { RoutedCacheNode } from '@forebay/cluster/routed-cache-node';
import type { Clock } from '@forebay/core/clock';
import type { JobWorkers } from '@forebay/core/job-worker';
import type { Membership } from '@forebay/core/membership';
import type { Metrics } from '@forebay/core/metrics';
import type { PlacementOf } from '@forebay/registry/admin/objects';
import type { Undoing } from './undoing.ts';

export interface RegistryNodesSources {
  readonly clusterSecret: string;
  /** Undefined while this registry is not the active one. */
  readonly membership: () => Membership | undefined;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly undoing: Undoing;
}

export interface RegistryNodes {
  readonly cacheNode: Pick<RoutedCacheNode, 'stat' | 'free'>;
  readonly placementOf: PlacementOf;
  /** Who works for jobs. */
  readonly workers: JobWorkers;
  /** To be called after each change of the membership. */
  membershipChanged(): void;
}

export function openRegistryNodes(sources: RegistryNodesSources): RegistryNodes {
  const { clusterSecret, membership, metrics, clock, undoing } = sources;
  const nodes = new RemoteNodes({ secret: clusterSecret });
  undoing.add(() => nodes.close());
  const listeners = new Set<() => void>();
  const cacheNode = new RoutedCacheNode({
    ...{ nodeId: 'registry', metrics, clock, random: Math.random, nodeOf: nodes.nodeOf },
    source: {
      membership,
      refresh: () => Promise.resolve(),
      watch: (listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
    ufsOf: () => Promise.reject(new Error('a registry reads no store')),
    sleep: (ms, signal) => wait(ms, undefined, { signal, ref: false }),
    onUfsBytes: () => undefined,
  });
  undoing.add(() => cacheNode.close());
  return {
    cacheNode,
    placementOf: (question) => placementOf(question, { membership, nodeOf: nodes.nodeOf }),
    workers: ringWorkers({ membership, nodeOf: nodes.nodeOf }),
    membershipChanged: () => {
      nodes.retain(membership()?.epoch.members ?? []);
      for (const listener of listeners) listener();
    },
  };
}
