/** What a node of a cluster says of its lease, in figures. */
import type { Metrics } from '@forebay/core/metrics';
import { declareRingEpoch } from '@forebay/core/ring-metrics';
import type { NodeLease } from './node-lease.ts';

export interface LeaseMetricsReading {
  readonly lease: Pick<NodeLease, 'isLeased' | 'isSettled' | 'stamp'>;
  /** Requests of gateways and other nodes under way. */
  readonly streamCount: number;
}

/** @returns counts a lapse */
export function declareLeaseMetrics(metrics: Metrics, read: () => LeaseMetricsReading): () => void {
  metrics.gauge(
    {
      name: 'forebay_lease_held',
      help:
        'Whether this node has its lease now. 0: it reads info from the UFS for each request, and takes no ' +
        'writes; look at the registry and the way to it.',
    },
    (gauge) => gauge.set(read().lease.isLeased ? 1 : 0),
  );
  declareRingEpoch(metrics, () => read().lease.stamp);
  metrics.gauge(
    {
      name: 'forebay_lease_settled',
      help: 'Whether this node has a lease in a settled epoch. 0 for more than seconds: a node is missing.',
    },
    (gauge) => gauge.set(read().lease.isSettled() ? 1 : 0),
  );
  metrics.gauge(
    { name: 'forebay_data_plane_streams', help: 'Requests of gateways and other nodes under way.' },
    (gauge) => gauge.set(read().streamCount),
  );
  const lapses = metrics.counter({
    name: 'forebay_lease_lapses_total',
    help:
      'Leases that ended before they were renewed. Each one makes the node confirm all info with the UFS ' +
      'once. Often: the machine is short of CPU, or the registry far away.',
  });
  return () => lapses.inc();
}
