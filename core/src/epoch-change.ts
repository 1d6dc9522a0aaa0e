/**
 * An epoch as it travels to somebody who has another one already: most of thousands of members stay what they
 * were, and are not told again.
 */
import type { Epoch, Membership, RingMember } from './membership.ts';

export interface EpochChange extends Omit<Epoch, 'members'> {
  /** Number of the epoch that this one changes; of the same registry. */
  readonly after: number;
  /** Node ids of members that are none any more. */
  readonly gone: readonly string[];
  /** New members, and those that are not what they were. */
  readonly changed: readonly RingMember[];
}

/** `yours`: the one that the receiver said it has. */
export type WireEpoch = Epoch | EpochChange | 'yours';

export interface WireMembership extends Omit<Membership, 'epoch'> {
  readonly epoch: WireEpoch;
}

/** @param known of the receiver; undefined: none, or one that is not at hand any more */
export function wireEpochOf(epoch: Epoch, known: Epoch | undefined): WireEpoch {
  if (known?.registry !== epoch.registry) return epoch;
  if (known.number === epoch.number) return 'yours';
  const { members, ...same } = epoch;
  const before = new Map(known.members.map((member) => [member.nodeId, member]));
  const changed = members.filter((member) => {
    const was = before.get(member.nodeId);
    before.delete(member.nodeId);
    return was === undefined || !isSame(was, member);
  });
  return { ...same, after: known.number, gone: [...before.keys()], changed };
}

/** @param known that was said to be there. @throws Error where the text is about another one */
export function epochOf(wire: WireEpoch, known: Epoch | undefined): Epoch {
  if (wire !== 'yours' && 'members' in wire) return wire;
  const isMeant =
    known && (wire === 'yours' || (wire.after === known.number && wire.registry === known.registry));
  if (!isMeant) throw new Error('the registry speaks of an epoch that is not known here');
  if (wire === 'yours') return known;
  const { after: _, gone, changed, ...same } = wire;
  const left = new Set([...gone, ...changed.map(({ nodeId }) => nodeId)]);
  const members = [...known.members.filter(({ nodeId }) => !left.has(nodeId)), ...changed];
  return { ...same, members: members.sort((a, b) => (a.nodeId < b.nodeId ? -1 : 1)) };
}

function isSame(a: RingMember, b: RingMember): boolean {
  return (
    a.incarnation === b.incarnation && a.state === b.state && a.weight === b.weight && a.address === b.address
  );
}
