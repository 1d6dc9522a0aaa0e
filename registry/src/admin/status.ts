/**
 * What the admin API tells of a running Forebay: the words of its JSON, shared by dashboard and command line.
 */
import type { DirectoryStats } from '@forebay/core/cache-node';
import type { Mount } from '@forebay/core/mount';
import type { NodeView } from '../cluster/node-views.ts';

/**
 * A mount as the API shows it. Sizes in bytes, times in ms; `maxObjectSizeBytes` is left out where unlimited.
 */
export interface MountView {
  readonly path: string;
  readonly uri: string;
  readonly freshness: string;
  readonly ttlMs: number;
  /** Left out where lists are never kept. */
  readonly listTtlMs?: number;
  /** Left out where uploads are never aborted. */
  readonly abortUploadsAfterMs?: number;
  /** Left out where info is never used after its time. */
  readonly staleIfErrorMs?: number;
  /** Left out where late reads may be sent a second time. */
  readonly hedge?: 'off';
  readonly readOnly: boolean;
  readonly pageSizeBytes: number;
  readonly maxObjectSizeBytes?: number;
  /** Left out where unlimited. */
  readonly quotaBytes?: number;
  readonly priority: string;
  readonly minUses: number;
  /** Left out where pages are never dropped for their age. */
  readonly cacheTtlMs?: number;
  readonly anonymous: string;
  readonly createdAt: string;
  /** `start`: by flag or config file, back at the next start; `runtime`: made with the API, and kept. */
  readonly origin: 'start' | 'runtime';
}

export function mountView(mount: Mount, origin: 'start' | 'runtime'): MountView {
  const { path, uri, freshness, ttlMs, readOnly, pageSizeBytes, maxObjectSizeBytes, anonymous } = mount;
  const { listTtlMs, abortUploadsAfterMs, quotaBytes, priority, minUses, cacheTtlMs } = mount;
  const { staleIfErrorMs, hedge = true } = mount;
  return {
    path,
    uri,
    freshness,
    ttlMs,
    ...(listTtlMs !== undefined && { listTtlMs }),
    ...(abortUploadsAfterMs !== undefined && { abortUploadsAfterMs }),
    ...(staleIfErrorMs !== undefined && { staleIfErrorMs }),
    ...(!hedge && { hedge: 'off' }),
    readOnly,
    pageSizeBytes,
    ...(maxObjectSizeBytes < Number.MAX_SAFE_INTEGER && { maxObjectSizeBytes }),
    ...(quotaBytes !== undefined && { quotaBytes }),
    priority,
    minUses,
    ...(cacheTtlMs !== undefined && { cacheTtlMs }),
    anonymous,
    createdAt: new Date(mount.createdAtMs).toISOString(),
    origin,
  };
}

/** Counters since the process started, and what the cache holds now. */
export interface Status {
  readonly version: string;
  readonly nodeId: string;
  /** Of a cluster: how many cache nodes of each state, and gateways. */
  readonly members?: Readonly<Record<NodeView['state'] | 'gateways', number>>;
  /** `http://127.0.0.1:9000`, of one of the gateways; empty where there is none yet. */
  readonly endpoint: string;
  readonly startedAt: string;
  readonly uptimeMs: number;
  readonly requests: { readonly total: number; readonly failed: number };
  /** Reads of objects by how they were answered: `{ HIT: 12, MISS: 3 }`. */
  readonly reads: Readonly<Record<string, number>>;
  /**
   * Bytes that left the cache, by source, and their share that needed no UFS; undefined before the first
   * byte.
   */
  readonly bytesServed: {
    readonly memory: number;
    readonly disk: number;
    readonly peer: number;
    readonly ufs: number;
  };
  readonly hitRatio?: number;
  readonly ufs: {
    readonly requests: number;
    readonly failed: number;
    readonly bytes: number;
    /** Paths of mounts whose UFS does not answer, and is left alone for a while. */
    readonly unanswering: readonly string[];
  };
  readonly cache: {
    readonly pages: number;
    readonly diskBytes: number;
    readonly diskBytesMax: number;
    readonly memoryBytes: number;
    readonly memoryBytesMax: number;
    readonly infoMemoryEntries: number;
    readonly infoPersistentEntries: number;
    readonly fillsInFlight: number;
    readonly fencesOpen: number;
    readonly directories: readonly DirectoryView[];
  };
}

/** A page directory; of a cluster with the id of its node. */
export type DirectoryView = DirectoryStats & { readonly node?: string };

export function countMembers(nodes: readonly NodeView[]): NonNullable<Status['members']> {
  const count = (state: NodeView['state']) =>
    nodes.filter((node) => node.role === 'cache-node' && node.state === state).length;
  return {
    ...{ active: count('active'), draining: count('draining') },
    ...{ joining: count('joining'), silent: count('silent') },
    gateways: nodes.filter(({ role }) => role === 'gateway').length,
  };
}
