/**
 * The lease of this node, and the epochs that it has taken over: what it may answer as a home (DESIGN §4).
 * Synchronous, without timers or network: whoever renews (`lease-renewal.ts`, simulations) says what was
 * answered, and everything is decided in the tick in which it is asked.
 *
 * - A lease lasts ten seconds from when its renewal was sent. Where the monotonic clock and the wall clock
 *   disagree about how long ago that was, the machine was asleep or its time was set: the lease has lapsed.
 * - A lapse ends the tenure of all keys, also where a lease is granted later: `onLapse` is called before.
 * - A new epoch takes away at once what the node has lost. What it keeps it stays home of; of what it gains
 *   it is home when the epoch is settled.
 */

import type { Clock } from '@forebay/core/clock';
import { assert } from '@forebay/core/errors';
import type { Homes, Placement } from '@forebay/core/homes';
import type { Epoch, Membership, RenewalAnswer, RenewalRequest, RingMember } from '@forebay/core/membership';
import { type Ring, ringAlgorithm, ringOf, segmentKeyOf } from '@forebay/core/ring';
import { HeardOfLost } from './heard-of-lost.ts';
import { HomeHistory } from './home-history.ts';
import { lapseOf, type SentAt, sentNow } from './lapse.ts';

export interface NodeLeaseOptions {
  /** What every renewal says of the node. */
  readonly member: Omit<RenewalRequest, 'wish' | 'epoch' | 'registry' | 'lastGrant' | 'stats'>;
  readonly clock: Clock;
  /** Nothing that was learnt so far may be used any more. Called in the tick in which a lapse is noticed. */
  readonly onLapse: (reason: string) => void;
}

/** When a renewal was sent. */
export interface SentRenewal extends SentAt {
  readonly request: RenewalRequest;
}

/** Of the last epochs. A key that is not asked for while so many change is asked of the UFS once more. */
const ringsKept = 16;
const noSegmentBytes = 64 * 1024 * 1024;

type Wish = RenewalRequest['wish'];

export class NodeLease implements Homes, Placement {
  readonly #options: NodeLeaseOptions;
  readonly #nodeId: string;
  /** By number, without a gap; the last one is the newest. */
  #rings: Ring[] = [];
  #settled = false;
  /**
   * Where the newest epoch is not settled: the ring of the one before, if the node has had its lease since.
   * Of the keys that were its own by that one nobody else is the home.
   */
  #before: Ring | undefined;
  /** Gateways whose writes may be fenced elsewhere, by their ids. */
  readonly #history = new HomeHistory((member) => this.#isThis(member));
  readonly #heard = new HeardOfLost();
  /** The renewal by which the lease was granted; undefined: there is none. */
  #granted: SentRenewal | undefined;
  #lastGrant: string | undefined;
  #refusal: string | undefined;
  #wish: Wish = 'active';

  constructor(options: NodeLeaseOptions) {
    this.#options = options;
    this.#nodeId = options.member.nodeId;
  }

  get wish(): Wish {
    return this.#wish;
  }

  /** For the next renewal. Who is leaving is no home from now on. */
  set wish(wish: Wish) {
    this.#wish = wish;
    if (wish === 'leaving') this.#end('the node leaves');
  }

  /** The newest epoch that was taken over. */
  get ring(): Ring | undefined {
    return this.#rings.at(-1);
  }

  get stamp(): number {
    return this.ring?.epoch.number ?? 0;
  }

  get segmentBytes(): number {
    return this.ring?.epoch.segmentBytes ?? noSegmentBytes;
  }

  /** Whether the newest epoch has this process of the node. */
  get isMember(): boolean {
    return this.ring?.epoch.members.some((member) => this.#isThis(member)) ?? false;
  }

  /** Whether the lease holds now. One that does not has ended: no clock brings it back. */
  get isLeased(): boolean {
    const granted = this.#granted;
    if (!granted) return false;
    const lapse = lapseOf(granted, this.#options.clock);
    return lapse === undefined || this.#end(lapse);
  }

  isSettled(): boolean {
    return this.#settled && this.isLeased;
  }

  isHome(placementKey: string): boolean {
    const { ring } = this;
    if (!ring || !this.#isThis(ring.homeOf(placementKey))) return false;
    if (!this.#settled && !this.#isThis(this.#before?.homeOf(placementKey))) return false;
    return this.isLeased;
  }

  isUnbroken(placementKey: string, stamp: number): boolean {
    const { stamp: now } = this;
    const first = now - this.#rings.length + 1;
    if (stamp === now) return true;
    if (stamp > now || stamp < first) return false;
    return this.#rings
      .slice(stamp - first)
      .every((ring) => ring.homeOf(placementKey)?.nodeId === this.#nodeId);
  }

  isDoubtful(placementKey: string): boolean {
    const { lost } = this.#heard;
    if (!lost) return false;
    return lost.last > this.stamp || !this.#history.wasHomeSince(placementKey, lost.first);
  }

  /** Another process of the node knows nothing of fences that were begun at the one before. */
  #isThis(member: RingMember | undefined): boolean {
    return member?.nodeId === this.#nodeId && member.incarnation === this.#options.member.incarnation;
  }

  owns(placementKey: string, segment: number): boolean {
    return this.ring?.homeOf(segmentKeyOf(placementKey, segment))?.nodeId === this.#nodeId;
  }

  /** Why the node is no home of what its ring gives it, for people; undefined: it is. */
  get reason(): string | undefined {
    if (this.#wish === 'leaving') return 'the node is leaving';
    if (!this.ring) return `no epoch is known yet${this.#refused}`;
    if (!this.isLeased) return `there is no lease${this.#refused}`;
    if (!this.#settled) return `epoch ${this.stamp} is not settled yet`;
    return undefined;
  }

  get #refused(): string {
    return this.#refusal === undefined ? '' : `: ${this.#refusal}`;
  }

  /** What to send now. Its answer goes to `answered`, with this. */
  send(): SentRenewal {
    const { member, clock } = this.#options;
    const epoch = this.ring?.epoch;
    const request: RenewalRequest = {
      ...member,
      wish: this.#wish,
      epoch: epoch?.number ?? 0,
      registry: epoch?.registry,
      lastGrant: this.#lastGrant,
    };
    return { request, ...sentNow(clock) };
  }

  answered(sent: SentRenewal, answer: RenewalAnswer): void {
    if (answer.membership) {
      this.#heard.answered(sent.monotonicMs);
      this.take(answer.membership);
    }
    if (!answer.granted) {
      this.#refusal = `the registry refuses it (${answer.reason})`;
      return;
    }
    this.#lastGrant = answer.grant;
    if (this.#wish === 'leaving') return;
    // Notices a lapse before the lease begins anew.
    const isLeased = this.isLeased;
    if (isLeased && sent.monotonicMs <= this.#granted!.monotonicMs) return;
    this.#granted = sent;
    this.#refusal = undefined;
    if (!this.isLeased) this.#refusal = 'the registry answers too late';
  }

  /** No answer came. */
  unanswered(reason: string): void {
    this.#refusal = `the registry does not answer (${reason})`;
  }

  /**
   * Takes over an epoch, or that it is settled. Older ones are left, and those that cannot be: placed by an
   * unknown rule, or of the same number and not the same.
   * @returns whether the epoch is another than before: to be acknowledged by the next renewal
   */
  take({ epoch, settled, lost }: Membership): boolean {
    this.#heard.hear(lost, this.#options.clock.monotonicMs());
    const known = this.ring?.epoch;
    if (epoch.ring !== ringAlgorithm || epoch.number < (known?.number ?? 1)) return false;
    if (known && epoch.number === known.number) {
      if (epoch.registry === known.registry && settled) this.#settle();
      return false;
    }
    this.#replace(epoch, settled);
    return true;
  }

  #settle(): void {
    this.#settled = true;
    this.#before = undefined;
  }

  #replace(epoch: Epoch, settled: boolean): void {
    const known = this.ring?.epoch;
    // Another state of the registry knows nothing of a lease of this one.
    if (known && known.registry !== epoch.registry) this.#end('the registry lost its state');
    const follows = known?.registry === epoch.registry && known.number + 1 === epoch.number;
    // The epoch before was settled, or this one would not be there: whoever has had the lease since knows so.
    this.#before = follows && this.isLeased ? this.ring : undefined;
    this.#rings = follows ? [...this.#rings.slice(1 - ringsKept), ringOf(epoch)] : [ringOf(epoch)];
    this.#history.take(epoch, follows);
    this.#settled = false;
    if (settled) this.#settle();
  }

  #end(reason: string): false {
    if (!this.#granted) return false;
    this.#granted = undefined;
    this.#before = undefined;
    this.#refusal = reason;
    this.#options.onLapse(reason);
    assert(!this.#granted, 'nothing renews a lease while its end is told');
    return false;
  }
}
