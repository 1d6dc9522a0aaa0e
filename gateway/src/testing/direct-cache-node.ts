/**
 * A CacheNode without a cache, for the gateway's own tests: every open asks the UFS. It keeps a record of
 * fences, so that tests can see in which order writes touched the home and the UFS.
 */
import type {
  AbsentObject,
  CacheNode,
  FenceReceipt,
  NodeStats,
  OpenedObject,
  OpenRequest,
  WriteOutcome,
} from '@forebay/core/cache-node';
import { evaluateConditions } from '@forebay/core/conditions';
import { isUfsAnswer } from '@forebay/core/errors';
import type { Mount, ObjectRef } from '@forebay/core/mount';
import type { ObjectInfo } from '@forebay/core/object';
import { type RangeRequest, resolveRange } from '@forebay/core/range';
import type { Ufs } from '@forebay/ufs/ufs';

export interface FenceEvent {
  readonly event: 'begin' | 'end';
  readonly keys: readonly string[];
  readonly fenceId: string;
  readonly outcome?: WriteOutcome;
}

export class DirectCacheNode implements CacheNode {
  readonly nodeId = 'test-node';
  readonly fences: FenceEvent[] = [];
  /** Set by a test to make the home fail. */
  failBegin: Error | undefined;
  failEnd: Error | undefined;
  readonly #ufsOf: (mount: Mount) => Ufs | Promise<Ufs>;

  constructor(ufsOf: (mount: Mount) => Ufs | Promise<Ufs>) {
    this.#ufsOf = ufsOf;
  }

  async open(request: OpenRequest): Promise<OpenedObject | AbsentObject> {
    const answered = { cache: 'MISS', ageMs: 0, nodeId: this.nodeId } as const;
    const { ufsKey, versionId, mount } = request.object;
    const ufs = await this.#ufsOf(mount);
    try {
      const info = await ufs.head(ufsKey, { versionId, signal: request.signal });
      const condition = evaluateConditions(request.conditions ?? {}, info);
      const resolved = resolveRange(rangeThatCounts(request, info), info.sizeBytes);
      const range = resolved === 'unsatisfiable' ? resolved : resolved.range;
      const whole = resolved !== 'unsatisfiable' && resolved.whole;
      const opened = { ...answered, kind: 'object', info, condition, range, whole } as const;
      const pages = { hit: 0, total: 1 };
      if (request.want === 'info' || condition !== 'met' || range === 'unsatisfiable') {
        return { ...opened, pages, body: undefined };
      }
      if (info.sizeBytes === 0) return { ...opened, pages, body: new Uint8Array(0) };
      const read = await ufs.get(ufsKey, {
        range: { kind: 'span', ...range },
        versionId,
        ifMatch: info.etag,
        signal: request.signal,
      });
      return { ...opened, pages, body: read.body };
    } catch (error) {
      if (isUfsAnswer(error, 'NoSuchKey')) return { ...answered, kind: 'absent', answer: error.answer };
      throw error;
    }
  }

  async beginWrite(objects: readonly ObjectRef[], fenceId: string): Promise<void> {
    if (this.failBegin) throw this.failBegin;
    this.fences.push({ event: 'begin', keys: objects.map(({ ufsKey }) => ufsKey), fenceId });
  }

  async endWrite(
    objects: readonly ObjectRef[],
    fenceId: string,
    outcome: WriteOutcome,
  ): Promise<FenceReceipt> {
    if (this.failEnd) throw this.failEnd;
    this.fences.push({ event: 'end', keys: objects.map(({ ufsKey }) => ufsKey), fenceId, outcome });
    return { fenceId, ended: true };
  }

  /** A bucket's fence stands as its path, `/bucket`. */
  async beginBucketWrite(mount: Mount, fenceId: string): Promise<void> {
    if (this.failBegin) throw this.failBegin;
    this.fences.push({ event: 'begin', keys: [`/${mount.bucket}`], fenceId });
  }

  async endBucketWrite(mount: Mount, fenceId: string, outcome: WriteOutcome): Promise<FenceReceipt> {
    if (this.failEnd) throw this.failEnd;
    this.fences.push({ event: 'end', keys: [`/${mount.bucket}`], fenceId, outcome });
    return { fenceId, ended: true };
  }

  stat(): Promise<never> {
    return Promise.reject(new Error('a gateway never asks this'));
  }

  free(): Promise<never> {
    return Promise.reject(new Error('a gateway never asks this'));
  }

  async stats(): Promise<NodeStats> {
    return {
      nodeId: this.nodeId,
      uptimeMs: 0,
      pages: 0,
      diskBytes: 0,
      diskBytesMax: 0,
      memoryBytes: 0,
      memoryBytesMax: 0,
      directories: [],
      infoMemoryEntries: 0,
      infoPersistentEntries: 0,
      fillsInFlight: 0,
      fencesOpen: 0,
    };
  }
}

function rangeThatCounts({ range, ifRange }: OpenRequest, info: ObjectInfo): RangeRequest | undefined {
  if (!ifRange) return range;
  const holds =
    'etag' in ifRange ? ifRange.etag === info.etag : ifRange.lastModifiedMs === info.lastModifiedMs;
  return holds ? range : undefined;
}
