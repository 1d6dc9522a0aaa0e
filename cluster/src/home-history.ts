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
  #since: Since | undefined;

  constructor(isThis: (member: RingMember | undefined) => boolean) {
    this.#isThis = isThis;
  }

  /** @param follows the epoch before is the newest here */
  take(epoch: Epoch, follows: boolean): void {
    const kept = follows ? this.#members.slice(1 - epochsKept) : [];
    this.#members = [...kept, epoch.members];
    this.#newest = epoch;
    if (!follows || (this.#since && !this.#isNear(this.#since.first))) this.#since = undefined;
    if (this.#since) this.#join(this.#since, epoch.members);
  }

  /** In every epoch from this one on; no where it is not known. */
  wasHomeSince(placementKey: string, first: number): boolean {
    if (this.#since?.first !== first) this.#since = this.#gather(first);
    const since = this.#since;
    if (!since?.isMember) return false;
    since.ring ??= ringOf({ ...this.#newest!, members: [...since.all.values()] });
    return this.#isThis(since.ring.homeOf(placementKey));
  }

  #isNear(first: number): boolean {
    const { number = 0 } = this.#newest ?? {};
    return first <= number && first > number - this.#members.length;
  }

  #gather(first: number): Since | undefined {
    if (!this.#isNear(first)) return undefined;
    const since: Since = { first, all: new Map(), isMember: true, ring: undefined };
    for (const members of this.#members.slice(first - this.#newest!.number - 1)) this.#join(since, members);
    return since;
  }

  #join(since: Since, members: readonly RingMember[]): void {
    const active = members.filter(({ state }) => state === 'active');
    since.isMember &&= active.some((member) => this.#isThis(member));
    for (const member of active) {
      const known = since.all.get(member.nodeId);
      if (known && !this.#saysLess(member, known)) continue;
      since.all.set(member.nodeId, member);
      since.ring = undefined;
    }
  }

  /** For this process as the home, by its weight. */
  #saysLess(member: RingMember, known: RingMember): boolean {
    return this.#isThis(member) ? member.weight < known.weight : member.weight > known.weight;
  }
}

/** All that were a member in an epoch since the first one. */
interface Since {
  readonly first: number;
  readonly all: Map<string, RingMember>;
  /** This process was one in each of them. */
  isMember: boolean;
  /** Of all of them; undefined: not made yet. */
  ring: Ring | undefined;
}
