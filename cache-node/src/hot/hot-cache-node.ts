/**
 * A cache node as a worker process sees it: hits of hot objects are answered here, from the files and the
 * counters that all processes of the machine share; all else goes to the one that is home. An object is hot
 * when the same part of it is asked for again.
 */
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
import { ForebayError } from '@forebay/core/errors';
import type { Freed, FreeRequest } from '@forebay/core/freeing';
import type { Mount, ObjectRef } from '@forebay/core/mount';
import { versionOf } from '@forebay/core/object';
import type { ObjectStat } from '@forebay/core/object-stat';
import { type PageId, pagesOf } from '@forebay/core/page';
import type { ByteRange } from '@forebay/core/range';
import { LRUCache } from 'lru-cache';
import { BufferPool } from '../buffers/buffer-pool.ts';
import { ReadSample } from '../curve/read-sample.ts';
import type { CacheNodeMetrics } from '../metrics.ts';
import { HotBody } from './hot-body.ts';
import type { HotFacts, HotQuestion } from './hot-facts.ts';
import { type HotAnswer, type HotObjects, hotPagesMax } from './hot-objects.ts';
import { GatheredUses, type HotUses } from './hot-uses.ts';

export interface HotCacheNodeOptions {
  readonly home: CacheNode;
  readonly hot: HotObjects;
  /** Asks the home. @throws Error where it cannot be asked */
  readonly askFacts: (question: HotQuestion) => Promise<HotFacts | undefined>;
  readonly tellUses: (uses: HotUses) => void;
  readonly metrics: Pick<
    CacheNodeMetrics,
    'bytesServed' | 'mountBytesServed' | 'pageReads' | 'pageCorruptions' | 'countKnownInfo' | 'countMemoryHit'
  >;
  readonly clock: Clock;
}

/** Parts of objects that were asked for lately, and may be hot the next time. */
const seenMax = 16_384;
/** Questions to the home under way. */
const asksMax = 32;
/** Of buffers that nothing is read into now. */
const buffersKeptBytesMax = 16 * 1024 * 1024;
/** Where the home had nothing to tell, or not all of it. */
const askAgainMs = 500;

interface Seen {
  askedAtMs: number;
}

export class HotCacheNode implements CacheNode {
  readonly nodeId: string;
  /** A sample of the page reads that are answered here. */
  readonly reads = new ReadSample();
  readonly #options: HotCacheNodeOptions;
  readonly #uses: GatheredUses;
  readonly #seen = new LRUCache<string, Seen>({ max: seenMax });
  readonly #buffers = new BufferPool({ keptBytesMax: buffersKeptBytesMax });
  #asks = 0;

  constructor(options: HotCacheNodeOptions) {
    this.nodeId = options.home.nodeId;
    this.#options = options;
    this.#uses = new GatheredUses(options.tellUses);
  }

  openNow(request: OpenRequest): OpenedObject | undefined {
    const answer = this.#options.hot.answer(request);
    return answer && this.#taken(request, answer);
  }

  async open(request: OpenRequest): Promise<OpenedObject | AbsentObject> {
    const now = this.openNow(request);
    if (now) return now;
    const opened = await this.#options.home.open(request);
    if (opened.kind === 'object') this.#consider(request, opened);
    return opened;
  }

  openSoon(request: OpenRequest, done: OpenedSoon): (() => void) | undefined {
    return this.#options.home.openSoon?.(request, (opened, error) => {
      if (opened?.kind === 'object') this.#consider(request, opened);
      done(opened, error);
    });
  }

  beginWrite(objects: readonly ObjectRef[], fenceId: string): Promise<void> {
    return this.#options.home.beginWrite(objects, fenceId);
  }

  endWrite(objects: readonly ObjectRef[], fenceId: string, outcome: WriteOutcome): Promise<FenceReceipt> {
    return this.#options.home.endWrite(objects, fenceId, outcome);
  }

  beginBucketWrite(mount: Mount, fenceId: string): Promise<void> {
    return this.#options.home.beginBucketWrite(mount, fenceId);
  }

  endBucketWrite(mount: Mount, fenceId: string, outcome: WriteOutcome): Promise<FenceReceipt> {
    return this.#options.home.endBucketWrite(mount, fenceId, outcome);
  }

  stat(question: ReadQuestion): Promise<ObjectStat> {
    return this.#options.home.stat(question);
  }

  free(request: FreeRequest): Promise<Freed> {
    return this.#options.home.free(request);
  }

  stats(): Promise<NodeStats> {
    return this.#options.home.stats();
  }

  /** Tells the home of the last uses. */
  close(): void {
    this.#uses.flush();
    this.#options.hot.close();
  }

  #taken(request: OpenRequest, { opened, parts, set }: HotAnswer): OpenedObject {
    const { metrics } = this.#options;
    metrics.countKnownInfo('memory');
    const { range, condition } = opened;
    if (request.want === 'info' || condition !== 'met' || range === 'unsatisfiable') return opened;
    const [only] = parts;
    if (!only) return { ...opened, body: new Uint8Array(0) };
    const { mount } = request.object;
    this.#uses.used(set, this.#firstOf(range, mount), parts.length);
    this.reads.note(set, range, { sizeBytes: opened.info.sizeBytes, pageSizeBytes: mount.pageSizeBytes });
    if (parts.length === 1 && only.page instanceof Uint8Array) {
      const lengthBytes = only.endExclusive - only.start;
      metrics.countMemoryHit(mount.path, lengthBytes);
      this.#uses.served(mount, lengthBytes);
      const isWhole = lengthBytes === only.page.byteLength;
      return { ...opened, body: isWhole ? only.page : only.page.subarray(only.start, only.endExclusive) };
    }
    metrics.pageReads.inc({ result: 'hit' }, parts.length);
    const body = new HotBody({
      parts,
      buffers: this.#buffers,
      onServed: (source, bytes) => this.#onServed(mount, source, bytes),
      restFromHome: (afterBytes, badPart) => {
        if (badPart !== undefined) this.#onBadPage({ set, index: this.#firstOf(range, mount) + badPart });
        return this.#restFromHome(request, opened, { ...range, start: range.start + afterBytes });
      },
    });
    return { ...opened, body };
  }

  #firstOf({ start }: ByteRange, { pageSizeBytes }: Mount): number {
    return Math.floor(start / pageSizeBytes);
  }

  #onBadPage(page: PageId): void {
    this.#options.metrics.pageCorruptions.inc();
    this.#options.hot.dropPage(page);
  }

  #onServed(mount: Mount, source: 'memory' | 'disk', bytes: number): void {
    const { metrics } = this.#options;
    metrics.bytesServed.inc({ source }, bytes);
    metrics.mountBytesServed.inc({ mount: mount.path }, bytes);
    this.#uses.served(mount, bytes);
  }

  /** @throws ForebayError `version-changed`: the answer cannot go on */
  async #restFromHome(
    request: OpenRequest,
    { info }: OpenedObject,
    range: ByteRange,
  ): Promise<AsyncIterator<Uint8Array>> {
    const { object, signal } = request;
    const rest = await this.#options.home.open({
      object,
      want: 'bytes',
      range: { kind: 'span', ...range },
      signal,
    });
    const body = rest.kind === 'object' ? rest.body : undefined;
    if (!body || rest.kind !== 'object' || versionOf(rest.info) !== versionOf(info)) {
      if (body && !(body instanceof Uint8Array)) await body[Symbol.asyncIterator]().return?.();
      throw new ForebayError('version-changed', 'the object changed while it was read');
    }
    return body instanceof Uint8Array ? one(body) : body[Symbol.asyncIterator]();
  }

  /** What the home answered may be asked for again: the second time it becomes hot. */
  #consider({ object }: OpenRequest, { range, condition, cache }: OpenedObject): void {
    if (object.mount.freshness === 'always' || cache === 'BYPASS' || cache === 'STALE') return;
    const isBytes = condition === 'met' && range !== 'unsatisfiable' && range.start < range.endExclusive;
    const { first, endExclusive } = isBytes
      ? pagesOf(range, object.mount.pageSizeBytes)
      : { first: 0, endExclusive: 0 };
    if (endExclusive - first > hotPagesMax) return;
    const name = `${object.mount.path}\0${object.mount.bucket}\0${object.ufsKey}\0${object.versionId ?? ''}\0${first}`;
    const seen = this.#seen.get(name);
    if (!seen) {
      this.#seen.set(name, { askedAtMs: Number.NEGATIVE_INFINITY });
      return;
    }
    const nowMs = this.#options.clock.monotonicMs();
    if (this.#asks >= asksMax || nowMs - seen.askedAtMs < askAgainMs) return;
    seen.askedAtMs = nowMs;
    this.#asks += 1;
    this.#learn({ object, first, endExclusive }, nowMs)
      // A home that cannot be asked is no reason to fail: there is nothing hot then.
      .catch(() => {})
      .finally(() => {
        this.#asks -= 1;
      });
  }

  async #learn(question: HotQuestion, askedAtMs: number): Promise<void> {
    const facts = await this.#options.askFacts(question);
    if (!facts) return;
    this.#uses.learned(facts.set, question.first, question.endExclusive - question.first);
    await this.#options.hot.learn(question.object, facts, askedAtMs);
  }
}

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
