/**
 * Leases and epochs of the cluster (DESIGN §4) as one synchronous, deterministic machine: no clock, network
 * or storage of its own, so that a simulation runs thousands of them. Times are monotonic ms, handed in.
 *
 * What an answer tells must be stored first: `durable()` holds all that a later process needs, and whoever
 * sends an answer stores it before, where it has changed (`durableVersion`).
 *
 * Why two nodes never both believe to be the leased, settled home of a key: a node that believes in epoch E
 * has a lease by its own count, so its lease lives here too; and E+1 is settled only when every member of E
 * has acknowledged it or has no lease here. No lease is granted without the newest epoch, so nobody falls
 * back. A later process of this registry presumes that every member of the stored epochs has a lease, for
 * as long as one can last, and forms no epoch in that time. One that has lost the state waits as long before
 * it grants anything, and numbers its epochs above all that it was told of.
 */
import {
  type Epoch,
  type Membership,
  type RenewalAnswer,
  type RenewalRequest,
  type RingMember,
  registryLeaseMs,
  type WriterRenewal,
} from '@forebay/core/membership';
import { ringAlgorithm } from '@forebay/core/ring';
import type { DurableMembership } from './durable-membership.ts';
import { type Lease, Leases } from './leases.ts';
import { sameMember, sameMembers } from './same-members.ts';
import { Writers } from './writers.ts';

export const membersMax = 10_000;

type Refusal = Extract<RenewalAnswer, { granted: false }>['reason'];

export interface MembershipMachineOptions {
  /** Undefined: there is no state, be it the first start or that it was lost. */
  readonly durable: DurableMembership | undefined;
  /** The size of a segment that the next epoch names. */
  readonly segmentBytes: number;
  readonly nowMs: number;
  /** A new name each time: of the state and of grants. */
  readonly makeId: () => string;
}

export class MembershipMachine {
  readonly #leases = new Leases();
  readonly #writers: Writers;
  readonly #segmentBytes: number;
  readonly #makeId: () => string;
  #epoch: Epoch;
  /** Members of the epoch before whose word is awaited. */
  #awaited: Map<string, RingMember>;
  #draining: Map<string, string>;
  /** No epoch is formed before, and without one nothing is granted: earlier leases may last until then. */
  #epochsFromMs: number;
  /** The highest number that a node has told of, by another state of the registry than this one. */
  #foreignNumber = 0;
  /** Something that the next epoch would show may have changed. */
  #changed = true;
  #durableVersion = 0;

  constructor({ durable, segmentBytes, nowMs, makeId }: MembershipMachineOptions) {
    this.#segmentBytes = segmentBytes;
    this.#makeId = makeId;
    this.#epoch = durable?.epoch ?? this.#noEpoch();
    this.#awaited = new Map(durable?.unsettled.map((member) => [member.nodeId, member]));
    this.#draining = new Map(Object.entries(durable?.draining ?? {}));
    this.#epochsFromMs = nowMs + registryLeaseMs;
    for (const member of [...this.#epoch.members, ...this.#awaited.values()])
      this.#leases.presume(member, nowMs);
    this.#writers = new Writers(durable?.writers, { nowMs, changed: () => this.#mustStore() });
  }

  /** Undefined: no epoch was formed yet, and nothing is granted. */
  membership(): Membership | undefined {
    if (this.#epoch.number === 0) return undefined;
    return { epoch: this.#epoch, settled: this.#isSettled, lost: this.#writers.lost };
  }

  /** Counts up with every change that must be stored before it is told: each one of `membership()` is. */
  get durableVersion(): number {
    return this.#durableVersion;
  }

  /** Undefined: there is nothing to be kept yet. */
  durable(): DurableMembership | undefined {
    if (this.#epoch.number === 0) return undefined;
    const unsettled = [...this.#awaited.values()];
    const writers = this.#writers.durable;
    return { epoch: this.#epoch, unsettled, draining: Object.fromEntries(this.#draining), writers };
  }

  /** Nodes with a lease, as they said at their last renewal. */
  leases(): readonly Readonly<Lease>[] {
    return [...this.#leases.all()];
  }

  lost = (nowMs: number) => this.#leases.lost(nowMs);

  /** `tick` changes nothing before this time. */
  get nextTickMs(): number {
    const expiryMs = Math.min(this.#leases.nextExpiryMs, this.#writers.nextExpiryMs);
    return this.#changed && this.#isSettled ? Math.min(this.#epochsFromMs, expiryMs) : expiryMs;
  }

  /** What time alone brings: leases run out, epochs are settled and formed. */
  tick(nowMs: number): void {
    for (const { nodeId } of this.#leases.expire(nowMs)) this.#gaveUp(nodeId);
    this.#writers.expire(nowMs);
    if (!this.#changed || !this.#isSettled || nowMs < this.#epochsFromMs) return;
    this.#changed = false;
    const members = this.#wantedMembers();
    const outdone = this.#foreignNumber >= this.#epoch.number;
    if (outdone || !this.#shows(members)) this.#form(members);
  }

  renew(request: RenewalRequest, nowMs: number): RenewalAnswer {
    this.#hear(request, nowMs);
    this.tick(nowMs);
    const refusal = this.#refusalOf(request, nowMs);
    if (refusal !== undefined) {
      this.tick(nowMs);
      return { granted: false, reason: refusal, membership: this.membership() };
    }
    const grant = this.#grant(request, nowMs);
    this.tick(nowMs);
    const membership = this.membership();
    if (!membership) throw new Error('a lease was granted before there was an epoch');
    return { granted: true, grant, membership };
  }

  /** @returns whether the gateway has a lease now */
  renewWriter({ writerId, epoch, registry, wish }: WriterRenewal, nowMs: number): boolean {
    this.#hearOf(epoch, registry, nowMs);
    this.tick(nowMs);
    const isNewest = this.#epoch.number > 0 && this.#hasNewest({ epoch, registry });
    const isGranted = isNewest && wish === 'active' && this.#writers.renew(writerId, epoch, nowMs);
    if (wish === 'leaving') this.#writers.leave(writerId);
    else if (this.#epoch.number === 0) this.#writers.present(writerId, nowMs);
    this.tick(nowMs);
    return isGranted;
  }

  /**
   * Marks a node as one that is to own nothing, until it is started anew or `wish` is `active`.
   * @returns false where the node has no lease
   */
  drain(nodeId: string, wish: 'active' | 'draining', nowMs: number): boolean {
    this.tick(nowMs);
    const lease = this.#leases.of(nodeId);
    if (!lease) return false;
    this.#stopDraining(nodeId);
    if (wish === 'draining') {
      // Of a node that never came back, its order is the first to be forgotten.
      const [first] = this.#draining.keys();
      if (first !== undefined && this.#draining.size >= membersMax) this.#draining.delete(first);
      this.#draining.set(nodeId, lease.incarnation);
      this.#mustStore();
    }
    this.tick(nowMs);
    return true;
  }

  isDraining({ nodeId, incarnation }: Pick<Lease, 'nodeId' | 'incarnation'>): boolean {
    return this.#draining.get(nodeId) === incarnation;
  }

  #mustStore(): void {
    this.#durableVersion += 1;
  }

  #noEpoch(): Epoch {
    const registry = this.#makeId();
    return { number: 0, registry, ring: ringAlgorithm, segmentBytes: this.#segmentBytes, members: [] };
  }

  get #isSettled(): boolean {
    return this.#awaited.size === 0 && !this.#writers.isAwaited;
  }

  /** What a node tells counts also where it gets no lease: its epoch, and that it has taken this one over. */
  #hear({ nodeId, incarnation, epoch, registry }: RenewalRequest, nowMs: number): void {
    this.#hearOf(epoch, registry, nowMs);
    if (!this.#hasNewest({ epoch, registry })) return;
    if (this.#leases.of(nodeId)?.incarnation === incarnation) this.#gaveWord(nodeId);
  }

  #hearOf(epoch: number, registry: string | undefined, nowMs: number): void {
    if (registry === this.#epoch.registry && epoch > this.#epoch.number) this.#startOver(nowMs);
    if (registry === this.#epoch.registry || epoch <= this.#foreignNumber) return;
    this.#foreignNumber = epoch;
    this.#writers.startOver(nowMs);
    if (epoch >= this.#epoch.number) this.#changed = true;
  }

  #hasNewest({ epoch, registry }: Pick<RenewalRequest, 'epoch' | 'registry'>): boolean {
    return registry === this.#epoch.registry && epoch === this.#epoch.number;
  }

  /** The stored state is older than what was told by it: as good as lost. */
  #startOver(nowMs: number): void {
    this.#foreignNumber = Math.max(this.#foreignNumber, this.#epoch.number);
    for (const { nodeId } of this.leases()) this.#leases.drop(nodeId);
    this.#epoch = this.#noEpoch();
    this.#awaited.clear();
    this.#draining.clear();
    this.#epochsFromMs = nowMs + registryLeaseMs;
    this.#changed = true;
    this.#mustStore();
  }

  #refusalOf(request: RenewalRequest, nowMs: number): Refusal | undefined {
    const { nodeId, incarnation } = request;
    const lease = this.#leases.of(nodeId);
    if (request.wish === 'leaving') {
      if (lease?.incarnation === incarnation) this.#leave(nodeId);
      return 'old-incarnation';
    }
    if (this.#epoch.number === 0) return 'starting';
    // Before all that follows: whoever has the newest epoch takes no word away that is still awaited.
    if (!this.#hasNewest(request)) return 'old-epoch';
    if (!lease) return this.#leases.size < membersMax ? undefined : 'full';
    if (lease.incarnation !== incarnation) return request.holdsLock ? undefined : 'old-incarnation';
    if (this.#echoes(lease, request, nowMs)) return undefined;
    // It asks once more before it is a member: its first answer was lost, and nothing waits for it.
    const isMember = this.#epoch.members.some((member) => member.nodeId === nodeId);
    return lease.confirmed || isMember ? 'no-echo' : undefined;
  }

  /** Without an answer that has arrived within a lease, a node is left to run out: it cannot hear. */
  #echoes(lease: Lease, { lastGrant }: RenewalRequest, nowMs: number): boolean {
    if (lease.presumed) return true;
    return lease.grants.some(({ id, atMs }) => id === lastGrant && nowMs - atMs < registryLeaseMs);
  }

  #grant(request: RenewalRequest, nowMs: number): string {
    const { nodeId, incarnation } = request;
    const held = this.#leases.of(nodeId);
    const lease = held?.incarnation === incarnation ? held : this.#leases.begin(request, nowMs);
    const confirmed = this.#echoes(lease, request, nowMs);
    if (lease.confirmed !== confirmed || !sameMember(lease.request, request)) this.#changed = true;
    lease.confirmed = confirmed;
    if (this.#draining.has(nodeId) && !this.isDraining(lease)) this.#stopDraining(nodeId);
    const id = this.#makeId();
    this.#leases.grant(lease, request, { id, nowMs });
    this.#gaveWord(nodeId);
    return id;
  }

  #leave(nodeId: string): void {
    this.#leases.drop(nodeId);
    this.#stopDraining(nodeId);
    this.#gaveUp(nodeId);
  }

  #stopDraining(nodeId: string): void {
    if (this.#draining.delete(nodeId)) this.#mustStore();
    this.#changed = true;
  }

  #gaveUp(nodeId: string): void {
    this.#changed = true;
    this.#gaveWord(nodeId);
  }

  #gaveWord(nodeId: string): void {
    if (this.#awaited.delete(nodeId) && this.#awaited.size === 0) this.#mustStore();
  }

  #wantedMembers(): RingMember[] {
    const known = new Map(this.#epoch.members.map((member) => [member.nodeId, member]));
    const wanted: RingMember[] = [];
    for (const lease of this.#leases.all()) {
      const { nodeId, incarnation, confirmed, request } = lease;
      const member = known.get(nodeId);
      if (confirmed && request) {
        const { address, weight } = request;
        const state = request.wish === 'active' && !this.isDraining(lease) ? 'active' : 'draining';
        wanted.push({ nodeId, address, weight, incarnation, state });
      } else if (member) wanted.push(member);
    }
    return wanted.sort((a, b) => (a.nodeId < b.nodeId ? -1 : 1));
  }

  #shows(members: readonly RingMember[]): boolean {
    const { segmentBytes, ring, members: shown } = this.#epoch;
    if (segmentBytes !== this.#segmentBytes || ring !== ringAlgorithm) return false;
    return sameMembers(shown, members);
  }

  #form(members: readonly RingMember[]): void {
    const leased = this.#epoch.members.filter(({ nodeId }) => this.#leases.of(nodeId));
    this.#awaited = new Map(leased.map((member) => [member.nodeId, member]));
    const number = Math.max(this.#epoch.number, this.#foreignNumber) + 1;
    this.#writers.awaitAll();
    const { registry } = this.#epoch;
    this.#epoch = { number, registry, ring: ringAlgorithm, segmentBytes: this.#segmentBytes, members };
    this.#mustStore();
  }
}
