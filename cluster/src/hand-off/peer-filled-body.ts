/**
 * The bytes of a range of one version: for each part from the nodes that may have its pages, one after the
 * other, and what none of them has from the UFS. Whoever breaks off is taken up by the next at the exact
 * offset.
 */
import { ForebayError } from '@forebay/core/errors';
import type { RingMember } from '@forebay/core/membership';
import type { ObjectRef } from '@forebay/core/mount';
import { type ObjectInfo, versionOf } from '@forebay/core/object';
import type { ByteRange } from '@forebay/core/range';
import type { Ufs, UfsReadOptions } from '@forebay/ufs/ufs';
import type { UfsOrigin } from '@forebay/ufs/ufs-origin';
import type { PagePeers, PeerBody, PeerResult } from './page-peer.ts';

export interface FilledPart extends ByteRange {
  /** Who may have its pages, to be asked in this order. */
  readonly owners: readonly RingMember[];
}

export interface PeerFilledOptions {
  readonly object: ObjectRef;
  readonly info: ObjectInfo & { readonly etag: string };
  /** Neighbours, in order. */
  readonly parts: readonly FilledPart[];
  readonly peers: PagePeers;
  readonly ufs: Pick<Ufs, 'get'>;
  readonly options: Pick<UfsReadOptions, 'versionId' | 'signal'>;
  told(result: PeerResult): void;
  /** Bytes that came from a peer. */
  took(bytes: number): void;
}

/** Pages that are fetched alone, of one body: a request to the UFS for each. */
const holesMax = 16;

/** The UFS's answer for a run of parts, cut to it. */
interface StoreRead {
  readonly iterator: AsyncIterator<Uint8Array>;
  readonly endExclusive: number;
  /** Before the run, where the store sends more than was asked for. */
  skipBytes: number;
}

export class PeerFilledBody implements AsyncIterableIterator<Uint8Array> {
  readonly range: ByteRange;
  origin: UfsOrigin = 'ufs';
  readonly #of: PeerFilledOptions;
  #offset: number;
  #part = 0;
  /** Owners of the part that were asked already. */
  #asked = 0;
  #peer: PeerBody | undefined;
  #store: StoreRead | undefined;
  /** A node has pages behind those that it has not. */
  #isHole = false;
  #holes = 0;
  #isOver = false;

  constructor(options: PeerFilledOptions) {
    this.#of = options;
    const start = options.parts[0]!.start;
    this.range = { start, endExclusive: options.parts.at(-1)!.endExclusive };
    this.#offset = start;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Finds who has the first bytes. @throws what the UFS throws */
  async begin(): Promise<void> {
    try {
      while (!this.#peer && !this.#store) await this.#openNext();
    } catch (error) {
      await this.return();
      throw error;
    }
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    try {
      while (!this.#isOver && this.#offset < this.range.endExclusive) {
        const bytes = await this.#piece();
        if (!bytes) continue;
        this.#offset += bytes.byteLength;
        return { done: false, value: bytes };
      }
      // Read to their very ends, connections serve the next request.
      await this.#peer?.next().catch(() => {});
      if (!this.#isOver) await this.#store?.iterator.next();
    } catch (error) {
      await this.return();
      throw error;
    }
    return this.return();
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#isOver = true;
    const [peer, store] = [this.#peer, this.#store];
    this.#peer = undefined;
    this.#store = undefined;
    await peer?.close();
    await store?.iterator.return?.();
    return { done: true, value: undefined };
  }

  /** Some bytes, or undefined: somebody else is next. */
  async #piece(): Promise<Uint8Array | undefined> {
    if (this.#peer) return this.#fromPeer(this.#peer);
    if (this.#store) return this.#fromStore(this.#store);
    await this.#openNext();
    return undefined;
  }

  async #fromPeer(peer: PeerBody): Promise<Uint8Array | undefined> {
    try {
      const bytes = await peer.next();
      if (bytes) this.#of.took(bytes.byteLength);
      else {
        this.#isHole ||= peer.hasMore;
        this.#peer = undefined;
      }
      return bytes;
    } catch {
      this.#peer = undefined;
      this.#of.told('failed');
      return undefined;
    }
  }

  async #fromStore(store: StoreRead): Promise<Uint8Array | undefined> {
    const leftBytes = store.endExclusive - this.#offset;
    if (leftBytes === 0) {
      this.#store = undefined;
      // What it says it sends may be more than this run.
      await store.iterator.return?.();
      return undefined;
    }
    const { done, value } = await store.iterator.next();
    if (done) throw new ForebayError('ufs-unavailable', 'the UFS sent less than it announced');
    const skipped = Math.min(store.skipBytes, value.byteLength);
    store.skipBytes -= skipped;
    const bytes = value.subarray(skipped, skipped + leftBytes);
    return bytes.byteLength > 0 ? bytes : undefined;
  }

  async #openNext(): Promise<void> {
    const { parts, peers, object, info, options, told } = this.#of;
    while (parts[this.#part]!.endExclusive <= this.#offset) {
      this.#part += 1;
      this.#asked = 0;
    }
    const part = parts[this.#part]!;
    const owner = part.owners[this.#asked];
    this.#asked += 1;
    if (!owner) return this.#openStore();
    const range = { start: this.#offset, endExclusive: part.endExclusive };
    this.#peer = await peers.open(owner, { object, info, range }, { signal: options.signal, told });
    if (this.#peer) this.origin = 'peer';
    if (this.#isOver) await this.return();
  }

  /**
   * For what is left of this part, and for the parts behind it of which nobody else may have anything; for
   * one page where others have what follows it.
   */
  async #openStore(): Promise<void> {
    const { parts, ufs, object, info, options } = this.#of;
    let last = this.#part;
    while (parts[last + 1]?.owners.length === 0) last += 1;
    let { endExclusive } = parts[last]!;
    const start = this.#offset;
    if (this.#isHole && this.#holes < holesMax) {
      const { pageSizeBytes } = object.mount;
      endExclusive = Math.min(endExclusive, (Math.floor(start / pageSizeBytes) + 1) * pageSizeBytes);
      this.#holes += 1;
      this.#asked = 0;
    }
    this.#isHole = false;
    const range = { kind: 'span', start, endExclusive } as const;
    const opened = await ufs.get(object.ufsKey, { ...options, range, ifMatch: info.etag, known: info });
    const iterator = opened.body[Symbol.asyncIterator]();
    this.#store = { iterator, endExclusive, skipBytes: start - opened.range.start };
    this.origin = 'ufs';
    if (versionOf(opened.info) !== versionOf(info)) {
      throw new ForebayError('version-changed', 'the object at the UFS is no longer the version asked for');
    }
    if (this.#store.skipBytes < 0 || opened.range.endExclusive < endExclusive) {
      throw new ForebayError('ufs-unavailable', 'the UFS answered with another range');
    }
    if (this.#isOver) await this.return();
  }
}
