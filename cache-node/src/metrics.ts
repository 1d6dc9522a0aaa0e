/** The cache node's metrics, each declared once. Label sets are bounded by mounts and by the lists below. */
import type { DirectoryStats } from '@forebay/core/cache-node';
import { BoundCounter, type Metrics } from '@forebay/core/metrics';
import type { MountAmplification } from './fill/amplification.ts';

export type ServedSource = 'memory' | 'disk' | 'peer' | 'ufs';

export type CacheNodeMetrics = ReturnType<typeof declareCacheNodeMetrics>;

export function declareCacheNodeMetrics(metrics: Metrics) {
  const declared = declareMetrics(metrics);
  for (const op of ['store', 'read']) declared.diskErrors.inc({ op }, 0);
  return { ...declared, ...hitCounts(declared) };
}

/** What is counted at every hit, without a search for its labels. */
function hitCounts({
  pageReads,
  infoReads,
  bytesServed,
  mountBytesServed,
}: ReturnType<typeof declareMetrics>) {
  const pages = new BoundCounter(pageReads, { result: 'hit' });
  const bytes = new BoundCounter(bytesServed, { source: 'memory' });
  const infos = {
    memory: new BoundCounter(infoReads, { result: 'memory' }),
    persistent: new BoundCounter(infoReads, { result: 'persistent' }),
  };
  const byMount = new Map<string, BoundCounter>();
  return {
    countKnownInfo: (level: keyof typeof infos) => infos[level].add(),
    countMemoryHit(mount: string, lengthBytes: number): void {
      pages.add();
      bytes.add(lengthBytes);
      let ofMount = byMount.get(mount);
      if (!ofMount) {
        ofMount = new BoundCounter(mountBytesServed, { mount });
        byMount.set(mount, ofMount);
      }
      ofMount.add(lengthBytes);
    },
  };
}

function declareMetrics(metrics: Metrics) {
  return {
    ...servedMetrics(metrics),
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
        'Info lookups by result: memory, persistent, coalesced, ufs, or stale (after its time, as the UFS did not ' +
        'answer). A high share of ufs: the TTL is short or names are new.',
      labels: ['result'],
    }),
    evictions: metrics.counter<'reason'>({
      name: 'forebay_evictions_total',
      help:
        'Pages evicted by policy, by reason: memory_budget, disk_budget, quota or ttl. Steady disk ' +
        'evictions with a low hit ratio: give more cache.',
      labels: ['reason'],
    }),
    pageCorruptions: metrics.counter({
      name: 'forebay_page_corruptions_total',
      help:
        'Stored pages that failed their checksum, were dropped and fetched again. Any growth: ' +
        'check the disk.',
    }),
    scrubbedBytes: metrics.counter({
      name: 'forebay_scrubbed_bytes_total',
      help: 'Bytes of stored pages verified in the background. Against the bytes on disk: how long a round takes.',
    }),
    pagesNotStored: metrics.counter<'reason'>({
      name: 'forebay_pages_not_stored_total',
      help:
        'Filled pages that did not reach the disk, by reason: queue_full (the disk is slower ' +
        'than the UFS), policy (too large, or used too seldom), quota or disk (error, or no room ' +
        'that is not pinned).',
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
        'Fills that ended before their last page, by reason: left (no reader was left), paused ' +
        '(slow readers; taken up again as they read on), crowded (the same, at once, as others waited for a ' +
        'connection), changed (another version) or failed.',
      labels: ['reason'],
    }),
  };
}

const stateValues = { ok: 1, 'read-only': 0.5, failed: 0 } as const;

/** What whoever hands bytes to clients counts of them. */
export function servedMetrics(metrics: Metrics) {
  return {
    bytesServed: metrics.counter<'source'>({
      name: 'forebay_bytes_served_total',
      help:
        'Bytes of objects handed to clients, by where they came from: memory, disk, peer or ' +
        'ufs. A rising share of ufs: the cache is too small or the data is new.',
      labels: ['source'],
    }),
    mountBytesServed: metrics.counter<'mount'>({
      name: 'forebay_mount_bytes_served_total',
      help:
        'Bytes of cacheable objects handed to clients by mount, from wherever they came. Beside ' +
        'forebay_ufs_bytes_total: what the cache saves.',
      labels: ['mount'],
    }),
  };
}

/** Read at each scrape. */
export interface CacheNodeGauges {
  readonly directories: readonly DirectoryStats[];
  readonly memoryBytes: number;
  readonly memoryBytesMax: number;
  readonly infoMemoryEntries: number;
  readonly infoPersistentEntries: number;
  readonly fills: number;
  readonly fillBytes: number;
  readonly fillBytesMax: number;
  readonly buffersLentBytes: number;
  readonly fencesOpen: number;
  readonly amplifications: Iterable<MountAmplification>;
}

export function declareCacheNodeGauges(metrics: Metrics, read: () => CacheNodeGauges): void {
  const plain = (name: `forebay_${string}`, help: string, pick: (gauges: CacheNodeGauges) => number) =>
    metrics.gauge({ name, help }, (gauge) => gauge.set(pick(read())));
  const sumOf = ({ directories }: CacheNodeGauges, of: (directory: DirectoryStats) => number) =>
    directories.reduce((sum, directory) => sum + of(directory), 0);
  plain(
    'forebay_pages',
    'Pages on disk. Falls at once: a page directory is out of use, or something was freed.',
    (gauges) => sumOf(gauges, ({ pages }) => pages),
  );
  declareDirectoryGauges(metrics, () => read().directories);
  declareSizeGauges(metrics, read);
  plain('forebay_fills_in_flight', 'UFS requests that are bringing pages now.', ({ fills }) => fills);
  plain(
    'forebay_fill_bytes_in_flight',
    'Bytes of pages being filled or on their way to disk. At its limit reads wait: the disk or the UFS is slow.',
    ({ fillBytes }) => fillBytes,
  );
  plain(
    'forebay_fill_bytes_in_flight_max',
    'The limit of forebay_fill_bytes_in_flight: fillsInFlightSizeMax. Raise it where there is memory.',
    ({ fillBytesMax }) => fillBytesMax,
  );
  plain(
    'forebay_buffers_lent_bytes',
    'Memory lent to pages in flight and to pieces on their way to clients. Grows with fills and slow readers.',
    ({ buffersLentBytes }) => buffersLentBytes,
  );
  declareAmplification(metrics, () => read().amplifications);
  plain('forebay_fences_open', 'Writes under way.', ({ fencesOpen }) => fencesOpen);
}

function declareAmplification(metrics: Metrics, read: () => Iterable<MountAmplification>): void {
  metrics.gauge<'mount'>(
    {
      name: 'forebay_read_amplification',
      help:
        'UFS bytes to served bytes by mount, of cacheable objects, over the last minute. At the bound of the ' +
        'mount (amplificationMax) read-ahead stops and small reads are fetched without their pages.',
      labels: ['mount'],
      merge: 'max',
    },
    (gauge) => {
      gauge.reset();
      for (const { mountPath: mount, ratio } of read()) gauge.set({ mount }, ratio);
    },
  );
  metrics.gauge<'mount'>(
    {
      name: 'forebay_read_amplification_max',
      help:
        'The bound of forebay_read_amplification (amplificationMax) of mounts that have one. Reads that jump ' +
        'about in large objects cost at least this much: smaller pages (pageSize) cost less.',
      labels: ['mount'],
      merge: 'max',
    },
    (gauge) => {
      gauge.reset();
      for (const { mountPath: mount, max } of read()) {
        if (Number.isFinite(max)) gauge.set({ mount }, max);
      }
    },
  );
}

function declareSizeGauges(metrics: Metrics, read: () => CacheNodeGauges): void {
  const sumOf = (of: (directory: DirectoryStats) => number) =>
    read().directories.reduce((sum, directory) => sum + of(directory), 0);
  metrics.gauge<'tier'>(
    {
      name: 'forebay_cache_bytes',
      help:
        'Bytes that cached pages take, by tier: memory, or disk in whole blocks. Full is as it should be; ' +
        'forebay status --curve tells what more would bring.',
      labels: ['tier'],
    },
    (gauge) => {
      gauge.set({ tier: 'memory' }, read().memoryBytes);
      gauge.set(
        { tier: 'disk' },
        sumOf(({ bytes }) => bytes),
      );
    },
  );
  metrics.gauge<'tier'>(
    {
      name: 'forebay_cache_bytes_max',
      help:
        'What cached pages may take, by tier: memory, or disk of all page directories. Less disk than was ' +
        'given: there was less free.',
      labels: ['tier'],
    },
    (gauge) => {
      gauge.set({ tier: 'memory' }, read().memoryBytesMax);
      gauge.set(
        { tier: 'disk' },
        sumOf(({ bytesMax }) => bytesMax),
      );
    },
  );
  metrics.gauge<'level'>(
    {
      name: 'forebay_info_entries',
      help:
        'Objects of which the info is known, by level: memory, or persistent. Memory at its limit ' +
        '(infoMemoryEntriesMax) and many lookups that end at persistent: raise it.',
      labels: ['level'],
    },
    (gauge) => {
      gauge.set({ level: 'memory' }, read().infoMemoryEntries);
      gauge.set({ level: 'persistent' }, read().infoPersistentEntries);
    },
  );
}

function declareDirectoryGauges(metrics: Metrics, read: () => readonly DirectoryStats[]): void {
  metrics.gauge<'directory'>(
    {
      name: 'forebay_directory_state',
      help:
        'State of each page directory: 1 in use, 0.5 read-only, 0 failed. Below 1: look at the disk; the ' +
        'directory is used again by itself when it works.',
      labels: ['directory'],
    },
    (gauge) => {
      for (const { path, state } of read()) gauge.set({ directory: path }, stateValues[state]);
    },
  );
  metrics.gauge<'directory'>(
    {
      name: 'forebay_directory_bytes',
      help: 'Bytes that each page directory takes on disk, garbage and journals included.',
      labels: ['directory'],
    },
    (gauge) => {
      for (const { path, bytes } of read()) gauge.set({ directory: path }, bytes);
    },
  );
  metrics.gauge<'directory'>(
    {
      name: 'forebay_directory_bytes_max',
      help: 'What each page directory may take: its size, or less where the disk had less free.',
      labels: ['directory'],
    },
    (gauge) => {
      for (const { path, bytesMax } of read()) gauge.set({ directory: path }, bytesMax);
    },
  );
}
