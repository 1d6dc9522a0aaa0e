/** Metrics of the worker processes, kept by their owner. */
import type { Metrics } from '@forebay/core/metrics';

export function declareWorkerMetrics(metrics: Metrics, running: () => number) {
  metrics.gauge(
    {
      name: 'forebay_workers',
      help: 'Worker processes that are running. There are none where one process does everything.',
    },
    (gauge) => gauge.set(running()),
  );
  return {
    restarts: metrics.counter({
      name: 'forebay_worker_restarts_total',
      help:
        'Worker processes started again because one ended by itself. Its connections were lost, and nothing ' +
        'else. Any growth: the log says how it ended.',
    }),
  };
}
