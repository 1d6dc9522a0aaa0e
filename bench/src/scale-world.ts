/**
 * Thousands of nodes and their registry in simulated time, with the real membership machine, leases and ring:
 * nodes crash and come back, leave and join, and gateways that write do. The registry's answers go out over a
 * link of its own bandwidth.
 */
import { NodeLease } from '@forebay/cluster/node-lease';
import type { Membership, RenewalAnswer } from '@forebay/core/membership';
import { renewalMs } from '@forebay/core/membership';
import { MembershipMachine } from '@forebay/registry/cluster/membership-machine';
import { SimTime } from '../../test/simulation/sim-time.ts';
import { Random } from '../../test/support/random.ts';
import { ScaleWriters } from './scale-writers.ts';

export interface ScaleOptions {
  readonly nodes: number;
  /** Nodes and gateways: all wait for news of the membership. */
  readonly watchers: number;
  /** Of the gateways, those that write. */
  readonly writers: number;
  /** Share of the nodes, and of the writers, that come or go in a minute. */
  readonly churnPerMinute: number;
  /** Bytes that the registry sends in a second. */
  readonly uplinkBytesPerSecond: number;
  /** Bytes that tell a watcher of a change. */
  readonly newsBytesOf: (before: Membership | undefined, now: Membership) => number;
  readonly seed: number;
}

export interface EpochFigures {
  readonly number: number;
  readonly formedAtMs: number;
  settledAtMs: number | undefined;
  readonly membership: Membership;
}

interface ScaleNode {
  readonly lease: NodeLease;
  isAlive: boolean;
  /** Where it stands in the round in which the registry sends its news. */
  readonly turn: number;
}

/** As `LeaseRenewal` asks again where it is not granted a lease, or is no member yet. */
const soonMs = 500;
const tickMs = 100;

export class ScaleWorld {
  readonly time = new SimTime();
  readonly nodes = new Map<string, ScaleNode>();
  readonly epochs: EpochFigures[] = [];
  renewals = 0;
  newsBytes = 0;
  news = 0;
  readonly #options: ScaleOptions;
  readonly #random: Random;
  readonly #machine: MembershipMachine;
  readonly #writers: ScaleWriters;
  #told: Membership | undefined;
  /** The round in which news goes out: where it stood when it was last known, and how long it takes. */
  #round = { turn: 0, atMs: 0, ms: 0, untilMs: 0 };

  constructor(options: ScaleOptions) {
    this.#options = options;
    this.#random = new Random(options.seed);
    const makeId = () => this.#id();
    this.#machine = new MembershipMachine({ durable: undefined, segmentBytes: 2 ** 26, nowMs: 0, makeId });
    this.#writers = new ScaleWriters({
      ...{ count: options.writers, time: this.time, random: this.#random, machine: this.#machine, makeId },
      delayMs: () => this.#delayMs(),
      asked: () => {
        this.renewals += 1;
        this.#tell();
      },
    });
    for (let left = options.nodes; left > 0; left -= 1) this.#start(this.#nodeId());
    this.#tick();
  }

  get membership(): Membership | undefined {
    return this.#machine.membership();
  }

  get uplinkBytesPerSecond(): number {
    return this.#options.uplinkBytesPerSecond;
  }

  /** Nodes come and go from now on. */
  churn(): void {
    const { nodes, writers, churnPerMinute } = this.#options;
    this.#again(nodes * churnPerMinute, () => this.#change());
    if (writers > 0) this.#again(writers * churnPerMinute, () => this.#writers.change());
  }

  /** So often in the mean. */
  #again(perMinute: number, run: () => void): void {
    const next = () => {
      run();
      this.time.at(this.time.nowMs + (60_000 / perMinute) * 2 * this.#random.next(), next);
    };
    next();
  }

  /** Half of those that go crash, and are back after a while; the others leave, and new ones come. */
  #change(): void {
    const [nodeId, node] = this.#random.pick([...this.nodes]);
    if (!node.isAlive) return;
    const backAtMs = this.time.nowMs + 10_000 + this.#random.next() * 30_000;
    if (this.#random.chance(0.5)) {
      node.isAlive = false;
      this.time.at(backAtMs, () => this.#start(nodeId));
      return;
    }
    node.lease.wish = 'leaving';
    this.#renew(node);
    node.isAlive = false;
    this.nodes.delete(nodeId);
    this.time.at(backAtMs, () => this.#start(this.#nodeId()));
  }

  #start(nodeId: string): void {
    const clock = { monotonicMs: () => this.time.nowMs, wallMs: () => this.time.nowMs };
    const incarnation = this.#id();
    const address = `10.0.${this.#random.int(256)}.${this.#random.int(256)}:9100`;
    const member = { nodeId, incarnation, address, adminAddress: address, weight: 400, holdsLock: true };
    const lease = new NodeLease({ member, clock, onLapse: () => {} });
    const node: ScaleNode = { lease, isAlive: true, turn: this.#random.next() };
    this.nodes.set(nodeId, node);
    this.time.at(this.time.nowMs + this.#random.next() * renewalMs, () => this.#renewEver(node));
  }

  #nodeId(): string {
    return `node-${this.#id().slice(0, 12)}`;
  }

  #delayMs(): number {
    return 0.5 + this.#random.next() * 4;
  }

  #renewEver(node: ScaleNode): void {
    if (!node.isAlive) return;
    this.#renew(node, (againMs) => {
      this.time.at(this.time.nowMs + againMs, () => this.#renewEver(node));
    });
  }

  #renew(node: ScaleNode, done?: (againMs: number) => void): void {
    const { lease } = node;
    const sent = lease.send();
    const before = lease.stamp;
    this.time.at(this.time.nowMs + this.#delayMs(), () => {
      this.renewals += 1;
      const answer = this.#machine.renew(sent.request, this.time.nowMs);
      this.#tell();
      this.time.at(this.time.nowMs + this.#delayMs(), () => {
        if (!node.isAlive) return;
        lease.answered(sent, answer);
        done?.(againMsOf(lease, before, answer));
      });
    });
  }

  #tick(): void {
    this.#machine.tick(this.time.nowMs);
    this.#tell();
    this.time.at(this.time.nowMs + tickMs, () => this.#tick());
  }

  /** Every watcher in its turn, each with the newest there is then. */
  #tell(): void {
    const now = this.#machine.membership();
    const before = this.#told;
    if (!now || isSame(now, before)) return;
    this.#told = now;
    this.#note(now);
    const { watchers, newsBytesOf, uplinkBytesPerSecond } = this.#options;
    const bytes = newsBytesOf(before, now) * watchers;
    const startTurn = this.#turnNow();
    const ms = (bytes / uplinkBytesPerSecond) * 1000;
    const { nowMs } = this.time;
    this.news += 1;
    this.newsBytes += bytes;
    this.#round = { turn: startTurn, atMs: nowMs, ms, untilMs: nowMs + ms };
    const waitMsOf = (turn: number) => (turn >= startTurn ? turn - startTurn : turn + 1 - startTurn) * ms;
    for (const node of this.nodes.values()) {
      this.time.at(nowMs + waitMsOf(node.turn) + this.#delayMs(), () => this.#learn(node));
    }
    this.#writers.tell(now.epoch, waitMsOf);
  }

  #turnNow(): number {
    const { turn, atMs, ms, untilMs } = this.#round;
    if (ms === 0) return turn;
    return (turn + (Math.min(this.time.nowMs, untilMs) - atMs) / ms) % 1;
  }

  #learn(node: ScaleNode): void {
    if (!node.isAlive || !this.#told) return;
    if (node.lease.take(this.#told)) this.#renew(node);
  }

  #note(membership: Membership): void {
    const { nowMs } = this.time;
    const last = this.epochs.at(-1);
    if (last?.number === membership.epoch.number) {
      if (membership.settled) last.settledAtMs ??= nowMs;
      return;
    }
    // The next one may be formed in the tick in which this one is settled.
    if (last) last.settledAtMs ??= nowMs;
    const settledAtMs = membership.settled ? nowMs : undefined;
    this.epochs.push({ number: membership.epoch.number, formedAtMs: nowMs, settledAtMs, membership });
  }

  /** As long as a UUID, and as hard to pack. */
  #id(): string {
    return Array.from({ length: 32 }, () => this.#random.int(16).toString(16)).join('');
  }
}

function againMsOf(lease: NodeLease, before: number, answer: RenewalAnswer): number {
  if (lease.stamp !== before) return 0;
  return answer.granted && lease.isMember ? renewalMs : soonMs;
}

function isSame(now: Membership, before: Membership | undefined): boolean {
  return now.epoch === before?.epoch && now.settled === before.settled && now.lost === before.lost;
}
