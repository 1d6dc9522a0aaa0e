/**
 * The leases that a registry has granted, by node. Counts its own time from granting, which is longer than
 * the node's from sending: when a lease is over here, it is over there.
 */
import { type RenewalRequest, type RingMember, registryLeaseMs } from '@forebay/core/membership';

/** A renewal every three seconds hands out fewer within a lease. */
const grantsMax = 16;
/** How long a node that went without a word is shown, and how many are. */
const lostShownMs = 3_600_000;
const lostMax = 1_000;

export interface Lease {
  readonly nodeId: string;
  readonly incarnation: string;
  /** Monotonic. */
  expiresAtMs: number;
  /** What was granted lately: the node echoes one of them. */
  grants: { readonly id: string; readonly atMs: number }[];
  /** It may have been granted by an earlier process of this registry, whose grants are not known here. */
  presumed: boolean;
  /** It has echoed a grant, so answers reach it. Before that it does not become a member. */
  confirmed: boolean;
  /** The last renewal that was granted; undefined while the lease is presumed. */
  request: RenewalRequest | undefined;
}

/** A node whose lease ran out, and that has not come back. */
export interface LostNode {
  readonly nodeId: string;
  readonly address: string;
  /** When its lease ran out; monotonic. */
  readonly sinceMs: number;
}

export class Leases {
  readonly #leases = new Map<string, Lease>();
  readonly #lost = new Map<string, LostNode>();
  #nextExpiryMs = Number.POSITIVE_INFINITY;

  get size(): number {
    return this.#leases.size;
  }

  /** No lease runs out before this time; perhaps none does then. */
  get nextExpiryMs(): number {
    return this.#nextExpiryMs;
  }

  of(nodeId: string): Lease | undefined {
    return this.#leases.get(nodeId);
  }

  all(): IterableIterator<Lease> {
    return this.#leases.values();
  }

  /** A member of a stored epoch may hold a lease that an earlier process granted until just now. */
  presume({ nodeId, incarnation }: RingMember, nowMs: number): void {
    if (!this.#leases.has(nodeId)) this.#open({ nodeId, incarnation, presumed: true }, nowMs);
  }

  /** A lease with nothing granted yet, in place of one that is over. */
  begin({ nodeId, incarnation }: RenewalRequest, nowMs: number): Lease {
    return this.#open({ nodeId, incarnation, presumed: false }, nowMs);
  }

  grant(lease: Lease, request: RenewalRequest, { id, nowMs }: { id: string; nowMs: number }): void {
    lease.expiresAtMs = nowMs + registryLeaseMs;
    lease.grants = lease.grants.filter(({ atMs }) => nowMs - atMs < registryLeaseMs).slice(1 - grantsMax);
    lease.grants.push({ id, atMs: nowMs });
    lease.presumed = false;
    lease.request = request;
  }

  drop(nodeId: string): void {
    this.#leases.delete(nodeId);
    this.#lost.delete(nodeId);
  }

  /** Of the last hour. */
  lost(nowMs: number): LostNode[] {
    return [...this.#lost.values()].filter(({ sinceMs }) => nowMs - sinceMs < lostShownMs);
  }

  /** @returns those that have run out; they are gone */
  expire(nowMs: number): Lease[] {
    if (nowMs < this.#nextExpiryMs) return [];
    const over: Lease[] = [];
    this.#nextExpiryMs = Number.POSITIVE_INFINITY;
    for (const lease of this.#leases.values()) {
      if (lease.expiresAtMs <= nowMs) over.push(lease);
      else this.#nextExpiryMs = Math.min(this.#nextExpiryMs, lease.expiresAtMs);
    }
    for (const { nodeId, request, expiresAtMs } of over) {
      this.drop(nodeId);
      if (request) this.#lose({ nodeId, address: request.address, sinceMs: expiresAtMs });
    }
    return over;
  }

  #lose(node: LostNode): void {
    const [oldest] = this.#lost.keys();
    if (oldest !== undefined && this.#lost.size >= lostMax) this.#lost.delete(oldest);
    this.#lost.set(node.nodeId, node);
  }

  #open(of: Pick<Lease, 'nodeId' | 'incarnation' | 'presumed'>, nowMs: number): Lease {
    const expiresAtMs = nowMs + registryLeaseMs;
    const lease: Lease = { ...of, expiresAtMs, confirmed: of.presumed, grants: [], request: undefined };
    this.#leases.set(of.nodeId, lease);
    this.#lost.delete(of.nodeId);
    this.#nextExpiryMs = Math.min(this.#nextExpiryMs, expiresAtMs);
    return lease;
  }
}
