/** The cache node's metrics, each declared once. Label sets are bounded by mounts and by the lists below. */
import type { Metrics } from '@forebay/core/metrics';

export type ServedSource = 'memory' | 'disk' | 'peer' | 'ufs';

export type CacheNodeMetrics = ReturnType<typeof declareCacheNodeMetrics>;

export function declareCacheNodeMetrics(metrics: Metrics) {
  return {
    bytesServed: metrics.counter<'source'>({
      name: 'forebay_bytes_served_total',
      help:
        'Bytes of objects handed to clients, by where they came from: memory, disk, peer or ' +
        'ufs. A rising share of ufs: the cache is too small or the data is new.',
      labels: ['source'],
    }),
    pageReads: metrics.counter<'result'>({
      name: 'forebay_page_reads_total',
      help:
        'Pages read for clients by result: hit (memory or disk), coalesced (another read was ' +
        'filling it), miss (this read filled it).',
      labels: ['result'],
    }),
    infoReads: metrics.counter<'result'>({
      name: 'forebay_info_reads_total',
      help:
        'Info lookups by result: memory, persistent, coalesced or ufs. A high share of ufs: ' +
        'the TTL is short or names are new.',
      labels: ['result'],
    }),
    evictions: metrics.counter<'reason'>({
      name: 'forebay_evictions_total',
      help:
        'Pages evicted by policy, by reason: memory_budget or disk_budget. Steady disk ' +
        'evictions with a low hit ratio: give more cache.',
      labels: ['reason'],
    }),
    pageCorruptions: metrics.counter({
      name: 'forebay_page_corruptions_total',
      help:
        'Stored pages that failed their checksum, were dropped and fetched again. Any growth: ' +
        'check the disk.',
    }),
    pagesNotStored: metrics.counter<'reason'>({
      name: 'forebay_pages_not_stored_total',
      help:
        'Filled pages that did not reach the disk, by reason: queue_full (the disk is slower ' +
        'than the UFS) or disk (error or no room).',
      labels: ['reason'],
    }),
    diskErrors: metrics.counter<'op'>({
      name: 'forebay_disk_errors_total',
      help:
        'I/O errors of the page directory by op: store or read. Any growth: check the disk; ' +
        'reads go on from the UFS.',
      labels: ['op'],
    }),
    fillsStopped: metrics.counter<'reason'>({
      name: 'forebay_fills_stopped_total',
      help:
        'Fills that ended before their last page, by reason: left (no reader was left), ' +
        'changed (another version) or failed.',
      labels: ['reason'],
    }),
  };
}
