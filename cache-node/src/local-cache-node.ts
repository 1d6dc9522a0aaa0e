/**
 * The cache node in this process: home of the objects' info and owner of their pages. `open` is the walk of
 * one read: info by the rule of DESIGN §4, conditions and range, then pages, with the first bytes at hand
 * before it answers, so that what goes wrong up to there is an error and not a cut connection.
 */
import type {
  AbsentObject,
  BeginEpoch,
  FenceReceipt,
  NodeStats,
  OpenedObject,
  OpenedPages,
  OpenedSoon,
  OpenRequest,
  PageOwner,
  ReadQuestion,
  ReadRequest,
  WriteOutcome,
} from '@forebay/core/cache-node';
import { ForebayError, isKind } from '@forebay/core/errors';
import type { Freed, FreeRequest } from '@forebay/core/freeing';
import type { JobWorker, LoadRequest, WorkOutcome } from '@forebay/core/job-worker';
import { type Mount, type ObjectRef, placementKeyOf } from '@forebay/core/mount';
import type { ObjectInfo } from '@forebay/core/object';
import type { StoredPages } from '@forebay/core/object-placement';
import type { ObjectStat } from '@forebay/core/object-stat';
import { DirectOpener } from '@forebay/ufs/direct-opener';
import type { ReadSample } from './curve/read-sample.ts';
import type { FillContext } from './fill/fill-context.ts';
import { ReadAhead } from './fill/read-ahead.ts';
import { HandedPages } from './handed-pages.ts';
import { Home } from './home.ts';
import { factsOf, type HotFacts, type HotQuestion } from './hot/hot-facts.ts';
import type { HotUses } from './hot/hot-uses.ts';
import type { InfoStore } from './info-store/info-store.ts';
import { KeptObjects } from './kept-objects.ts';
import { ObjectLoader } from './load/object-loader.ts';
import { type LocalCacheNodeOptions, openStores } from './node-stores.ts';
import { ObjectOpener } from './object-opener.ts';
import { ObjectStats } from './object-stats.ts';
import { openBy } from './open-soon.ts';
import { OwnerReads } from './owner-reads.ts';
import { Shelf } from './shelf.ts';

/** An object that keeps changing is read plainly, past the cache, after so many attempts. */
const openAttemptsMax = 3;
export class LocalCacheNode implements PageOwner, Pick<JobWorker, 'load' | 'verify'> {
  readonly nodeId: string;
  readonly shelf: Shelf;
  /** A sample of the page reads that this node answers. */
  readonly reads: ReadSample;
  /** What is stored, for hand-off. */
  readonly pages: HandedPages;
  readonly #options: LocalCacheNodeOptions;
  readonly #info: InfoStore;
  readonly #fills: FillContext;
  readonly #opener: ObjectOpener;
  readonly #direct: DirectOpener;
  readonly #ownerReads: OwnerReads;
  readonly #stats: ObjectStats;
  readonly #kept: KeptObjects;
  readonly #loader: ObjectLoader;
  readonly #startedAtMs: number;

  private constructor(options: LocalCacheNodeOptions, info: InfoStore, fills: FillContext) {
    this.nodeId = options.nodeId;
    this.shelf = new Shelf(fills.store);
    this.reads = fills.reads;
    this.#options = options;
    this.#info = info;
    this.#fills = fills;
    this.#startedAtMs = options.clock.monotonicMs();
    const home = new Home({ info, clock: options.clock, fills });
    const { nodeId, clock } = options;
    this.pages = new HandedPages(fills, options.mounts);
    this.#kept = new KeptObjects({ ...options, info, store: fills.store });
    this.#stats = new ObjectStats(nodeId, { info, home, fills });
    this.#direct = new DirectOpener({
      nodeId,
      clock,
      onBytes: (count) => fills.metrics.bytesServed.inc({ source: 'ufs' }, count),
    });
    this.#loader = new ObjectLoader({ info, home, fills });
    const readAhead = new ReadAhead(fills);
    this.#ownerReads = new OwnerReads({ nodeId, fills, readAhead });
    this.#opener = new ObjectOpener({ nodeId, info, home, fills, readAhead, clock, direct: this.#direct });
  }

  /**
   * Opens the node's directories. Starts warm: pages are there at once, info is revalidated at its first
   * use.
   */
  static async open(options: LocalCacheNodeOptions): Promise<LocalCacheNode> {
    const opened = Promise.withResolvers<LocalCacheNode>();
    // What a scan finds, at once or much later, follows no policy yet.
    const onFound = () => void opened.promise.then((node) => node.applyPolicies());
    const { info, fills } = await openStores(options, onFound);
    const node = new LocalCacheNode(options, info, fills);
    opened.resolve(node);
    return node;
  }

  async open(request: OpenRequest): Promise<OpenedObject | AbsentObject> {
    const { object, goneVersion, epoch } = request;
    const { homes } = this.#options;
    if (homes && epoch !== undefined && epoch < homes.stamp && !homes.isHome(placementKeyOf(object))) {
      throw new ForebayError('not-home', `this node is not the home since epoch ${epoch}`);
    }
    if (goneVersion !== undefined) this.#info.dropVersion(object, goneVersion);
    const ufs = await this.#options.ufsOf(object.mount);
    for (let attempt = 1; attempt <= openAttemptsMax - 1; attempt += 1) {
      try {
        return await this.#opener.open(request, ufs);
      } catch (error) {
        if (!isKind(error, 'version-changed')) throw error;
        this.#info.drop(object);
      }
    }
    return this.#direct.open(request, ufs, 'MISS');
  }

  openNow(request: OpenRequest): OpenedObject | AbsentObject | undefined {
    if (request.goneVersion !== undefined) return undefined;
    const ufs = this.#options.openedUfsOf?.(request.object.mount);
    return ufs && this.#opener.openNow(request, ufs);
  }

  openSoon(request: OpenRequest, done: OpenedSoon): () => void {
    return openBy((asked) => this.open(asked), request, done);
  }

  async read(request: ReadRequest): Promise<OpenedPages> {
    return this.#ownerReads.read(request, await this.#options.ufsOf(request.object.mount));
  }

  async beginWrite(objects: readonly ObjectRef[], fenceId: string, epoch?: BeginEpoch): Promise<void> {
    this.#info.beginWrite(objects, fenceId, epoch);
  }

  async endWrite(
    objects: readonly ObjectRef[],
    fenceId: string,
    outcome: WriteOutcome,
    epoch?: number,
  ): Promise<FenceReceipt> {
    this.#info.endWrite(objects, fenceId, outcome, epoch);
    return { fenceId, ended: true };
  }

  async beginBucketWrite(mount: Mount, fenceId: string, epoch?: BeginEpoch): Promise<void> {
    this.#info.beginBucketWrite(mount, fenceId, epoch);
  }

  async endBucketWrite(
    mount: Mount,
    fenceId: string,
    outcome: WriteOutcome,
    epoch?: number,
  ): Promise<FenceReceipt> {
    this.#info.endBucketWrite(mount, fenceId, outcome, epoch);
    return { fenceId, ended: true };
  }

  async stat(question: ReadQuestion): Promise<ObjectStat> {
    // Opened, not asked.
    return this.#stats.stat(question, await this.#options.ufsOf(question.object.mount));
  }

  /** Pages that are stored of a version, whoever its object's home is. */
  stored(object: ObjectRef, info: ObjectInfo, segmentBytes: number): StoredPages {
    return this.#stats.stored(object, info, segmentBytes);
  }

  free(request: FreeRequest): Promise<Freed> {
    return this.#kept.free(request);
  }

  async load(request: LoadRequest): Promise<WorkOutcome> {
    return this.#loader.load(request, await this.#options.ufsOf(request.object.mount));
  }

  verify(request: LoadRequest): Promise<WorkOutcome> {
    return this.#loader.verify(request);
  }

  /** What another process needs to answer hits of an object by itself; undefined: it has to ask. */
  factsOf(question: HotQuestion): HotFacts | undefined {
    const { cells } = this.#options;
    const { store, policyOf } = this.#fills;
    return cells && factsOf(question, { info: this.#info, store, policyOf, cells });
  }

  /** What other processes served by themselves. */
  noteUses({ pages, servedBytes }: HotUses): void {
    const { store, amplifications } = this.#fills;
    for (const [set, indexes] of pages) for (const index of indexes) store.touch({ set, index });
    const mounts = this.#options.mounts().mounts;
    for (const [path, bytes] of servedBytes) {
      const mount = mounts.find((known) => known.path === path);
      if (mount) amplifications.of(mount).served(bytes);
    }
  }

  /** Rules, pins or mounts have changed: what is stored follows. Never throws. */
  async applyPolicies(): Promise<void> {
    try {
      await this.#kept.applyPolicies();
    } catch (error) {
      this.#options.log.error({ reason: String(error) }, 'what is stored does not follow the new policies');
    }
  }

  async stats(): Promise<NodeStats> {
    const { store } = this.#fills;
    const { directories } = store.usage();
    return {
      nodeId: this.nodeId,
      uptimeMs: this.#options.clock.monotonicMs() - this.#startedAtMs,
      pages: sum(directories, ({ pages }) => pages),
      diskBytes: sum(directories, ({ bytes }) => bytes),
      diskBytesMax: sum(directories, ({ bytesMax }) => bytesMax),
      directories,
      memoryBytes: store.memory.sizeBytes,
      memoryBytesMax: store.memory.sizeBytesMax,
      infoMemoryEntries: this.#info.memoryCount,
      infoPersistentEntries: this.#info.persistent.count,
      fillsInFlight: this.#fills.fillsRunning,
      fencesOpen: this.#info.fences.openCount,
    };
  }

  /**
   * The mount's objects are gone from the namespace, or may be others when it comes back; or the lease has
   * lapsed: nothing that was learnt before is trusted.
   */
  forgetInfo(): void {
    this.#info.endTenure();
  }

  /** Waits for pages on their way to disk. */
  async close(): Promise<void> {
    await this.#fills.store.close();
    this.#info.close();
  }
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}
