/**
 * The ring: which nodes hold what, by weighted rendezvous hashing. Equal epochs give equal rings in every
 * process, in whatever order the members stand. A node that joins or leaves moves only what becomes its own,
 * or was (docs/decisions/0017-ring.md).
 */
import type { Epoch, RingMember } from './membership.ts';
import { type Hash64, hash64, hashInto } from './string-hash.ts';

/** Part of the epoch: whoever places by another rule must not act by it. */
export const ringAlgorithm = 'rendezvous-1';

export interface Ring {
  readonly epoch: Epoch;
  /** The owner and its successors, each once; fewer where there are fewer active members. */
  ownersOf(placementKey: string, count: number): readonly RingMember[];
  /** The first owner; undefined where no member is active. */
  homeOf(placementKey: string): RingMember | undefined;
}

/** The key by which a part of an object is placed: the first one with the object's info. */
export function segmentKeyOf(placementKey: string, segment: number): string {
  return segment === 0 ? placementKey : `${placementKey}\0${segment}`;
}

const rings = new WeakMap<Epoch, Ring>();

/** One and the same for an epoch: who routes by it, who is home by it and who hands over share it. */
export function ringOf(epoch: Epoch): Ring {
  const known = rings.get(epoch);
  if (known) return known;
  const ring = new RendezvousRing(epoch);
  rings.set(epoch, ring);
  return ring;
}

/** A power of two. One request asks for its key several times, and many ask for the same few. */
const rememberedKeys = 2 ** 12;

class RendezvousRing implements Ring {
  readonly epoch: Epoch;
  readonly #members: readonly RingMember[];
  readonly #seedsHigh: Int32Array;
  readonly #seedsLow: Int32Array;
  readonly #weights: Float64Array;
  readonly #key: Hash64 = { high: 0, low: 0 };
  /** Homes of keys asked for before, at the place that the hash gives. Equal hashes have equal homes. */
  readonly #rememberedHigh = new Int32Array(rememberedKeys);
  readonly #rememberedLow = new Int32Array(rememberedKeys);
  readonly #rememberedHomes: (RingMember | undefined)[] = [];

  constructor(epoch: Epoch) {
    this.epoch = epoch;
    const active = epoch.members.filter(({ state }) => state === 'active');
    this.#members = active.sort((a, b) => (a.nodeId < b.nodeId ? -1 : 1));
    const seeds = this.#members.map(({ nodeId }) => hash64(nodeId));
    this.#seedsHigh = Int32Array.from(seeds, ({ high }) => high);
    this.#seedsLow = Int32Array.from(seeds, ({ low }) => low);
    this.#weights = Float64Array.from(this.#members, ({ weight }) => weight);
  }

  homeOf(placementKey: string): RingMember | undefined {
    hashInto(placementKey, this.#key);
    const { high, low } = this.#key;
    const place = low & (rememberedKeys - 1);
    if (this.#rememberedHigh[place] === high && this.#rememberedLow[place] === low) {
      const remembered = this.#rememberedHomes[place];
      if (remembered) return remembered;
    }
    const home = this.#first(high, low);
    this.#rememberedHigh[place] = high;
    this.#rememberedLow[place] = low;
    this.#rememberedHomes[place] = home;
    return home;
  }

  ownersOf(placementKey: string, count: number): readonly RingMember[] {
    if (count === 1) {
      const home = this.homeOf(placementKey);
      return home ? [home] : [];
    }
    hashInto(placementKey, this.#key);
    return count > 0 ? this.#best(this.#key, Math.min(count, this.#members.length)) : [];
  }

  #first(high: number, low: number): RingMember | undefined {
    const weights = this.#weights;
    let [bound, first] = [Number.POSITIVE_INFINITY, -1];
    for (let at = 0; at < weights.length; at += 1) {
      const drawn = draw(high ^ this.#seedsHigh[at]!, low ^ this.#seedsLow[at]!);
      // The least that it can score: nearly all are out without a logarithm.
      if (drawn >= bound * weights[at]!) continue;
      const score = scoreOf(drawn, weights[at]!);
      if (score < bound) [bound, first] = [score, at];
    }
    return this.#members[first];
  }

  /** The members with the lowest scores, in order. */
  #best({ high, low }: Hash64, count: number): RingMember[] {
    const weights = this.#weights;
    const [scores, best]: [number[], number[]] = [[], []];
    let bound = Number.POSITIVE_INFINITY;
    for (let member = 0; member < weights.length; member += 1) {
      const drawn = draw(high ^ this.#seedsHigh[member]!, low ^ this.#seedsLow[member]!);
      if (drawn >= bound * weights[member]!) continue;
      const score = scoreOf(drawn, weights[member]!);
      if (score >= bound) continue;
      let at = Math.min(best.length, count - 1);
      for (; at > 0 && scores[at - 1]! > score; at -= 1) {
        scores[at] = scores[at - 1]!;
        best[at] = best[at - 1]!;
      }
      scores[at] = score;
      best[at] = member;
      if (best.length === count) bound = scores[count - 1]!;
    }
    return best.map((member) => this.#members[member]!);
  }
}

const drawsOf = 2 ** 32;

/** What a member draws for a key: a whole number under 2^32, independent of every other member's. */
function draw(high: number, low: number): number {
  let mixed = Math.imul(low ^ high ^ (low >>> 15), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/**
 * The lowest wins. It is the draw turned into a waiting time, of an exponential distribution with the
 * member's weight as its rate: each of several is the first in proportion to its weight. Never less than
 * `drawn / weight`.
 */
function scoreOf(drawn: number, weight: number): number {
  return (-Math.log1p(-drawn / drawsOf) * drawsOf) / weight;
}
