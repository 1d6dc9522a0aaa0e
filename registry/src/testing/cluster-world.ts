/**
 * A registry's membership machine among nodes that act by the rules of leases and epochs, with a network
 * that loses, delays and repeats. Every choice comes from `random`; time is simulated.
 */
import {
  type Epoch,
  type Membership,
  nodeLeaseMs,
  type RenewalAnswer,
  type RenewalRequest,
  renewalMs,
} from '@forebay/core/membership';
import { ringOf } from '@forebay/core/ring';
import type { DurableMembership } from '../cluster/durable-membership.ts';
import { MembershipMachine } from '../cluster/membership-machine.ts';

export interface Chances {
  /** In [0, 1). */
  next(): number;
}

/** How likely each fault is, by message or by step of 100 ms. */
export interface Weather {
  readonly loss: number;
  readonly delay: number;
  readonly repeat: number;
  readonly nodeRestart: number;
  readonly registryRestart: number;
  readonly stateLoss: number;
}

export const calm: Weather = {
  ...{ loss: 0, delay: 0, repeat: 0, nodeRestart: 0, registryRestart: 0, stateLoss: 0 },
};

export const worldKeys = Array.from({ length: 12 }, (_, index) => `key-${index}`);
const stepMs = 100;
/** Keys by their home's node id. */
type HomeKeys = ReadonlyMap<string, string[]>;
const homeKeys = new WeakMap<Epoch, HomeKeys>();

/** A node as `cluster/src/node-lease.ts` acts: its own clock, which runs a little off. */
export class WorldNode {
  readonly nodeId: string;
  readonly #clockRate: number;
  incarnation = 'i0';
  wish: RenewalRequest['wish'] = 'active';
  membership: Membership | undefined;
  lastGrant: string | undefined;
  nextRenewalMs = 0;
  #leaseUntilOwnMs = 0;
  /** Homes that it holds: what it keeps through an epoch, and gains when that is settled. */
  #held = new Set<string>();

  constructor(nodeId: string, clockRate: number) {
    this.nodeId = nodeId;
    this.#clockRate = clockRate;
  }

  restart(incarnation: string): void {
    this.incarnation = incarnation;
    this.membership = undefined;
    this.lastGrant = undefined;
    this.#leaseUntilOwnMs = 0;
    this.#held.clear();
    this.nextRenewalMs = 0;
  }

  request(holdsLock: boolean): RenewalRequest {
    const { nodeId, incarnation, wish, lastGrant } = this;
    const { number = 0, registry } = this.membership?.epoch ?? {};
    const address = `${nodeId}:9100`;
    return {
      ...{ nodeId, incarnation, address, adminAddress: `${nodeId}:9101`, weight: 1, holdsLock, wish },
      ...{ epoch: number, registry, lastGrant },
    };
  }

  answered(answer: RenewalAnswer, sentMs: number, nowMs: number): void {
    if (answer.membership) this.learn(answer.membership, nowMs);
    if (!answer.granted) return;
    if (answer.membership.epoch.registry !== this.membership?.epoch.registry) return;
    this.lastGrant = answer.grant;
    this.#leaseUntilOwnMs = Math.max(this.#leaseUntilOwnMs, sentMs * this.#clockRate + nodeLeaseMs);
  }

  learn(told: Membership, nowMs: number): void {
    const { membership: known } = this;
    const { number, registry } = told.epoch;
    if (known && (number < known.epoch.number || (number === known.epoch.number && known.settled))) return;
    const mine = homeKeysOf(told.epoch).get(this.nodeId) ?? [];
    const isNext = known?.epoch.registry === registry && number <= known.epoch.number + 1;
    if (known && known.epoch.registry !== registry) this.#leaseUntilOwnMs = 0;
    if (told.settled) this.#held = new Set(mine);
    else this.#held = new Set(isNext ? mine.filter((key) => this.#held.has(key)) : []);
    this.membership = told;
    this.nextRenewalMs = nowMs;
  }

  isLeased(nowMs: number): boolean {
    return nowMs * this.#clockRate < this.#leaseUntilOwnMs;
  }

  isHome(key: string, nowMs: number): boolean {
    return this.isLeased(nowMs) && this.#held.has(key);
  }
}

export class ClusterWorld {
  readonly nodes: readonly WorldNode[];
  readonly #random: Chances;
  #weather: Weather;
  #nowMs = 0;
  #machine: MembershipMachine | undefined;
  #durable: DurableMembership | undefined;
  #storedVersion = -1;
  #names = 0;
  #downUntilMs = 0;
  readonly #messages: { readonly atMs: number; readonly arrive: () => void }[] = [];

  constructor({ nodes, random, weather }: { nodes: number; random: Chances; weather: Weather }) {
    this.#random = random;
    this.#weather = weather;
    const rates = Array.from({ length: nodes }, () => 0.95 + random.next() / 10);
    this.nodes = rates.map((rate, index) => new WorldNode(`n${index}`, rate));
    this.#startRegistry();
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  get machine(): MembershipMachine | undefined {
    return this.#machine;
  }

  set weather(weather: Weather) {
    this.#weather = weather;
  }

  /** Goes on by 100 ms. */
  step(): void {
    this.#nowMs += stepMs;
    this.#faults();
    for (const node of this.nodes) if (this.#nowMs >= node.nextRenewalMs) this.#renew(node);
    const due = this.#messages.filter(({ atMs }) => atMs <= this.#nowMs);
    for (const message of due) {
      this.#messages.splice(this.#messages.indexOf(message), 1);
      message.arrive();
    }
    this.#machine?.tick(this.#nowMs);
  }

  homesOf(key: string): string[] {
    return this.nodes.filter((node) => node.isHome(key, this.#nowMs)).map(({ nodeId }) => nodeId);
  }

  #faults(): void {
    const { nodeRestart, registryRestart, stateLoss } = this.#weather;
    for (const node of this.nodes) {
      if (this.#chance(nodeRestart)) node.restart(this.#name());
      if (this.#chance(nodeRestart)) node.wish = this.#chance(0.5) ? 'draining' : 'active';
    }
    if (this.#chance(registryRestart)) {
      this.#machine = undefined;
      this.#downUntilMs = this.#nowMs + this.#random.next() * 20_000;
      if (this.#chance(stateLoss)) this.#durable = undefined;
    }
    if (!this.#machine && this.#nowMs >= this.#downUntilMs) this.#startRegistry();
  }

  #startRegistry(): void {
    const makeId = () => this.#name();
    const options = { durable: this.#durable, segmentBytes: 64, nowMs: this.#nowMs, makeId };
    this.#machine = new MembershipMachine(options);
    this.#storedVersion = this.#machine.durableVersion;
  }

  #renew(node: WorldNode): void {
    node.nextRenewalMs = this.#nowMs + renewalMs;
    const [request, sentMs] = [node.request(this.#chance(0.7)), this.#nowMs];
    this.#send(() => {
      const answer = this.#answer(request);
      if (!answer) return;
      this.#send(() => {
        if (node.incarnation === request.incarnation) node.answered(answer, sentMs, this.#nowMs);
      });
    });
  }

  #answer(request: RenewalRequest): RenewalAnswer | undefined {
    const machine = this.#machine;
    if (!machine) return undefined;
    const answer = machine.renew(request, this.#nowMs);
    if (machine.durableVersion !== this.#storedVersion) {
      // It dies before it has stored what it decided, and so before anybody knows of it.
      if (this.#chance(this.#weather.registryRestart * 10)) {
        this.#machine = undefined;
        return undefined;
      }
      this.#durable = machine.durable() ?? this.#durable;
      this.#storedVersion = machine.durableVersion;
    }
    return answer;
  }

  #send(arrive: () => void): void {
    const { loss, delay, repeat } = this.#weather;
    if (this.#chance(loss)) return;
    const lateMs = () => this.#random.next() * (this.#chance(delay) ? 25_000 : 80);
    this.#messages.push({ atMs: this.#nowMs + lateMs(), arrive });
    if (this.#chance(repeat)) this.#messages.push({ atMs: this.#nowMs + lateMs(), arrive });
  }

  #chance(probability: number): boolean {
    return this.#random.next() < probability;
  }

  #name(): string {
    this.#names += 1;
    return `x${this.#names}`;
  }
}

function homeKeysOf(epoch: Epoch): HomeKeys {
  const known = homeKeys.get(epoch);
  if (known) return known;
  const ring = ringOf(epoch);
  const found = Map.groupBy(worldKeys, (key) => ring.homeOf(key)?.nodeId ?? '');
  homeKeys.set(epoch, found);
  return found;
}
