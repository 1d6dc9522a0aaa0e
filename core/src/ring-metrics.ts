/** Which ring a process acts by: of registries, cache nodes and gateways alike. */
import type { Metrics } from './metrics.ts';

/** @param epochNow number of the newest epoch that the process knows; 0 before the first */
export function declareRingEpoch(metrics: Metrics, epochNow: () => number): void {
  metrics.gauge(
    {
      name: 'forebay_ring_epoch',
      help:
        'Number of the newest epoch of the ring that this process acts by, 0 before the first. One behind the ' +
        'others: it is cut off from the registry. Grows often: nodes come and go; see the log of the registry.',
      merge: 'max',
    },
    (gauge) => gauge.set(epochNow()),
  );
}
