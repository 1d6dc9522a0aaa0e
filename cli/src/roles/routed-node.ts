/** The cache nodes of a cluster as one, by the view of a registry. */
import { setTimeout as wait } from 'node:timers/promises';
import { servedMetrics } from '@forebay/cache-node/metrics';
import { RemoteNodes } from '@forebay/cluster/remote-nodes';
import { RoutedCacheNode, type RoutedCacheNodeOptions } from '@forebay/cluster/routed-cache-node';
import type { RenewWriter } from '@forebay/cluster/writer-lease';
import { systemClock } from '@forebay/core/clock';
import type { Log } from '@forebay/core/log';
import type { Metrics } from '@forebay/core/metrics';
import type { Registry } from '@forebay/core/registry';
import type { NodeClientConfig } from '@forebay/data-plane/settings';
import type { UfsPool } from '@forebay/ufs/ufs-pool';
import type { Undoing } from './undoing.ts';

/** A registry, or what stands for one. */
export interface RingSource extends Pick<Registry, 'view' | 'watch'> {
  refresh(): Promise<void>;
  renewWriter: RenewWriter;
}

interface RoutedNodeSources
  extends Pick<RoutedCacheNodeOptions, 'nodeId' | 'nodeOf' | 'metrics' | 'ufsOf' | 'onUfsBytes'> {
  readonly registry: RingSource;
  readonly log: Log;
  readonly undoing: Undoing;
}

export function openRoutedNode({ registry, log, undoing, ...sources }: RoutedNodeSources): RoutedCacheNode {
  const routed = new RoutedCacheNode({
    renewWriter: (request) => registry.renewWriter(request),
    ...{ ...sources, clock: systemClock, random: Math.random },
    source: {
      membership: () => registry.view().membership,
      refresh: () => registry.refresh(),
      watch: (listener) => registry.watch(listener),
    },
    sleep: (ms, signal) => wait(ms, undefined, { signal, ref: false }),
  });
  undoing.add(async () => {
    await routed.leave().catch((error: unknown) => {
      log.warn({ reason: String(error) }, 'the registry was not told that nothing is written any more');
    });
    routed.close();
  });
  return routed;
}

export interface NodesSources {
  readonly registry: RingSource;
  readonly clusterSecret: string;
  readonly values: NodeClientConfig;
  readonly nodeId: string;
  readonly metrics: Metrics;
  readonly pool: UfsPool;
  readonly log: Log;
  readonly undoing: Undoing;
}

/** With connections of its own to them. */
export function openNodes({ registry, clusterSecret, values, pool, ...same }: NodesSources): RoutedCacheNode {
  const { metrics, undoing } = same;
  const nodes = new RemoteNodes({ secret: clusterSecret, settings: values });
  undoing.add(() => nodes.close());
  const { bytesServed } = servedMetrics(metrics);
  const membersNow = () => registry.view().membership?.epoch.members ?? [];
  undoing.add(registry.watch(() => nodes.retain(membersNow())));
  return openRoutedNode({
    ...{ ...same, nodeOf: nodes.nodeOf, registry },
    ufsOf: (mount) => pool.ufsOf(mount),
    onUfsBytes: (count) => bytesServed.inc({ source: 'ufs' }, count),
  });
}
