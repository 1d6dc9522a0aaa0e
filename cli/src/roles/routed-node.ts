/** The cache nodes of a cluster as one, by the view of a registry. */
import { setTimeout as wait } from 'node:timers/promises';
import type { RemoteRegistry } from '@forebay/cluster/registry-client';
import { RoutedCacheNode, type RoutedCacheNodeOptions } from '@forebay/cluster/routed-cache-node';
import { systemClock } from '@forebay/core/clock';
import type { Undoing } from './undoing.ts';

interface RoutedNodeSources
  extends Pick<RoutedCacheNodeOptions, 'nodeId' | 'nodeOf' | 'metrics' | 'ufsOf' | 'onUfsBytes'> {
  readonly registry: RemoteRegistry;
  readonly undoing: Undoing;
}

export function openRoutedNode({ registry, undoing, ...sources }: RoutedNodeSources): RoutedCacheNode {
  const routed = new RoutedCacheNode({
    ...{ ...sources, clock: systemClock, random: Math.random },
    source: {
      membership: () => registry.view().membership,
      refresh: () => registry.refresh(),
      watch: (listener) => registry.watch(listener),
    },
    sleep: (ms, signal) => wait(ms, undefined, { signal, ref: false }),
  });
  undoing.add(() => routed.close());
  return routed;
}
