/**
 * Offers what this node has of other nodes' segments to them, once an epoch has settled: all of it where the
 * node drains or has just started, else what it owned before. One pass goes through all that is stored, first
 * for what was read again since it came, then for the rest. A change of the epoch ends it, and the next one
 * begins with what is left. Offered pages stay here until they are evicted: nobody reads them any more, so
 * they go first, and they are at hand where the change is undone.
 */
import { setTimeout as wait } from 'node:timers/promises';
import type { HandOffProgress } from '@forebay/core/cache-node';
import type { KeptObject, KeptPages } from '@forebay/core/kept-pages';
import type { Log } from '@forebay/core/log';
import type { Membership, RingMember } from '@forebay/core/membership';
import { placementKeyOf } from '@forebay/core/mount';
import { pageLengthBytes } from '@forebay/core/page';
import { type Ring, ringOf, segmentKeyOf } from '@forebay/core/ring';
import { type OfferedObject, offeredAllCall, runsOf, takePagesCall } from './offer.ts';
import type { PagePeers } from './page-peer.ts';
import type { Taken } from './page-taker.ts';

export interface MoverOptions {
  readonly nodeId: string;
  readonly pages: KeptPages;
  readonly peers: PagePeers;
  readonly bytesPerSecond: number;
  readonly log: Log;
  /** Before nodes that did not take their pages are offered them again. */
  readonly retryMs: number;
}

/** Of one offer. A node that is slow about one is not waited for: its pages are offered again. */
const offerObjectsMax = 256;
const offerBytesMax = 32 * 1024 * 1024;
const offerMs = 60_000;
const ringsSinceMax = 16;

interface Batch {
  readonly to: RingMember;
  objects: OfferedObject[];
  bytes: number;
  /** Of pages that were not offered before. */
  newBytes: number;
  /** The offer that it is taking up: one at a time, side by side with other nodes'. Never rejects. */
  taking: Promise<void>;
}

/** What one pass has come to. */
interface Pass {
  readonly ring: Ring;
  readonly signal: AbortSignal;
  readonly batches: Map<string, Batch>;
  /** Nodes that did not take what they were offered: left alone for the rest of the pass. */
  readonly failed: Set<string>;
}

interface Addition {
  readonly to: RingMember;
  readonly indexes: readonly number[];
  readonly kept: KeptObject;
  /** Pages that count already. */
  readonly offered: ReadonlySet<number>;
}

const none: ReadonlySet<number> = new Set();

export class Mover {
  readonly #options: MoverOptions;
  #progress: HandOffProgress;
  #abort = new AbortController();
  /** By whose owners everything was offered last; and the rings since, by which more may have come. */
  #offered: Ring | undefined;
  #since: Ring[] = [];
  #running: Promise<void> = Promise.resolve();
  #following: string | undefined;

  constructor(options: MoverOptions) {
    this.#options = options;
    const state = options.bytesPerSecond > 0 ? 'waiting' : 'off';
    this.#progress = { state, epoch: 0, objects: 0, objectsTotal: 0, bytes: 0, bytesTotal: 0 };
  }

  get progress(): HandOffProgress {
    return this.#progress;
  }

  /** The membership has changed, or its epoch has settled. */
  follow({ epoch, settled }: Membership): void {
    if (this.#options.bytesPerSecond === 0) return;
    const following = `${epoch.registry} ${epoch.number} ${settled}`;
    if (this.#following === following) return;
    this.#following = following;
    this.#abort.abort();
    this.#abort = new AbortController();
    this.#progress = { ...this.#progress, state: 'waiting', epoch: epoch.number };
    const ring = ringOf(epoch);
    if (this.#since.length === ringsSinceMax) {
      // So many changes without a pass that came to its end: everything is offered again.
      this.#offered = undefined;
      this.#since = [];
    }
    this.#since.push(ring);
    if (!settled) return;
    const { signal } = this.#abort;
    this.#running = this.#running.then(() => this.#run(ring, signal));
  }

  async close(): Promise<void> {
    this.#abort.abort();
    await this.#running;
  }

  /** Passes until everything was offered. Never throws. */
  async #run(ring: Ring, signal: AbortSignal): Promise<void> {
    const { log, retryMs } = this.#options;
    while (!signal.aborted) {
      try {
        if (await this.#offerAll(ring, signal)) {
          this.#offered = ring;
          this.#since = this.#since.slice(this.#since.indexOf(ring) + 1);
          const self = ring.epoch.members.find(({ nodeId }) => nodeId === this.#options.nodeId);
          this.#progress = { ...this.#progress, state: self?.state === 'draining' ? 'drained' : 'done' };
          return;
        }
        this.#progress = { ...this.#progress, state: 'waiting' };
      } catch (error) {
        if (signal.aborted) return;
        log.error({ reason: String(error) }, 'pages are not handed to their new owners');
      }
      await wait(retryMs, undefined, { signal, ref: false }).catch(() => {});
    }
  }

  /** False where somebody did not take what it was offered. @throws the signal's reason */
  async #offerAll(ring: Ring, signal: AbortSignal): Promise<boolean> {
    const { pages } = this.#options;
    await this.#count(ring, signal);
    const pass: Pass = { ring, signal, batches: new Map(), failed: new Set() };
    const offer = async (kept: KeptObject, offered: ReadonlySet<number>) => {
      const lost = this.#lostOf(kept, ring);
      for (const [nodeId, { to, indexes }] of lost) {
        await this.#add(pass, nodeId, { to, indexes, kept, offered });
      }
      return lost.size > 0;
    };
    await pages.each(async (kept) => {
      if (kept.hot.length > 0) await offer({ ...kept, indexes: kept.hot }, none);
    }, signal);
    // All of it: a page may have become hot meanwhile. Who has it passes it over.
    await pages.each(async (kept) => {
      if (await offer(kept, new Set(kept.hot)))
        this.#progress = { ...this.#progress, objects: this.#progress.objects + 1 };
    }, signal);
    for (const batch of pass.batches.values()) await this.#send(pass, batch);
    for (const { taking } of pass.batches.values()) await taking;
    await this.#tellAll(pass);
    return pass.failed.size === 0;
  }

  /** How much there is to do, first: a pass over what is stored costs little beside moving it. */
  async #count(ring: Ring, signal: AbortSignal): Promise<void> {
    let objectsTotal = 0;
    let bytesTotal = 0;
    await this.#options.pages.each(async (kept) => {
      const lost = this.#lostOf(kept, ring);
      if (lost.size > 0) objectsTotal += 1;
      for (const { indexes } of lost.values()) bytesTotal += bytesOf(kept, indexes);
    }, signal);
    const counts = { objects: 0, objectsTotal, bytes: 0, bytesTotal };
    this.#progress = { state: 'moving', epoch: ring.epoch.number, ...counts };
  }

  /** By the node that owns them now, pages that this one does not, and that it is to offer. */
  #lostOf(
    { object, indexes }: KeptObject,
    ring: Ring,
  ): Map<string, { readonly to: RingMember; readonly indexes: number[] }> {
    const { nodeId: self } = this.#options;
    const { pageSizeBytes } = object.mount;
    const placementKey = placementKeyOf(object);
    const lost = new Map<string, { to: RingMember; indexes: number[] }>();
    let segment = -1;
    let owner: RingMember | undefined;
    for (const index of indexes) {
      const at = Math.floor((index * pageSizeBytes) / ring.epoch.segmentBytes);
      if (at !== segment) {
        segment = at;
        const key = segmentKeyOf(placementKey, segment);
        owner = ring.homeOf(key);
        if (owner?.nodeId === self || this.#wasOffered(key)) owner = undefined;
      }
      if (!owner) continue;
      const of = lost.get(owner.nodeId) ?? { to: owner, indexes: [] };
      of.indexes.push(index);
      lost.set(owner.nodeId, of);
    }
    return lost;
  }

  /** It was another's by the ring of the last whole pass, and has not been this node's since. */
  #wasOffered(segmentKey: string): boolean {
    const isOthers = (ring: Ring) => ring.homeOf(segmentKey)?.nodeId !== this.#options.nodeId;
    return this.#offered !== undefined && isOthers(this.#offered) && this.#since.every(isOthers);
  }

  async #add(pass: Pass, nodeId: string, { to, indexes, kept, offered }: Addition): Promise<void> {
    if (pass.failed.has(nodeId)) return;
    const empty = { objects: [], bytes: 0, newBytes: 0 };
    const batch = pass.batches.get(nodeId) ?? { to, ...empty, taking: Promise.resolve() };
    pass.batches.set(nodeId, batch);
    const { path, object, info } = kept;
    const { path: mountPath, pageSizeBytes } = object.mount;
    const { etag = '', versionId, sizeBytes } = info;
    // A large object is more than one offer.
    const pagesMax = Math.max(1, Math.floor(this.#offerBytesMax() / pageSizeBytes));
    for (let at = 0; at < indexes.length; at += pagesMax) {
      const some = indexes.slice(at, at + pagesMax);
      const runs = runsOf(some);
      batch.objects.push({ path, mountPath, pageSizeBytes, etag, versionId, sizeBytes, runs });
      batch.bytes += bytesOf(kept, some);
      batch.newBytes += bytesOf(
        kept,
        some.filter((index) => !offered.has(index)),
      );
      const isFull = batch.objects.length >= offerObjectsMax || batch.bytes >= this.#offerBytesMax();
      if (isFull) await this.#send(pass, batch);
    }
  }

  /** What a node takes within a second: small enough for steady progress. */
  #offerBytesMax(): number {
    return Math.min(offerBytesMax, this.#options.bytesPerSecond);
  }

  /** Resolves when the node has begun with it. @throws the signal's reason */
  async #send(pass: Pass, batch: Batch): Promise<void> {
    await batch.taking;
    pass.signal.throwIfAborted();
    if (batch.objects.length === 0 || pass.failed.has(batch.to.nodeId)) return;
    const { to, objects, newBytes } = batch;
    batch.objects = [];
    batch.bytes = 0;
    batch.newBytes = 0;
    batch.taking = this.#offer(pass, to, { objects, newBytes });
  }

  async #offer(
    { signal, failed }: Pass,
    to: RingMember,
    { objects, newBytes }: { objects: readonly OfferedObject[]; newBytes: number },
  ): Promise<void> {
    const { peers, nodeId: from, log } = this.#options;
    const { nodeId } = to;
    try {
      const within = AbortSignal.any([signal, AbortSignal.timeout(offerMs)]);
      const taken = (await peers.call(to, takePagesCall, { from, objects }, within)) as Partial<Taken>;
      if (taken.isLeft) failed.add(nodeId);
      if (!signal.aborted) this.#progress = { ...this.#progress, bytes: this.#progress.bytes + newBytes };
    } catch (error) {
      failed.add(nodeId);
      if (!signal.aborted) log.warn({ nodeId, reason: String(error) }, 'a node does not take its pages yet');
    }
  }

  /** Nobody need ask this node any more, but for those that did not take what is theirs. */
  async #tellAll({ ring, signal, failed }: Pass): Promise<void> {
    signal.throwIfAborted();
    const { nodeId: self, peers } = this.#options;
    const { number, registry, members } = ring.epoch;
    const others = members.filter(({ nodeId, state }) => nodeId !== self && state === 'active');
    for (const member of others.filter(({ nodeId }) => !failed.has(nodeId))) {
      const parameters = { from: self, epoch: { number, registry } };
      const within = AbortSignal.any([signal, AbortSignal.timeout(offerMs)]);
      // Where it does not hear of it, it asks in vain for a while.
      await peers.call(member, offeredAllCall, parameters, within).catch(() => {});
    }
    signal.throwIfAborted();
  }
}

function bytesOf({ object, info }: KeptObject, indexes: readonly number[]): number {
  const { pageSizeBytes } = object.mount;
  return indexes.reduce((sum, index) => sum + pageLengthBytes(index, info.sizeBytes, pageSizeBytes), 0);
}
