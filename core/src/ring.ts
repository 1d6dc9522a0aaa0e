/**
 * The ring: which nodes hold what, by consistent hashing. Equal epochs give equal rings in every process.
 */
import { createHash } from 'node:crypto';
import type { Epoch, RingMember } from './membership.ts';

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

export function ringOf(epoch: Epoch): Ring {
  const active = epoch.members.filter(({ state }) => state === 'active');
  const scoreOf = ({ nodeId, weight }: RingMember, key: string) => {
    const hash = createHash('sha256').update(`${nodeId}\0${key}`).digest().readUIntBE(0, 6);
    return -weight / Math.log((hash + 1) / (2 ** 48 + 2));
  };
  const ownersOf = (placementKey: string, count: number) =>
    active
      .map((member) => ({ member, score: scoreOf(member, placementKey) }))
      .sort((a, b) => b.score - a.score)
      .slice(0, count)
      .map(({ member }) => member);
  return { epoch, ownersOf, homeOf: (placementKey) => ownersOf(placementKey, 1)[0] };
}
