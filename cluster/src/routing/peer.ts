/** A cache node as one gateway sees it: how it is reached, how much is asked of it, whether it answers. */
import type { PageOwner } from '@forebay/core/cache-node';
import { ForebayError, isKind } from '@forebay/core/errors';
import type { RingMember } from '@forebay/core/membership';
import { Liveness } from './liveness.ts';
import type { Timing } from './time.ts';

/** A node that can be asked whether it is there. */
export interface RoutableNode extends PageOwner {
  /** Resolves when the node is heard. Rejects where it is lost. */
  ping?(): Promise<void>;
}

export type NodeOf = (member: RingMember) => RoutableNode | Promise<RoutableNode>;

const avoidMsMin = 500;
const avoidMsMax = 8_000;

interface Avoided {
  readonly untilMs: number;
  isTried: boolean;
}

export class Peer {
  readonly member: RingMember;
  readonly liveness: Liveness;
  /** Requests that have no answer, and bodies that have not ended. */
  inFlight = 0;
  readonly #nodeOf: NodeOf;
  readonly #timing: Timing;
  #node: RoutableNode | undefined;
  #connecting: Promise<RoutableNode> | undefined;
  #avoided: Avoided | undefined;
  #failures = 0;

  constructor(member: RingMember, nodeOf: NodeOf, timing: Timing) {
    this.member = member;
    this.#nodeOf = nodeOf;
    this.#timing = timing;
    this.liveness = new Liveness({
      ...timing,
      ping: () => (this.#node ? this.#node.ping?.() : this.#connecting),
      onLost: () => this.failed(),
    });
  }

  get nodeId(): string {
    return this.member.nodeId;
  }

  /** Whether to ask it. One that failed is tried again after a while, by a ping and not by a client. */
  get isUsable(): boolean {
    const avoided = this.#avoided;
    if (!avoided) return !this.liveness.isSuspect;
    if (!avoided.isTried && this.#timing.clock.monotonicMs() >= avoided.untilMs) {
      avoided.isTried = true;
      void this.#try();
    }
    return false;
  }

  /** Where it is at hand. */
  get node(): RoutableNode | undefined {
    return this.#node;
  }

  /** @throws ForebayError `node-unavailable` where it cannot be reached */
  async connected(): Promise<RoutableNode> {
    if (this.#node) return this.#node;
    this.#connecting ??= this.#connect().finally(() => {
      this.#connecting = undefined;
    });
    return this.#connecting;
  }

  /** It answered, whatever it said. */
  answered(): void {
    this.liveness.heard();
    this.#failures = 0;
  }

  /** It gave no answer: others are asked for a while. */
  failed(): void {
    const { clock, random } = this.#timing;
    const forMs = Math.min(avoidMsMax, avoidMsMin * 2 ** this.#failures) * (0.5 + random() / 2);
    const nowMs = clock.monotonicMs();
    // What was under way together fails together, and counts once.
    if (this.#avoided && !this.#avoided.isTried && nowMs < this.#avoided.untilMs) return;
    this.#failures += 1;
    this.#avoided = { untilMs: nowMs + forMs, isTried: false };
  }

  close(): void {
    this.liveness.close();
  }

  async #connect(): Promise<RoutableNode> {
    try {
      this.#node = await this.#nodeOf(this.member);
      return this.#node;
    } catch (error) {
      if (isKind(error, 'node-unavailable')) throw error;
      const { nodeId, address } = this.member;
      const message = `the cache node ${nodeId} at ${address} cannot be reached`;
      throw new ForebayError('node-unavailable', message, { cause: error, retryAfterMs: 1000 });
    }
  }

  async #try(): Promise<void> {
    try {
      const node = await this.connected();
      await node.ping?.();
      this.#avoided = undefined;
      this.answered();
    } catch {
      this.failed();
    }
  }
}

/** The peers of one gateway, by node id; another process under the same id is another peer. */
export class Peers {
  readonly #nodeOf: NodeOf;
  readonly #timing: Timing;
  readonly #peers = new Map<string, Peer>();

  constructor(nodeOf: NodeOf, timing: Timing) {
    this.#nodeOf = nodeOf;
    this.#timing = timing;
  }

  of(member: RingMember): Peer {
    const known = this.#peers.get(member.nodeId);
    if (known && isSame(known.member, member)) return known;
    known?.close();
    const peer = new Peer(member, this.#nodeOf, this.#timing);
    this.#peers.set(member.nodeId, peer);
    return peer;
  }

  all(): Iterable<Peer> {
    return this.#peers.values();
  }

  /** Forgets all others. */
  retain(members: readonly RingMember[]): void {
    const ids = new Set(members.map(({ nodeId }) => nodeId));
    for (const [nodeId, peer] of this.#peers) {
      if (ids.has(nodeId)) continue;
      peer.close();
      this.#peers.delete(nodeId);
    }
  }

  close(): void {
    this.retain([]);
  }
}

function isSame(a: RingMember, b: RingMember): boolean {
  return a === b || (a.incarnation === b.incarnation && a.address === b.address);
}
