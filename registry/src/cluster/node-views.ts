/** The cluster's nodes and gateways as the admin API shows them. */
import type { HandOffProgress, NodeStats } from '@forebay/core/cache-node';
import type { MemberInfo } from '@forebay/core/registry-wire';
import type { Lease, LostNode } from './leases.ts';
import type { MembershipMachine } from './membership-machine.ts';

export interface NodeView {
  readonly id: string;
  readonly role: 'serve' | 'gateway' | 'cache-node' | 'registry';
  /** HOST:PORT of its data plane, or of its S3 endpoint. */
  readonly address: string;
  readonly adminAddress?: string;
  /**
   * `active`: in the ring; `draining`: asked for what it has, and owns nothing; `joining`: leased, and no
   * member yet; `silent`: its lease has run out within the last hour, and it did not say that it leaves.
   * Gateways are `active`.
   */
  readonly state: 'active' | 'draining' | 'joining' | 'silent';
  /** Left out where there is none. In ms. */
  readonly leaseLeftMs?: number;
  /** Since its lease ran out. */
  readonly silentMs?: number;
  /** The newest epoch that it has acknowledged; left out for gateways. */
  readonly epoch?: number;
  /** Its expected part of all objects, from 0 to 1. */
  readonly ringShare: number;
  /** Left out where it has not said yet. */
  readonly cacheBytes?: number;
  readonly cacheBytesMax?: number;
  /** How far it is with handing over pages that others own. Left out where it has not said. */
  readonly handOff?: HandOffProgress;
  readonly version?: string;
}

interface Sources {
  readonly machine: MembershipMachine;
  readonly members: readonly MemberInfo[];
  /** Monotonic. */
  readonly nowMs: number;
}

/** Cache nodes first, each kind by its id. */
export function nodeViews({ machine, members, nowMs }: Sources): NodeView[] {
  const known = machine.membership()?.epoch.members ?? [];
  const active = known.filter(({ state }) => state === 'active');
  const weights = active.reduce((sum, { weight }) => sum + weight, 0);
  const leases = new Map(machine.leases().map((lease) => [lease.nodeId, lease]));
  const lost = new Map(machine.lost(nowMs).map((node) => [node.nodeId, lostView(node, nowMs)]));
  const ofMembers = known.map(({ nodeId, address, state, weight }): NodeView => {
    const lease = leases.get(nodeId);
    leases.delete(nodeId);
    const silentMs = lost.get(nodeId)?.silentMs;
    lost.delete(nodeId);
    return {
      ...{ id: nodeId, role: 'cache-node', address, state: lease ? state : 'silent' },
      ringShare: state === 'active' ? weight / weights : 0,
      ...(silentMs !== undefined && { silentMs }),
      ...(lease && leaseView(lease, nowMs)),
    };
  });
  const joining = [...leases.values()].map(
    (lease): NodeView => ({
      ...{ id: lease.nodeId, role: 'cache-node', address: lease.request?.address ?? '', state: 'joining' },
      ...{ ringShare: 0, ...leaseView(lease, nowMs) },
    }),
  );
  const gateways = members.map(
    ({ nodeId, role, address, adminAddress, version }): NodeView => ({
      ...{ id: nodeId, role, address, adminAddress, state: 'active', ringShare: 0, version },
    }),
  );
  const byId = (a: NodeView, b: NodeView) => (a.id < b.id ? -1 : 1);
  return [...[...ofMembers, ...joining, ...lost.values()].sort(byId), ...gateways.sort(byId)];
}

function lostView({ nodeId, address, sinceMs }: LostNode, nowMs: number) {
  const silentMs = Math.round(nowMs - sinceMs);
  return { id: nodeId, role: 'cache-node', address, state: 'silent', silentMs, ringShare: 0 } as const;
}

function leaseView({ expiresAtMs, request }: Readonly<Lease>, nowMs: number) {
  const { stats, version, adminAddress, epoch } = request ?? {};
  return {
    leaseLeftMs: Math.max(Math.round(expiresAtMs - nowMs), 0),
    ...(epoch !== undefined && { epoch }),
    ...(adminAddress !== undefined && { adminAddress }),
    ...(stats && cacheOf(stats)),
    ...(version !== undefined && { version }),
  };
}

function cacheOf({ diskBytes, diskBytesMax, handOff }: NodeStats) {
  return { cacheBytes: diskBytes, cacheBytesMax: diskBytesMax, ...(handOff && { handOff }) };
}
