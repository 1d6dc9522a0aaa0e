/** What the cache node's tests share: mounts, a clock of their own, nodes in a temporary directory. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AbsentObject, CacheNode, OpenedObject } from '@forebay/core/cache-node';
import { CachePolicies } from '@forebay/core/cache-policy';
import type { Cells } from '@forebay/core/changes';
import type { Clock } from '@forebay/core/clock';
import type { Homes, Placement } from '@forebay/core/homes';
import { silentLog } from '@forebay/core/log';
import { Metrics } from '@forebay/core/metrics';
import { type Mount, MountTable, type ObjectRef } from '@forebay/core/mount';
import type { RangeRequest } from '@forebay/core/range';
import type { Ufs } from '@forebay/ufs/ufs';
import { LocalCacheNode } from '../local-cache-node.ts';
import type { CacheNodeConfig } from '../settings.ts';

export const KiB = 1024;
export const pageSizeBytes = 64 * KiB;

export function testMount(overrides: Partial<Mount> = {}): Mount {
  return {
    path: '/lake',
    bucket: 'lake',
    keyPrefix: '',
    uri: 'file:///lake',
    ufs: { scheme: 'file', directory: '/lake', prefix: '' },
    freshness: 'ttl',
    ttlMs: 60_000,
    readOnly: false,
    pageSizeBytes,
    maxObjectSizeBytes: Number.MAX_SAFE_INTEGER,
    priority: 'normal',
    minUses: 1,
    amplificationMax: Number.POSITIVE_INFINITY,
    anonymous: 'none',
    createdAtMs: 0,
    ...overrides,
  };
}

export class TestClock implements Clock {
  nowMs = 1_000_000;
  wallMs(): number {
    return 1_700_000_000_000 + this.nowMs;
  }
  monotonicMs(): number {
    return this.nowMs;
  }
  advance(ms: number): void {
    this.nowMs += ms;
  }
}

export interface TestNode {
  readonly node: LocalCacheNode;
  readonly clock: TestClock;
  readonly metrics: Metrics;
  readonly dataDir: string;
}

const defaults: CacheNodeConfig = {
  pageSizeBytes,
  cacheSizeBytes: 64 * 1024 * KiB,
  cacheDirs: [],
  evictionHighPercent: 95,
  evictionLowPercent: 90,
  scrubBytesPerSecond: 0,
  memorySizeBytes: 16 * 1024 * KiB,
  infoMemoryEntriesMax: 1000,
  infoPersistentSizeBytesMax: 16 * 1024 * KiB,
  infoPersistentTtlMs: 0,
  negativeTtlMs: 5000,
  fillsInFlightBytesMax: 16 * 1024 * KiB,
  fencesOpenMax: 1000,
  diskWriteQueueBytesMax: 16 * 1024 * KiB,
  readAheadPagesMax: 4,
  fillChunkBytes: 2 * pageSizeBytes,
  fillsPerReaderMax: 4,
  fillsAheadPerUfsMax: 16,
  hotObjectsMax: 100,
  hotMemorySizeBytes: 1024 * KiB,
  hotFilesMax: 16,
};

/** Makes nodes and takes their directories away again: `afterEach(() => nodes.clear())`. */
export class TestNodes {
  readonly #made: { node: LocalCacheNode; dataDir: string }[] = [];

  async open(
    ufs: Ufs,
    options: {
      settings?: Partial<CacheNodeConfig>;
      dataDir?: string;
      clock?: TestClock;
      policies?: CachePolicies;
      mounts?: readonly Mount[];
      cells?: Cells;
      placement?: Placement;
      homes?: Homes;
      nodeId?: string;
    } = {},
  ): Promise<TestNode> {
    const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'forebay-node-')));
    const clock = options.clock ?? new TestClock();
    const metrics = new Metrics();
    const node = await LocalCacheNode.open({
      nodeId: options.nodeId ?? 'n1',
      dataDir,
      settings: { ...defaults, ...options.settings },
      policies: options.policies ?? new CachePolicies(),
      mounts: () => new MountTable(options.mounts ?? [testMount()]),
      ufsOf: () => Promise.resolve(ufs),
      openedUfsOf: () => ufs,
      metrics,
      clock,
      log: silentLog,
      cells: options.cells,
      placement: options.placement,
      homes: options.homes,
    });
    this.#made.push({ node, dataDir });
    return { node, clock, metrics, dataDir };
  }

  async clear(): Promise<void> {
    const made = this.#made.splice(0);
    for (const { node } of made) await node.close().catch(() => {});
    for (const { dataDir } of made) await rm(dataDir, { recursive: true, force: true });
  }
}

export function refOf(key: string, mount = testMount(), versionId?: string): ObjectRef {
  return { mount, ufsKey: key, versionId };
}

export async function openObject(
  node: Pick<CacheNode, 'open' | 'openNow'>,
  object: ObjectRef,
  options: { range?: RangeRequest; want?: 'info' | 'bytes'; signal?: AbortSignal } = {},
): Promise<OpenedObject> {
  const opened = await openAny(node, object, options);
  if (opened.kind === 'absent') throw new Error(`absent: ${opened.answer.code}`);
  return opened;
}

/** As a gateway opens: at once where that can be. */
export async function openAny(
  node: Pick<CacheNode, 'open' | 'openNow'>,
  object: ObjectRef,
  options: { range?: RangeRequest; want?: 'info' | 'bytes'; signal?: AbortSignal } = {},
): Promise<OpenedObject | AbsentObject> {
  const request = {
    object,
    want: options.want ?? 'bytes',
    range: options.range,
    signal: options.signal ?? new AbortController().signal,
  };
  return node.openNow?.(request) ?? (await node.open(request));
}

export async function bodyOf(opened: OpenedObject): Promise<Buffer> {
  if (!opened.body) return Buffer.alloc(0);
  if (opened.body instanceof Uint8Array) return Buffer.from(opened.body);
  const pieces: Uint8Array[] = [];
  for await (const piece of opened.body) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces);
}

export async function readAll(
  node: Pick<CacheNode, 'open' | 'openNow'>,
  object: ObjectRef,
  range?: RangeRequest,
): Promise<{ bytes: Buffer; cache: string; etag: string | undefined }> {
  const opened = await openObject(node, object, range ? { range } : {});
  return { bytes: await bodyOf(opened), cache: opened.cache, etag: opened.info.etag };
}
