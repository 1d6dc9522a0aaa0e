/** Whether members are as they were. */
import type { RenewalRequest, RingMember } from '@forebay/core/membership';

export function sameMembers(before: readonly RingMember[], now: readonly RingMember[]): boolean {
  return before.length === now.length && before.every((member, at) => isSame(member, now[at]!));
}

function isSame(a: RingMember, b: RingMember): boolean {
  return (
    a.nodeId === b.nodeId &&
    a.address === b.address &&
    a.weight === b.weight &&
    a.incarnation === b.incarnation &&
    a.state === b.state
  );
}

export function sameMember(before: RenewalRequest | undefined, now: RenewalRequest): boolean {
  return (
    before !== undefined &&
    before.address === now.address &&
    before.weight === now.weight &&
    before.wish === now.wish
  );
}
