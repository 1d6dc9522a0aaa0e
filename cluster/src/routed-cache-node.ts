/**
 * The cache nodes of a cluster as one, for a gateway: each object is opened at its home, the rest of a large
 * one is read at the owners of its segments, and what a node cannot give another one does, or the UFS. Info
 * is kept for no longer than a request.
 */
import { randomUUID } from 'node:crypto';
import type {
  AbsentObject,
  CacheNode,
  FenceReceipt,
  NodeStats,
  OpenedObject,
  OpenedSoon,
  OpenRequest,
  ReadQuestion,
  WriteOutcome,
} from '@forebay/core/cache-node';
import type { Clock } from '@forebay/core/clock';
import { ForebayError, isKind } from '@forebay/core/errors';
import type { Freed, FreeRequest, SilentNode } from '@forebay/core/freeing';
import type { Metrics } from '@forebay/core/metrics';
import { type Mount, type ObjectRef, placementKeyOf } from '@forebay/core/mount';
import type { ObjectStat } from '@forebay/core/object-stat';
import { DirectOpener } from '@forebay/ufs/direct-opener';
import type { Ufs } from '@forebay/ufs/ufs';
import { askNode } from './routing/ask-node.ts';
import { Fences } from './routing/fences.ts';
import { HotSegments } from './routing/hot-segments.ts';
import { type NodeOf, type Peer, Peers } from './routing/peer.ts';
import { type MembershipSource, RingView } from './routing/ring-view.ts';
import { RoutedOpener } from './routing/routed-opener.ts';
import type { Routing } from './routing/routing.ts';
import { declareRoutingMetrics, type NodeOp } from './routing/routing-metrics.ts';
import { sumOfFreed, sumOfStats } from './routing/sums.ts';
import type { Timing } from './routing/time.ts';
import { VersionReader } from './routing/version-reader.ts';
import { type RenewWriter, WriterLease } from './writer-lease.ts';

export interface RoutedCacheNodeOptions {
  /** Of the gateway: answers that no node gave carry it. */
  readonly nodeId: string;
  readonly source: MembershipSource;
  /** Asked once for each process of a node, and again where it could not be reached. */
  readonly nodeOf: NodeOf;
  readonly ufsOf: (mount: Mount) => Ufs | Promise<Ufs>;
  readonly clock: Clock;
  readonly sleep: Timing['sleep'];
  readonly random: Timing['random'];
  readonly metrics: Metrics;
  /** How the lease of who writes is asked for. */
  readonly renewWriter: RenewWriter;
  /** Told of bytes that were read past every cache node. */
  readonly onUfsBytes: (count: number) => void;
}

/** With a node that has gone silent. */
const patienceMs = 1000;
/** The object kept changing while it was read past the nodes. */
const directTriesMax = 3;

export class RoutedCacheNode implements CacheNode {
  readonly nodeId: string;
  readonly #routing: Routing;
  readonly #opener: RoutedOpener;
  readonly #fences: Fences;
  readonly #writer: WriterLease;
  readonly #unwatch: () => void;

  constructor(options: RoutedCacheNodeOptions) {
    const { source, ...shared } = options;
    this.nodeId = options.nodeId;
    const peers = new Peers(options.nodeOf, shared);
    const direct = new DirectOpener({ ...shared, onBytes: options.onUfsBytes });
    this.#routing = {
      ...shared,
      view: new RingView(source, shared),
      peers,
      metrics: declareRoutingMetrics(options.metrics, () => peers.all()),
      openDirect: (request) => openDirect(request, direct, options.ufsOf),
    };
    const reader = new VersionReader(this.#routing, new HotSegments(options.clock));
    this.#opener = new RoutedOpener(this.#routing, reader);
    this.#writer = this.#openWriter(options);
    this.#fences = new Fences(this.#routing, this.#writer);
    this.#unwatch = source.watch(() => {
      peers.retain(source.membership()?.epoch.members ?? []);
      this.#writer.changed();
    });
  }

  open(request: OpenRequest): Promise<OpenedObject | AbsentObject> {
    return this.#opener.open(request);
  }

  openSoon(request: OpenRequest, done: OpenedSoon): (() => void) | undefined {
    return this.#opener.openSoon(request, done);
  }

  beginWrite(objects: readonly ObjectRef[], fenceId: string): Promise<void> {
    return this.#fences.begin(objects, fenceId);
  }

  endWrite(objects: readonly ObjectRef[], fenceId: string, outcome: WriteOutcome): Promise<FenceReceipt> {
    return this.#fences.end(objects, fenceId, outcome);
  }

  beginBucketWrite(mount: Mount, fenceId: string): Promise<void> {
    return this.#fences.beginBucket(mount, fenceId);
  }

  endBucketWrite(mount: Mount, fenceId: string, outcome: WriteOutcome): Promise<FenceReceipt> {
    return this.#fences.endBucket(mount, fenceId, outcome);
  }

  /** Of the object's home. @throws ForebayError `node-unavailable` where that gives no answer */
  async stat(question: ReadQuestion): Promise<ObjectStat> {
    const { view, peers } = this.#routing;
    const home = view.ring()?.homeOf(placementKeyOf(question.object));
    if (!home) throw new ForebayError('node-unavailable', 'no cache node is known');
    return this.#ask(peers.of(home), 'stat', (node) => node.stat(question));
  }

  /**
   * At every node of the ring; those that fail are told in the answer. What they keep takes room, and nothing
   * else: pages belong to versions, and info is confirmed by the rules of all reads.
   * @throws the signal's reason; what a node threw where all failed
   */
  async free(request: FreeRequest): Promise<Freed> {
    const parts = new Map<Peer, Freed>();
    const onProgressOf = (peer: Peer) => (freed: Freed) => {
      parts.set(peer, freed);
      request.onProgress(sumOfFreed(parts.values()));
    };
    const silent: SilentNode[] = [];
    const peers = this.#all();
    const all = peers.map(async (peer) => {
      const own = { ...request, onProgress: onProgressOf(peer) };
      try {
        parts.set(peer, await this.#ask(peer, 'free', (node) => node.free(own), request.signal));
      } catch (error) {
        request.signal.throwIfAborted();
        silent.push({ nodeId: peer.nodeId, reason: error instanceof Error ? error.message : String(error) });
        if (silent.length === peers.length) throw error;
      }
    });
    await Promise.all(all);
    return { ...sumOfFreed(parts.values()), ...(silent.length > 0 && { silent }) };
  }

  /** Sums over the nodes that answer. */
  async stats(): Promise<NodeStats> {
    const all = this.#all().map((peer) => this.#ask(peer, 'stats', (node) => node.stats()));
    const settled = await Promise.allSettled(all);
    return sumOfStats(
      this.nodeId,
      settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : [])),
    );
  }

  /** Why a start is not over, for people; empty: it is. Later on, what no node can answer the UFS does. */
  async notReady(): Promise<readonly string[]> {
    const ring = this.#routing.view.ring();
    if (!ring) return ['no membership of cache nodes is known'];
    const peers = ring.epoch.members.map((member) => this.#routing.peers.of(member));
    const reached = peers.map(async (peer) => (await peer.connected()).ping?.());
    return Promise.any(reached).then(
      () => [],
      () => ['no cache node can be reached'],
    );
  }

  /** No write is begun any more. Where none is under way, nobody need wait for this gateway's word. */
  leave(): Promise<void> {
    return this.#writer.leave();
  }

  close(): void {
    this.#unwatch();
    this.#writer.close();
    this.#routing.peers.close();
  }

  #openWriter({ nodeId, clock, sleep, renewWriter }: RoutedCacheNodeOptions): WriterLease {
    return new WriterLease({
      ...{ clock, sleep, renew: renewWriter, view: this.#routing.view },
      makeId: () => `${nodeId} ${randomUUID()}`,
      carry: (ring) => this.#fences.carry(ring),
      isIdle: () => this.#fences.isEmpty,
    });
  }

  #all(): Peer[] {
    const { view, peers } = this.#routing;
    return (view.ring()?.epoch.members ?? []).map((member) => peers.of(member));
  }

  #ask<T>(peer: Peer, op: NodeOp, send: (node: CacheNode) => Promise<T>, signal?: AbortSignal): Promise<T> {
    return askNode({ peer, op, metrics: this.#routing.metrics, patienceMs, signal }, { send });
  }
}

async function openDirect(
  request: OpenRequest,
  direct: DirectOpener,
  ufsOf: RoutedCacheNodeOptions['ufsOf'],
): Promise<OpenedObject | AbsentObject> {
  const ufs = await ufsOf(request.object.mount);
  for (let tries = 1; ; tries += 1) {
    try {
      return await direct.open(request, ufs, 'MISS');
    } catch (error) {
      if (!isKind(error, 'version-changed') || tries === directTriesMax) throw error;
    }
  }
}
