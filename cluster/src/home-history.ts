/**
 * The members of the last epochs: whether this process has been the home of a key in every one of them. Of
 * all that were a member since some epoch one ring is made. Who is first in that one was first in each; and
 * it is one look however many epochs there were.
 */
import type { Epoch, RingMember } from '@forebay/core/membership';
import { type Ring, ringOf } from '@forebay/core/ring';

/** A key whose home is asked about further back counts as having had another one. */
const epochsKept = 256;

export class HomeHistory {
  readonly #isThis: (member: RingMember | undefined) => boolean;
  /** Of consecutive epochs, the newest last. */
  #members: (readonly RingMember[])[] = [];
  #newest: Epoch | undefined;
  #since: { readonly first: number; readonly ring: Ring | undefined } | undefined;

  constructor(isThis: (member: RingMember | undefined) => boolean) {
    this.#isThis = isThis;
  }

  /** @param follows the epoch before is the newest here */
  take(epoch: Epoch, follows: boolean): void {
    const kept = follows ? this.#members.slice(1 - epochsKept) : [];
    this.#members = [...kept, epoch.members];
    this.#newest = epoch;
    this.#since = undefined;
  }

  /** In every epoch from this one on; no where it is not known. */
  wasHomeSince(placementKey: string, first: number): boolean {
    if (this.#since?.first !== first) this.#since = { first, ring: this.#ringSince(first) };
    const { ring } = this.#since;
    return ring !== undefined && this.#isThis(ring.homeOf(placementKey));
  }

  #ringSince(first: number): Ring | undefined {
    const newest = this.#newest;
    const skipped = newest ? first - (newest.number - this.#members.length + 1) : -1;
    if (!newest || skipped < 0 || first > newest.number) return undefined;
    const all = new Map<string, RingMember>();
    for (const members of this.#members.slice(skipped)) {
      if (!members.some((member) => member.state === 'active' && this.#isThis(member))) return undefined;
      for (const member of members) if (member.state === 'active') this.#add(all, member);
    }
    return ringOf({ ...newest, members: [...all.values()] });
  }

  /** By the weight that says least for this process. */
  #add(all: Map<string, RingMember>, member: RingMember): void {
    const known = all.get(member.nodeId);
    const isWorse =
      known && (this.#isThis(member) ? member.weight < known.weight : member.weight > known.weight);
    if (!known || isWorse) all.set(member.nodeId, member);
  }
}
