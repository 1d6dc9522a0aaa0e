/**
 * Another node as a source of pages: asked within bounds, and left alone for a while after it failed. What it
 * sends is counted byte by byte, so that nobody gets more or less than was asked for.
 */
import type { OpenedPages, PageOwner, ReadQuestion } from '@forebay/core/cache-node';
import type { Clock } from '@forebay/core/clock';
import { ForebayError } from '@forebay/core/errors';
import type { RingMember } from '@forebay/core/membership';
import type { ObjectRef } from '@forebay/core/mount';
import type { ObjectInfo } from '@forebay/core/object';
import type { ObjectStat } from '@forebay/core/object-stat';
import { pagesOf } from '@forebay/core/page';
import type { ByteRange } from '@forebay/core/range';

/** What hand-off needs of a node elsewhere. */
export interface PagePeer extends Pick<PageOwner, 'read' | 'stat'> {
  /** An operation beside the contract; parameters and result are JSON. */
  call(name: string, parameters: unknown, options?: { readonly signal?: AbortSignal }): Promise<unknown>;
}

/** @throws where the node cannot be reached */
export type PeerOf = (member: RingMember) => Promise<PagePeer>;

export interface PagePeersOptions {
  readonly peerOf: PeerOf;
  readonly clock: Clock;
  /** Reads of all peers at a time. */
  readonly inFlightMax: number;
  /** Until it answers, and between two pieces of a body: longer, and the UFS is quicker. */
  readonly answerMs: number;
  readonly silenceMs: number;
}

export interface PagesWanted {
  readonly object: ObjectRef;
  /** With a strong ETag. */
  readonly info: ObjectInfo;
  readonly range: ByteRange;
}

export type PeerResult = 'hit' | 'partial' | 'miss' | 'failed' | 'busy';

const nothing = new Uint8Array(0);
const pauseMsMin = 1_000;
const pauseMsMax = 60_000;

interface Failing {
  readonly pauseMs: number;
  readonly untilMs: number;
}

export class PagePeers {
  readonly #options: PagePeersOptions;
  /** By node and incarnation: one that was started anew is asked at once. */
  readonly #failing = new Map<string, Failing>();
  #inFlight = 0;

  constructor(options: PagePeersOptions) {
    this.#options = options;
  }

  /** Whether it is worth asking now. */
  answers(member: RingMember): boolean {
    const failing = this.#failing.get(nameOf(member));
    return !failing || failing.untilMs <= this.#options.clock.monotonicMs();
  }

  /**
   * Of the range what the node has cached of its beginning; undefined where it has nothing of it, is not
   * asked now, or fails. `told` hears which, once the answer is known. @throws the signal's reason
   */
  async open(
    member: RingMember,
    wanted: PagesWanted,
    { signal, told }: { readonly signal?: AbortSignal | undefined; told(result: PeerResult): void },
  ): Promise<PeerBody | undefined> {
    if (this.#inFlight >= this.#options.inFlightMax || !this.answers(member)) {
      told('busy');
      return undefined;
    }
    this.#inFlight += 1;
    const left = new AbortController();
    const leave = () => left.abort(signal?.reason);
    signal?.addEventListener('abort', leave, { once: true });
    const over = () => {
      signal?.removeEventListener('abort', leave);
      this.#inFlight -= 1;
    };
    try {
      const opened = await this.#ask(member, left, (peer) =>
        peer.read({ ...wanted, cachedOnly: true, signal: left.signal }),
      );
      const body = new PeerBody(opened, wanted, {
        silenceMs: this.#options.silenceMs,
        left,
        over,
        onFailure: () => this.#failed(member),
      });
      told(resultOf(opened, wanted.range));
      if (opened.endExclusive > wanted.range.start || body.hasMore) return body;
      await body.close();
    } catch {
      over();
      left.abort();
      signal?.throwIfAborted();
      this.#failed(member);
      told('failed');
    }
    return undefined;
  }

  /** What the node knows of an object; undefined where it gives no answer. Never throws. */
  async stat(member: RingMember, question: ReadQuestion): Promise<ObjectStat | undefined> {
    if (!this.answers(member)) return undefined;
    try {
      return await this.#ask(member, new AbortController(), (peer) => peer.stat(question));
    } catch {
      this.#failed(member);
      return undefined;
    }
  }

  /** @throws what the node throws; ForebayError `node-unavailable` */
  async call(member: RingMember, name: string, parameters: unknown, signal: AbortSignal): Promise<unknown> {
    return (await this.#options.peerOf(member)).call(name, parameters, { signal });
  }

  async #ask<T>(member: RingMember, left: AbortController, ask: (peer: PagePeer) => Promise<T>): Promise<T> {
    const answer = await within(this.#options.answerMs, left, async () =>
      ask(await this.#options.peerOf(member)),
    );
    this.#failing.delete(nameOf(member));
    return answer;
  }

  #failed(member: RingMember): void {
    const name = nameOf(member);
    const nowMs = this.#options.clock.monotonicMs();
    const before = this.#failing.get(name);
    // What was under way together fails together, and counts once.
    if (before && before.untilMs > nowMs) return;
    const pauseMs = Math.min(pauseMsMax, (before?.pauseMs ?? pauseMsMin / 2) * 2);
    for (const [known, { untilMs }] of this.#failing) {
      if (untilMs + pauseMsMax < nowMs) this.#failing.delete(known);
    }
    this.#failing.set(name, { pauseMs, untilMs: nowMs + pauseMs });
  }
}

/** The bytes that a peer sends, exactly as many as it said. */
export class PeerBody {
  readonly endExclusive: number;
  /** It has pages behind some that it has not. */
  readonly hasMore: boolean;
  readonly #iterator: AsyncIterator<Uint8Array> | undefined;
  readonly #how: {
    readonly silenceMs: number;
    readonly left: AbortController;
    over(): void;
    onFailure(): void;
  };
  #whole: Uint8Array | undefined;
  #leftBytes: number;
  /** Of the piece that is lent. */
  #rest: Uint8Array = nothing;
  #isOver = false;

  /** @throws ForebayError where the answer does not fit the question */
  constructor(
    { endExclusive, body, pages }: OpenedPages,
    { range, object }: PagesWanted,
    how: { readonly silenceMs: number; readonly left: AbortController; over(): void; onFailure(): void },
  ) {
    const isFitting = Number.isInteger(endExclusive) && endExclusive <= range.endExclusive;
    this.#leftBytes = endExclusive - range.start;
    const isWhole = body instanceof Uint8Array;
    const isLength = !isWhole || body.byteLength === this.#leftBytes;
    if (!isFitting || this.#leftBytes < 0 || !isLength || (this.#leftBytes > 0 && !body)) {
      leaveBody(body);
      throw new ForebayError('node-unavailable', 'a node answered with other pages than it was asked for');
    }
    this.endExclusive = endExclusive;
    const sent = { start: range.start, endExclusive };
    this.hasMore = pages.hit > (this.#leftBytes === 0 ? 0 : pageCountOf(sent, object.mount.pageSizeBytes));
    this.#how = how;
    this.#whole = isWhole ? body : undefined;
    this.#iterator = isWhole ? undefined : body?.[Symbol.asyncIterator]();
  }

  /**
   * The next bytes, lent until the next call; undefined: those were all. @throws ForebayError
   * `node-unavailable` where the node breaks off, hangs, or sends another count; it is closed then
   */
  async next(): Promise<Uint8Array | undefined> {
    if (this.#isOver) return undefined;
    try {
      for (;;) {
        const bytes = await this.#piece();
        if ((bytes?.byteLength ?? 0) > this.#leftBytes || (!bytes && this.#leftBytes > 0)) {
          throw new ForebayError('node-unavailable', 'a node sent another count of bytes than it said');
        }
        if (!bytes) {
          this.#end();
          return undefined;
        }
        this.#leftBytes -= bytes.byteLength;
        if (bytes.byteLength > 0) return bytes;
      }
    } catch (cause) {
      this.#how.onFailure();
      await this.close();
      throw new ForebayError('node-unavailable', 'a node broke off in the middle of pages', { cause });
    }
  }

  /** The same, no more than so many bytes at once. */
  async nextUpTo(bytesMax: number): Promise<Uint8Array | undefined> {
    const bytes = this.#rest.byteLength > 0 ? this.#rest : await this.next();
    this.#rest = bytes?.subarray(bytesMax) ?? nothing;
    return bytes?.subarray(0, bytesMax);
  }

  async close(): Promise<void> {
    if (this.#isOver) return;
    this.#end();
    this.#how.left.abort();
    leaveIterator(this.#iterator);
  }

  async #piece(): Promise<Uint8Array | undefined> {
    if (!this.#iterator) {
      const whole = this.#whole;
      this.#whole = undefined;
      return whole;
    }
    const iterator = this.#iterator;
    const { silenceMs, left } = this.#how;
    const { done, value } = await within(silenceMs, left, () => iterator.next());
    return done ? undefined : value;
  }

  #end(): void {
    this.#isOver = true;
    this.#how.over();
  }
}

function pageCountOf(range: ByteRange, pageSizeBytes: number): number {
  const { first, endExclusive } = pagesOf(range, pageSizeBytes);
  return endExclusive - first;
}

function nameOf({ nodeId, incarnation }: RingMember): string {
  return `${nodeId} ${incarnation}`;
}

function resultOf({ endExclusive }: OpenedPages, range: ByteRange): PeerResult {
  if (endExclusive === range.endExclusive) return 'hit';
  return endExclusive > range.start ? 'partial' : 'miss';
}

function leaveBody(body: OpenedPages['body']): void {
  if (body && !(body instanceof Uint8Array)) leaveIterator(body[Symbol.asyncIterator]());
}

/** Not waited for: a body that hangs does so in its end as well. */
function leaveIterator(iterator: AsyncIterator<Uint8Array> | undefined): void {
  void Promise.resolve(iterator?.return?.()).catch(() => {});
}

/** @throws ForebayError `node-unavailable` where it takes longer, and then `left` is aborted */
function within<T>(ms: number, left: AbortController, run: () => Promise<T>): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new ForebayError('node-unavailable', `a node gave no answer within ${ms} ms`));
      left.abort();
    }, ms);
    const onAbort = () => reject(left.signal.reason);
    left.signal.addEventListener('abort', onAbort, { once: true });
    run()
      .then(resolve, reject)
      .finally(() => {
        clearTimeout(timer);
        left.signal.removeEventListener('abort', onAbort);
      });
  });
}
