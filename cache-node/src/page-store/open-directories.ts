/** Opens the page directories of a store, all or none. */
import type { Clock } from '@forebay/core/clock';
import type { Log } from '@forebay/core/log';
import type { CacheNodeMetrics } from '../metrics.ts';
import type { SharedParts } from './directory-files.ts';
import type { DirectorySetting } from './directory-settings.ts';
import { PageDirectory } from './page-directory.ts';

export interface PageStoreOptions {
  readonly directories: readonly DirectorySetting[];
  readonly memorySizeBytes: number;
  readonly diskWriteQueueBytesMax: number;
  /** Percent of a directory's budget: eviction begins above the first and ends at the second. */
  readonly evictionHighPercent: number;
  readonly evictionLowPercent: number;
  /** Stored pages are read and verified in the background at this rate; undefined: they are not. */
  readonly scrubBytesPerSecond?: number;
  readonly metrics: CacheNodeMetrics;
  readonly clock: Clock;
  readonly log: Log;
  readonly freeBytesOf?: (path: string) => Promise<number>;
  readonly probeDelayMs?: number;
  /** Pages were found that follow no policy yet. */
  readonly onFound?: () => void;
}

/** @throws DirectoryInUseError where another process has one of them. */
export async function openDirectories(
  options: PageStoreOptions,
  shared: SharedParts,
): Promise<PageDirectory[]> {
  const { metrics, log, clock, evictionHighPercent, evictionLowPercent } = options;
  const directories: PageDirectory[] = [];
  try {
    for (const { path, sizeBytesMax } of options.directories) {
      const directory = await PageDirectory.open({
        number: directories.length,
        path,
        sizeBytesMax,
        shared,
        log,
        nowMs: () => clock.monotonicMs(),
        highWatermark: evictionHighPercent / 100,
        lowWatermark: Math.min(evictionLowPercent, evictionHighPercent) / 100,
        freeBytesOf: options.freeBytesOf,
        probeDelayMs: options.probeDelayMs,
        onEvict: (pages) => metrics.evictions.inc({ reason: 'disk_budget' }, pages),
        onError: (op) => metrics.diskErrors.inc({ op }),
        onFound: () => options.onFound?.(),
        onCorrupt: ({ set, index }) => {
          metrics.pageCorruptions.inc();
          log.warn({ set, index }, 'a stored page failed its checksum and was dropped');
        },
      });
      directories.push(directory);
    }
  } catch (error) {
    for (const directory of directories) await directory.close();
    throw error;
  }
  return directories;
}
