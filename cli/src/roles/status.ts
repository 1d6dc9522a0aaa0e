/** The status of the admin API, from the metrics and the cache node. */
import type { CacheNode } from '@forebay/core/cache-node';
import type { Clock } from '@forebay/core/clock';
import type { MetricsReading } from '@forebay/core/metrics';
import { isUfsFailure } from '@forebay/registry/admin/series/columns';
import type { Status } from '@forebay/registry/admin/status';
import type { Lease } from '@forebay/registry/cluster/leases';
import { version } from '../version.ts';

interface StatusSources {
  readonly metrics: MetricsReading;
  readonly cacheNode: CacheNode;
  readonly clock: Clock;
  readonly endpoint: string;
  readonly startedAtMs: number;
}

type Samples = Awaited<ReturnType<MetricsReading['samples']>>;

export async function readStatus({
  metrics,
  cacheNode,
  clock,
  endpoint,
  startedAtMs,
}: StatusSources): Promise<Status> {
  const [counted, stats] = await Promise.all([countersOf(metrics), cacheNode.stats()]);
  const { nodeId, uptimeMs, ...cache } = stats;
  return {
    version,
    nodeId,
    endpoint,
    startedAt: new Date(startedAtMs).toISOString(),
    uptimeMs: Math.round(clock.wallMs() - startedAtMs),
    ...counted,
    cache,
  };
}

/** What all nodes say that they hold with their renewals. */
export function clusterCache(leases: readonly Pick<Lease, 'nodeId' | 'request'>[]): Status['cache'] {
  const all = leases.flatMap(({ request }) => request?.stats ?? []);
  const add = (key: Exclude<keyof Status['cache'], 'directories'>) =>
    all.reduce((total, stats) => total + stats[key], 0);
  return {
    pages: add('pages'),
    diskBytes: add('diskBytes'),
    diskBytesMax: add('diskBytesMax'),
    memoryBytes: add('memoryBytes'),
    memoryBytesMax: add('memoryBytesMax'),
    infoMemoryEntries: add('infoMemoryEntries'),
    infoPersistentEntries: add('infoPersistentEntries'),
    fillsInFlight: add('fillsInFlight'),
    fencesOpen: add('fencesOpen'),
    directories: leases.flatMap(({ nodeId, request }) =>
      (request?.stats?.directories ?? []).map((one) => ({ ...one, node: nodeId })),
    ),
  };
}

/** What was asked for and served. */
export async function countersOf(
  metrics: MetricsReading,
): Promise<Pick<Status, 'requests' | 'reads' | 'bytesServed' | 'hitRatio' | 'ufs'>> {
  const [requests, served, ufsRequests, ufsBytes, circuits] = await Promise.all([
    metrics.samples('forebay_requests_total'),
    metrics.samples('forebay_bytes_served_total'),
    metrics.samples('forebay_ufs_requests_total'),
    metrics.samples('forebay_ufs_bytes_total'),
    metrics.samples('forebay_ufs_circuit_state'),
  ]);
  const bytesFrom = (source: string) => sum(served.filter(({ labels }) => labels.source === source));
  const bytesServed = {
    memory: bytesFrom('memory'),
    disk: bytesFrom('disk'),
    peer: bytesFrom('peer'),
    ufs: bytesFrom('ufs'),
  };
  const servedBytes = sum(served);
  return {
    requests: {
      total: sum(requests),
      failed: sum(requests.filter(({ labels }) => /^5/.test(labels.status ?? ''))),
    },
    reads: readsOf(requests),
    bytesServed,
    ...(servedBytes > 0 && { hitRatio: (servedBytes - bytesServed.ufs) / servedBytes }),
    ufs: {
      requests: sum(ufsRequests),
      failed: sum(ufsRequests.filter(({ labels }) => isUfsFailure(labels))),
      bytes: sum(ufsBytes),
      unanswering: circuits.flatMap(({ labels, value }) => (value > 0 ? (labels.mount ?? []) : [])),
    },
  };
}

function readsOf(requests: Samples): Record<string, number> {
  const reads: Record<string, number> = {};
  for (const { labels, value } of requests) {
    const { cache = 'none' } = labels;
    if (cache !== 'none' && cache !== '') reads[cache] = (reads[cache] ?? 0) + value;
  }
  return reads;
}

function sum(samples: Samples): number {
  return samples.reduce((total, { value }) => total + value, 0);
}
