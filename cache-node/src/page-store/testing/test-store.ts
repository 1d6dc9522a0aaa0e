/** A page store as tests have it, and an object whose pages it keeps. */
import type { CachePolicy } from '@forebay/core/cache-policy';
import { systemClock } from '@forebay/core/clock';
import { silentLog } from '@forebay/core/log';
import { Metrics } from '@forebay/core/metrics';
import { declareCacheNodeMetrics } from '../../metrics.ts';
import type { PageStoreOptions } from '../open-directories.ts';
import { PageStore } from '../page-store.ts';
import type { PagedObject } from '../paged-object.ts';

const MiB = 1024 * 1024;

export const lakePolicy: CachePolicy = {
  rule: 'mount /lake',
  scope: '/lake',
  quotaBytes: undefined,
  priority: 'normal',
  pinned: false,
  minUses: 1,
  cacheTtlMs: undefined,
  maxObjectSizeBytes: Number.MAX_SAFE_INTEGER,
};

/** Nine pages of 1 MiB below the mount `/lake`. */
export function lakeObject(changes: Partial<PagedObject> = {}): PagedObject {
  const of = { version: '"v1"|9|', sizeBytes: 9 * MiB, pageSizeBytes: MiB, mountPath: '/lake' };
  return { path: 'lake/a', ...of, policy: lakePolicy, ...changes };
}

/** Without a memory tier, unless it is asked for. */
export function openTestStore(
  options: Pick<PageStoreOptions, 'directories'> & Partial<PageStoreOptions>,
): Promise<PageStore> {
  return PageStore.open({
    memorySizeBytes: 0,
    diskWriteQueueBytesMax: 64 * MiB,
    evictionHighPercent: 95,
    evictionLowPercent: 90,
    metrics: declareCacheNodeMetrics(new Metrics()),
    clock: systemClock,
    log: silentLog,
    ...options,
  });
}
