/** What a gateway counts of the cache nodes that it asks. */
import { BoundCounter, type Metrics } from '@forebay/core/metrics';
import type { Peer } from './peer.ts';

export type NodeOp = 'open' | 'read' | 'begin' | 'end' | 'stat' | 'free' | 'stats';
export type NodeResult = 'ok' | 'not-home' | 'unavailable' | 'hedged' | 'error';

export type RoutingMetrics = ReturnType<typeof declareRoutingMetrics>;

/** @param peers those that there are */
export function declareRoutingMetrics(metrics: Metrics, peers: () => Iterable<Peer>) {
  metrics.gauge<'node'>(
    {
      name: 'forebay_node_requests_in_flight',
      help: 'Requests and bodies that this gateway has open at each cache node. One that grows alone: that node is slow.',
      labels: ['node'],
    },
    (gauge) => {
      gauge.reset();
      for (const { nodeId, inFlight } of peers()) gauge.set({ node: nodeId }, inFlight);
    },
  );
  const requests = metrics.counter<'op' | 'result'>({
    name: 'forebay_node_requests_total',
    help:
      'Requests to cache nodes by op (open, read, begin, end, stat, free, stats) and result: ok, not-home (the ' +
      'ring had changed: asked again by the new one), unavailable (no answer: another node, or the UFS), hedged ' +
      '(another one answered first), error (the node, or the UFS behind it, refused).',
    labels: ['op', 'result'],
  });
  const openedOnce = new BoundCounter(requests, { op: 'open', result: 'ok' });
  const failovers = metrics.counter<'where'>({
    name: 'forebay_failovers_total',
    help:
      'Reads that went on elsewhere because a cache node gave no answer or broke off, by where: node (another ' +
      'one), ufs (past the cache). Clients see nothing of it; many mean that a node is gone, hung or overloaded.',
    labels: ['where'],
  });
  // From 0: what appears with 1 has not grown in the eyes of Prometheus.
  for (const where of ['node', 'ufs']) failovers.inc({ where }, 0);
  return {
    requests,
    /** An open was answered: counted at every hit, without a search for labels. */
    opened: () => openedOnce.add(),
    failovers,
  };
}
