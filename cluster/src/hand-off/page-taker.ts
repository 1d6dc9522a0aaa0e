/**
 * Takes over pages that another node offers: those that are missing here are read from it, within the rate,
 * and stored. Nothing is asked of the UFS and no info is installed. What goes wrong leaves pages where they
 * are; they come with the next offer, or when somebody reads them.
 */

import type { KeptPages } from '@forebay/core/kept-pages';
import type { RingMember } from '@forebay/core/membership';
import type { ObjectRef } from '@forebay/core/mount';
import type { ObjectInfo } from '@forebay/core/object';
import { pageLengthBytes } from '@forebay/core/page';
import type { ByteRate } from './byte-rate.ts';
import type { ExpectedVersions } from './expected-versions.ts';
import type { FormerOwners } from './former-owners.ts';
import type { HandOffMetrics } from './metrics.ts';
import { type OfferedObject, offeredInfo, offerIn, type PageRun } from './offer.ts';
import type { PagePeers, PeerBody, PeerResult } from './page-peer.ts';

export interface PageTakerOptions {
  readonly former: FormerOwners;
  readonly peers: PagePeers;
  readonly pages: KeptPages;
  readonly expected: ExpectedVersions;
  readonly rate: ByteRate;
  readonly metrics: HandOffMetrics;
}

/** Objects of one offer at a time. */
const objectsAtOnce = 4;

export interface Taken {
  readonly bytes: number;
  readonly isLeft: boolean;
}

interface Version {
  readonly object: ObjectRef;
  readonly info: ObjectInfo;
}

interface Taking {
  readonly from: RingMember;
  readonly signal: AbortSignal;
  readonly taken: { bytes: number; isLeft: boolean };
}

export class PageTaker {
  readonly #options: PageTakerOptions;

  constructor(options: PageTakerOptions) {
    this.#options = options;
  }

  /**
   * @returns bytes taken, and whether some that could be had are left
   * @throws Error where it is no offer, or of no member; the signal's reason
   */
  async take(parameters: unknown, signal: AbortSignal): Promise<Taken> {
    const offer = offerIn(parameters);
    const from = this.#options.former.memberOf(offer.from);
    if (!from) throw new Error('an offer of a node that is no member');
    const taken = { bytes: 0, isLeft: false };
    const left = [...offer.objects];
    const work = async () => {
      for (let of = left.shift(); of; of = left.shift()) {
        signal.throwIfAborted();
        await this.#takeObject({ from, signal, taken }, of);
      }
    };
    await Promise.all(Array.from({ length: objectsAtOnce }, work));
    return taken;
  }

  async #takeObject(taking: Taking, of: OfferedObject): Promise<void> {
    const { pages, expected } = this.#options;
    const object = pages.find(of.path, of.mountPath);
    const { runs, pageSizeBytes } = of;
    if (!object || object.mount.pageSizeBytes !== pageSizeBytes) {
      this.#count('refused', countOf(runs));
      return;
    }
    const version = { object, info: offeredInfo(of) };
    expected.note(object, version.info);
    for (const [first, endExclusive] of runs) {
      for (let at = first; at < endExclusive; ) {
        const end = this.#missingEnd(version, at, endExclusive);
        if (end > at) await this.#takeRun(taking, version, [at, end]);
        else this.#count('had', 1);
        at = Math.max(end, at + 1);
      }
    }
  }

  #missingEnd({ object, info }: Version, first: number, limit: number): number {
    let end = first;
    while (end < limit && !this.#options.pages.has(object, info, end)) end += 1;
    return end;
  }

  async #takeRun(taking: Taking, { object, info }: Version, [first, endExclusive]: PageRun): Promise<void> {
    const { peers, rate, pages } = this.#options;
    const { from, signal, taken } = taking;
    const { pageSizeBytes } = object.mount;
    const start = first * pageSizeBytes;
    const range = { start, endExclusive: Math.min(info.sizeBytes, endExclusive * pageSizeBytes) };
    await rate.takeInTurn(0, signal);
    const told = (result: PeerResult) => {
      if (result === 'failed' || result === 'busy') taken.isLeft = true;
    };
    const body = await peers.open(from, { object, info, range }, { signal, told });
    let index = first;
    try {
      for (; body && index < endExclusive; index += 1) {
        const lengthBytes = pageLengthBytes(index, info.sizeBytes, pageSizeBytes);
        const bytes = await this.#pageOf(body, lengthBytes, taking);
        if (!bytes) break;
        taken.bytes += lengthBytes;
        if (await pages.put({ object, info, index, bytes })) this.#count('taken', 1);
        else this.#count('refused', 1);
      }
    } finally {
      await body?.close();
    }
    this.#count('gone', endExclusive - index);
  }

  /** A whole page; undefined where there is no more, or no more can be had now. */
  async #pageOf(body: PeerBody, lengthBytes: number, { signal, taken }: Taking): Promise<Buffer | undefined> {
    const { rate, metrics } = this.#options;
    const page = Buffer.allocUnsafe(lengthBytes);
    let filled = 0;
    while (filled < lengthBytes) {
      const piece = await body.nextUpTo(lengthBytes - filled).catch(() => {
        taken.isLeft = true;
        return undefined;
      });
      if (!piece) return undefined;
      page.set(piece, filled);
      filled += piece.byteLength;
      metrics.peerBytes.inc({ use: 'hand_off' }, piece.byteLength);
      await rate.takeInTurn(piece.byteLength, signal);
    }
    return page;
  }

  #count(result: 'taken' | 'had' | 'gone' | 'refused', pages: number): void {
    if (pages > 0) this.#options.metrics.handedPages.inc({ result }, pages);
  }
}

function countOf(runs: OfferedObject['runs']): number {
  return runs.reduce((sum, [first, endExclusive]) => sum + endExclusive - first, 0);
}
