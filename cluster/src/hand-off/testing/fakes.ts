/** Rings, a mount and peers for tests of hand-off, all in this process. */
import { setTimeout as wait } from 'node:timers/promises';
import type { OpenedPages, ReadQuestion, ReadRequest } from '@forebay/core/cache-node';
import type { Clock } from '@forebay/core/clock';
import { ForebayError } from '@forebay/core/errors';
import type { Epoch, RingMember } from '@forebay/core/membership';
import type { Mount } from '@forebay/core/mount';
import { type ObjectInfo, versionOf } from '@forebay/core/object';
import type { ObjectStat } from '@forebay/core/object-stat';
import { ringAlgorithm } from '@forebay/core/ring';
import type { PagePeer } from '../page-peer.ts';

export const KiB = 1024;
export const pageSizeBytes = 64 * KiB;

export const lake: Mount = {
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
};

export class FakeClock implements Clock {
  nowMs = 1_000;
  wallMs(): number {
    return this.nowMs;
  }
  monotonicMs(): number {
    return this.nowMs;
  }
}

export function memberOf(nodeId: string, state: RingMember['state'] = 'active'): RingMember {
  return { nodeId, address: `${nodeId}:9100`, weight: 1, incarnation: `${nodeId}-1`, state };
}

export function epochOf(
  number: number,
  members: readonly RingMember[],
  segmentBytes = 4 * pageSizeBytes,
): Epoch {
  return { number, registry: 'r1', ring: ringAlgorithm, segmentBytes, members };
}

/** What a peer does wrong with one answer. */
export type PeerFault =
  | 'none'
  | 'throws'
  | 'hangs'
  /** Ends, or stands still, after some of the bytes. */
  | 'short'
  | 'stalls'
  | 'breaks'
  /** More bytes than it said. */
  | 'long'
  /** An end that is not within the range. */
  | 'beyond'
  | 'before'
  /** A body of one piece of another length. */
  | 'odd-piece'
  /** It says bytes, and has no body. */
  | 'no-body';

/** A node with pages of versions in memory. */
export class FakePeer implements PagePeer {
  /** By `versionOf`: the whole object, and which of its pages are cached. */
  readonly versions = new Map<string, { info: ObjectInfo; bytes: Buffer; pages: ReadonlySet<number> }>();
  readonly asked: ReadRequest[] = [];
  readonly calls: { name: string; parameters: unknown }[] = [];
  bodiesOpen = 0;
  /** Of the next answer: what goes wrong, and after how many bytes. */
  fault: () => { kind: PeerFault; afterBytes: number } = () => ({ kind: 'none', afterBytes: 0 });
  onCall: (name: string, parameters: unknown) => unknown = () => undefined;

  has(info: ObjectInfo, bytes: Buffer, pages: Iterable<number>): void {
    this.versions.set(versionOf(info), { info, bytes, pages: new Set(pages) });
  }

  async read(request: ReadRequest): Promise<OpenedPages> {
    this.asked.push(request);
    const { kind, afterBytes } = this.fault();
    if (kind === 'throws') throw new ForebayError('node-unavailable', 'on purpose');
    if (kind === 'hangs') return await new Promise<never>(() => {});
    const { range } = request;
    const held = this.versions.get(versionOf(request.info));
    let endExclusive = range.start;
    const isHeld = (at: number) => held?.pages.has(Math.floor(at / pageSizeBytes)) === true;
    while (endExclusive < range.endExclusive && isHeld(endExclusive)) {
      endExclusive = Math.min(
        range.endExclusive,
        (Math.floor(endExclusive / pageSizeBytes) + 1) * pageSizeBytes,
      );
    }
    const total = Math.ceil(range.endExclusive / pageSizeBytes) - Math.floor(range.start / pageSizeBytes);
    const first = Math.floor(range.start / pageSizeBytes);
    const hit = [...(held?.pages ?? [])].filter((index) => index >= first && index < first + total).length;
    const answer = { nodeId: 'fake', pages: { hit, total } };
    if (endExclusive === range.start) return { ...answer, endExclusive, body: undefined };
    const bytes = held!.bytes.subarray(range.start, endExclusive);
    if (kind === 'beyond') return { ...answer, endExclusive: range.endExclusive + 1, body: bytes };
    if (kind === 'before') return { ...answer, endExclusive: range.start - 1, body: bytes };
    if (kind === 'no-body') return { ...answer, endExclusive, body: undefined };
    if (kind === 'odd-piece') return { ...answer, endExclusive, body: bytes.subarray(1) };
    return { ...answer, endExclusive, body: this.#bodyOf(bytes, kind, afterBytes % bytes.byteLength) };
  }

  async stat({ object }: ReadQuestion): Promise<ObjectStat> {
    const held = [...this.versions.values()].at(-1);
    const pages = { cached: held?.pages.size ?? 0, total: 0, cachedBytes: 0, places: [] };
    // Only what is looked at.
    return { object, info: held?.info, pages } as unknown as ObjectStat;
  }

  async call(name: string, parameters: unknown): Promise<unknown> {
    this.calls.push({ name, parameters: structuredClone(parameters) });
    return this.onCall(name, parameters);
  }

  async *#bodyOf(bytes: Buffer, kind: PeerFault, afterBytes: number): AsyncGenerator<Uint8Array> {
    this.bodiesOpen += 1;
    const lent = Buffer.alloc(10 * KiB);
    try {
      for (let at = 0; at < bytes.byteLength; ) {
        const isFaulty = kind !== 'none' && kind !== 'long';
        const limit = isFaulty && at < afterBytes ? afterBytes : bytes.byteLength;
        if (isFaulty && at >= afterBytes) {
          if (kind === 'short') return;
          if (kind === 'stalls') await wait(60_000, undefined, { ref: false });
          throw new ForebayError('node-unavailable', 'broken on purpose');
        }
        const length = bytes.copy(lent, 0, at, Math.min(limit, at + lent.byteLength));
        yield lent.subarray(0, length);
        // A piece is lent: what it held is gone by the time that the next one is asked for.
        lent.fill(0xee);
        at += length;
      }
      if (kind === 'long') yield Buffer.from('more');
    } finally {
      this.bodiesOpen -= 1;
    }
  }
}
