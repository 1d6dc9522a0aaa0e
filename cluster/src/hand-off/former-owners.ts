/**
 * Who may have the pages of a segment besides this node: its owner where this node is a replica, members that
 * drain, and the owners by the rings of the last epochs. A ring of the past is looked at for a while only,
 * and a node that has offered all it had not at all, so that a cluster at rest asks nobody.
 */
import type { Clock } from '@forebay/core/clock';
import type { Epoch, RingMember } from '@forebay/core/membership';
import { type Ring, ringOf, segmentKeyOf } from '@forebay/core/ring';

export interface FormerOwnersOptions {
  readonly nodeId: string;
  readonly clock: Clock;
  /** How long the owners before a change are asked after it. */
  readonly keptMs: number;
}

interface PastRing {
  readonly ring: Ring;
  readonly untilMs: number;
}

const pastRingsMax = 8;
/** Of one segment, that are asked one after the other. */
const ownersMax = 3;

export class FormerOwners {
  readonly #options: FormerOwnersOptions;
  #ring: Ring | undefined;
  /** The ring as if nobody drained, while somebody does. */
  #undrained: Ring | undefined;
  /** The newest first. */
  #past: PastRing[] = [];
  /** As each node was seen last. */
  readonly #members = new Map<string, RingMember>();
  #done = new Set<string>();

  constructor(options: FormerOwnersOptions) {
    this.#options = options;
  }

  /** The ring of the newest epoch; undefined before the first one. */
  get ring(): Ring | undefined {
    return this.#ring;
  }

  /** False where it is known already. */
  learn(epoch: Epoch): boolean {
    const before = this.#ring;
    if (before && isSame(before.epoch, epoch)) return false;
    const untilMs = this.#options.clock.monotonicMs() + this.#options.keptMs;
    const rings = before ? [before] : this.#ringsBeforeUs(epoch);
    this.#past = [...rings.map((ring) => ({ ring, untilMs })), ...this.#past].slice(0, pastRingsMax);
    this.#ring = ringOf(epoch);
    const drains = epoch.members.some(({ state }) => state === 'draining');
    this.#undrained = drains ? ringOf(undrained(epoch)) : undefined;
    for (const member of epoch.members) this.#members.set(member.nodeId, member);
    this.#done = new Set();
    this.#forgetMembers();
    return true;
  }

  /** Members now, and of epochs that still count. */
  get members(): readonly RingMember[] {
    return [...this.#members.values()];
  }

  /** A member now, or of an epoch that still counts. */
  memberOf(nodeId: string): RingMember | undefined {
    return this.#members.get(nodeId);
  }

  /** The node has offered this one all that it had for it, by the owners of this epoch. */
  noteDone(nodeId: string, epoch: Pick<Epoch, 'number' | 'registry'>): void {
    if (this.#ring && isSame(this.#ring.epoch, epoch)) this.#done.add(nodeId);
  }

  /** Those to ask, one after the other; never this node. */
  of(placementKey: string, segment: number): readonly RingMember[] {
    if (!this.#ring) return [];
    this.#dropOld();
    const key = segmentKeyOf(placementKey, segment);
    const { nodeId: self } = this.#options;
    const found: RingMember[] = [];
    const add = (owner: RingMember | undefined, isFormer: boolean) => {
      if (!owner || owner.nodeId === self || found.length === ownersMax) return;
      if (isFormer && this.#done.has(owner.nodeId)) return;
      const member = this.#members.get(owner.nodeId) ?? owner;
      if (!found.includes(member)) found.push(member);
    };
    add(this.#ring.homeOf(key), false);
    add(this.#undrained?.homeOf(key), true);
    for (const { ring } of this.#past) add(ring.homeOf(key), true);
    return found;
  }

  /** What a node finds at its start was placed without it, and perhaps by members that drain by now. */
  #ringsBeforeUs(epoch: Epoch): Ring[] {
    const members = epoch.members.filter(({ nodeId }) => nodeId !== this.#options.nodeId);
    const without = { ...epoch, members };
    return [ringOf(without), ringOf(undrained(without))];
  }

  #dropOld(): void {
    const last = this.#past.at(-1);
    if (!last || last.untilMs > this.#options.clock.monotonicMs()) return;
    const nowMs = this.#options.clock.monotonicMs();
    this.#past = this.#past.filter(({ untilMs }) => untilMs > nowMs);
    this.#forgetMembers();
  }

  #forgetMembers(): void {
    const rings = [this.#ring, ...this.#past.map(({ ring }) => ring)];
    const known = new Set(rings.flatMap((ring) => ring?.epoch.members.map(({ nodeId }) => nodeId) ?? []));
    for (const nodeId of this.#members.keys()) if (!known.has(nodeId)) this.#members.delete(nodeId);
  }
}

function undrained(epoch: Epoch): Epoch {
  return { ...epoch, members: epoch.members.map((member) => ({ ...member, state: 'active' as const })) };
}

function isSame(a: Pick<Epoch, 'number' | 'registry'>, b: Pick<Epoch, 'number' | 'registry'>): boolean {
  return a.number === b.number && a.registry === b.registry;
}
