/** What a node counts of pages that come from other nodes. */
import type { HandOffProgress } from '@forebay/core/cache-node';
import type { Metrics } from '@forebay/core/metrics';

export type HandOffMetrics = ReturnType<typeof declareHandOffMetrics>;

export function declareHandOffMetrics(metrics: Metrics) {
  return {
    peerReads: metrics.counter<'result'>({
      name: 'forebay_peer_reads_total',
      help:
        'Questions to the nodes that may have missing pages, before the UFS, by result: hit (all of them), ' +
        'partial, miss, failed (no answer, or broken off), busy (not asked: too many at a time, or it failed a ' +
        'moment ago). Many failed: look at the network between nodes.',
      labels: ['result'],
    }),
    peerBytes: metrics.counter<'use'>({
      name: 'forebay_peer_bytes_total',
      help:
        'Bytes of pages taken from other nodes by use: read (a client waited for them) or hand_off (in the ' +
        'background, after a change of the ring). High long after a change: nodes come and go.',
      labels: ['use'],
    }),
    handedPages: metrics.counter<'result'>({
      name: 'forebay_hand_off_pages_total',
      help:
        'Pages offered to this node by those that owned them before, by result: taken, had (it had them ' +
        'already), gone (the other one has them no more) or refused (no room, or nothing mounted there).',
      labels: ['result'],
    }),
  };
}

export function declareHandOffGauges(metrics: Metrics, read: () => HandOffProgress): void {
  metrics.gauge(
    {
      name: 'forebay_hand_off_left_bytes',
      help:
        'Bytes of pages here that other nodes own by now and that are still to be offered to them. Does not ' +
        'fall: raise the hand-off rate, or look at the nodes that should take them.',
    },
    (gauge) => {
      const { bytes, bytesTotal } = read();
      gauge.set(Math.max(0, bytesTotal - bytes));
    },
  );
}
