/** What a cache node is made of: its options, the stores that it opens, and what its fills share. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { CachePolicies } from '@forebay/core/cache-policy';
import type { Cells } from '@forebay/core/changes';
import type { Clock } from '@forebay/core/clock';
import { type Homes, type Placement, soleHome } from '@forebay/core/homes';
import type { Log } from '@forebay/core/log';
import type { Metrics } from '@forebay/core/metrics';
import { clientKeyOf, type Mount, type MountTable } from '@forebay/core/mount';
import { versionOf } from '@forebay/core/object';
import type { Ufs } from '@forebay/ufs/ufs';
import { BufferPool } from './buffers/buffer-pool.ts';
import { ReadSample } from './curve/read-sample.ts';
import { Amplifications } from './fill/amplification.ts';
import { AskedPages } from './fill/asked-pages.ts';
import { ByteBudget } from './fill/byte-budget.ts';
import type { FillContext } from './fill/fill-context.ts';
import { LingeringPages } from './fill/lingering-pages.ts';
import type { PageFlight } from './fill/page-flight.ts';
import { UfsLoads } from './fill/ufs-load.ts';
import { InfoLog } from './info-log/info-log.ts';
import { InfoStore } from './info-store/info-store.ts';
import { type CacheNodeMetrics, declareCacheNodeGauges, declareCacheNodeMetrics } from './metrics.ts';
import { pageDirectoriesOf } from './page-store/directory-settings.ts';
import { PageIndex } from './page-store/page-index.ts';
import { PageStore } from './page-store/page-store.ts';
import type { CacheNodeConfig } from './settings.ts';

export interface LocalCacheNodeOptions {
  readonly nodeId: string;
  readonly dataDir: string;
  readonly settings: CacheNodeConfig;
  /** The UFS behind a mount: opened once, shared by all who ask. */
  readonly ufsOf: (mount: Mount) => Promise<Ufs>;
  /** The same where it is open; without it no open is answered at once. */
  readonly openedUfsOf?: ((mount: Mount) => Ufs | undefined) | undefined;
  /** How pages are kept; may change at any time. */
  readonly policies: CachePolicies;
  readonly mounts: () => MountTable;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly log: Log;
  /** Shared with processes that answer hits by themselves: told of all that they may not use any more. */
  readonly cells?: Cells | undefined;
  /** Of what it may answer as the home; absent: of everything, always. `forgetInfo` at each lapse. */
  readonly homes?: Homes | undefined;
  /** Which segments are this node's; absent: all of them. */
  readonly placement?: Placement | undefined;
}

/** Longer than a steady reader needs for a page, far shorter than a client may stall. */
const fillPauseMaxMs = 10_000;

export interface NodeStores {
  readonly info: InfoStore;
  readonly fills: FillContext;
}

/** Opens the node's directories. @throws Error where they cannot be used */
export async function openStores(options: LocalCacheNodeOptions, onFound: () => void): Promise<NodeStores> {
  const { settings, dataDir, clock, log } = options;
  const metrics = declareCacheNodeMetrics(options.metrics);
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const directories = pageDirectoriesOf(settings, join(dataDir, 'pages'));
  const store = await PageStore.open({ directories, ...settings, metrics, clock, log, onFound });
  const info = infoStoreOf(options);
  const fills = fillsOf(options, { store, metrics, info });
  declareCacheNodeGauges(options.metrics, () => ({
    directories: store.usage().directories,
    memoryBytes: store.memory.sizeBytes,
    memoryBytesMax: store.memory.sizeBytesMax,
    infoMemoryEntries: info.memoryCount,
    infoPersistentEntries: info.persistent.count,
    fills: fills.fillsRunning,
    fillBytes: fills.budget.bytes,
    fillBytesMax: settings.fillsInFlightBytesMax,
    buffersLentBytes: fills.pool.lentBytes,
    fencesOpen: info.fences.openCount,
    amplifications: fills.amplifications.all(),
  }));
  return { info, fills };
}

function infoStoreOf({ settings, dataDir, clock, log, ...options }: LocalCacheNodeOptions): InfoStore {
  return new InfoStore({
    clock,
    log,
    homes: options.homes ?? soleHome,
    entriesMax: settings.infoMemoryEntriesMax,
    negativeTtlMs: () => settings.negativeTtlMs,
    fencesOpenMax: settings.fencesOpenMax,
    changes: options.cells,
    openPersistent: () =>
      new InfoLog({
        directory: join(dataDir, 'info'),
        sizeBytesMax: settings.infoPersistentSizeBytesMax,
        ttlMs: settings.infoPersistentTtlMs,
        clock,
        log,
      }),
  });
}

function fillsOf(
  { settings, policies, clock, placement }: LocalCacheNodeOptions,
  { store, metrics, info }: { store: PageStore; metrics: CacheNodeMetrics; info: InfoStore },
): FillContext {
  const budget = new ByteBudget(settings.fillsInFlightBytesMax);
  const lingering = new LingeringPages();
  budget.reclaim = () => lingering.dropOldest();
  return {
    store,
    metrics,
    clock,
    flights: new PageIndex<PageFlight>(),
    lingering,
    budget,
    pool: new BufferPool({ keptBytesMax: settings.fillsInFlightBytesMax / 4 }),
    reads: new ReadSample(),
    loads: new UfsLoads(settings.fillsAheadPerUfsMax),
    amplifications: new Amplifications(clock),
    asked: new AskedPages(),
    get aheadPages() {
      return settings.readAheadPagesMax;
    },
    chunkBytes: settings.fillChunkBytes,
    fillsPerReaderMax: settings.fillsPerReaderMax,
    pauseMaxMs: fillPauseMaxMs,
    policyOf: (object) => policies.policyOf(object.mount, clientKeyOf(object)),
    placement,
    onChanged: (object, found) => info.dropVersion(object, versionOf(found)),
    fillsRunning: 0,
  };
}
