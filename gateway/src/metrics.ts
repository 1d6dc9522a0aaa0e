/**
 * The gateway's metrics, each declared once. Labels are bounded: operations and statuses come from tables.
 */
import type { Metrics } from '@forebay/core/metrics';

export type GatewayMetrics = ReturnType<typeof declareGatewayMetrics>;

export const secondsBuckets = [
  0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300,
];

/** May change at any time. */
export interface GatewayLimits {
  readonly requestsInFlightMax: number;
  readonly connectionsMax: number;
}

export function declareGatewayMetrics(metrics: Metrics, limits: GatewayLimits) {
  return { ...boundedByLimits(metrics, limits), ...countedOfRequests(metrics) };
}

/** What is there now, each beside its limit. */
function boundedByLimits(metrics: Metrics, limits: GatewayLimits) {
  const inFlight = { count: 0 };
  const connections = { count: 0 };
  metrics.gauge(
    {
      name: 'forebay_requests_in_flight',
      help: 'S3 requests being answered now. Near its limit new ones get 503 SlowDown: add gateways.',
    },
    (gauge) => gauge.set(inFlight.count),
  );
  metrics.gauge(
    {
      name: 'forebay_requests_in_flight_max',
      help: 'The limit of forebay_requests_in_flight: requestsInFlightMax. Raise it where there is memory.',
    },
    (gauge) => gauge.set(limits.requestsInFlightMax),
  );
  metrics.gauge(
    {
      name: 'forebay_connections',
      help:
        'Connections of clients that are open. Near their limit new ones are closed at once: add gateways, or ' +
        'see which client does not reuse its connections.',
    },
    (gauge) => gauge.set(connections.count),
  );
  metrics.gauge(
    {
      name: 'forebay_connections_max',
      help: 'The limit of forebay_connections: connectionsMax. Raise it where there are files to open.',
    },
    (gauge) => gauge.set(limits.connectionsMax),
  );
  return { inFlight, connections };
}

/** Declared from 0: what appears with 1 has not grown in the eyes of Prometheus. */
function countedOfRequests(metrics: Metrics) {
  const counted = countersOf(metrics);
  for (const reason of ['in_flight', 'malformed', 'headers', 'timeout']) counted.refused.inc({ reason }, 0);
  for (const reason of ['client_gone', 'body_failed']) counted.cutAnswers.inc({ reason }, 0);
  return counted;
}

function countersOf(metrics: Metrics) {
  return {
    requests: metrics.counter<'op' | 'status' | 'cache'>({
      name: 'forebay_requests_total',
      help:
        'S3 requests answered, by operation, HTTP status and x-cache ("none" where there is none; ' +
        'status 499: the client left before an answer). Rising 5xx: see the log for the request ids.',
      labels: ['op', 'status', 'cache'],
    }),
    duration: metrics.histogram<'op'>({
      name: 'forebay_request_duration_seconds',
      help:
        'From the request head to the last byte of the answer, by operation, in seconds. ' +
        'Slow clients count.',
      labels: ['op'],
      buckets: secondsBuckets,
    }),
    refused: metrics.counter<'reason'>({
      name: 'forebay_requests_refused_total',
      help:
        'Requests refused before any work, by reason: in_flight (limit of requests), malformed (no HTTP we ' +
        'can read), headers (section too large), timeout (headers too slow).',
      labels: ['reason'],
    }),
    listPages: metrics.counter<'mount' | 'result'>({
      name: 'forebay_list_pages_total',
      help:
        'Pages of UFS listings wanted on mounts with listTtl, by mount and result: hit (kept), coalesced ' +
        '(on its way for another request), miss (asked of the UFS).',
      labels: ['mount', 'result'],
    }),
    cutAnswers: metrics.counter<'reason'>({
      name: 'forebay_answers_cut_total',
      help:
        'Answers that ended short after their headers, by reason: client_gone, or body_failed (the rest ' +
        'could not be had, so the connection was cut).',
      labels: ['reason'],
    }),
    accessLogDropped: metrics.counter({
      name: 'forebay_access_log_dropped_total',
      help:
        'Lines of the access log that were dropped, as what takes them was too slow. Rising: use a faster disk, ' +
        'or a longer queue (accessLogQueue).',
    }),
  };
}
