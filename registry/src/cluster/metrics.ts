/** Metrics of the registry role. */

import type { Membership, RenewalAnswer } from '@forebay/core/membership';
import type { Metrics } from '@forebay/core/metrics';
import { declareRingEpoch } from '@forebay/core/ring-metrics';
import type { NodeView } from './node-views.ts';

const nodeStates = [
  'active',
  'draining',
  'joining',
  'silent',
] as const satisfies readonly NodeView['state'][];

export interface RegistryCounters {
  renewed(answer: RenewalAnswer): void;
  becameActive(): void;
}

export interface RegistryGauges {
  readonly isActive: boolean;
  readonly membership: Membership | undefined;
  /** Cache nodes. */
  readonly nodes: readonly Pick<NodeView, 'state'>[];
  readonly leases: number;
  readonly softMembers: number;
}

export function declareRegistryMetrics(metrics: Metrics, read: () => RegistryGauges): RegistryCounters {
  metrics.gauge(
    {
      name: 'forebay_registry_active',
      help: '1 where this registry is the active one. No 1 among all for more than seconds: writes stop soon.',
    },
    (gauge) => gauge.set(read().isActive ? 1 : 0),
  );
  declareRingEpoch(metrics, () => read().membership?.epoch.number ?? 0);
  metrics.gauge(
    {
      name: 'forebay_registry_epoch_settled',
      help: 'Whether the newest epoch is settled. 0 for more than a lease: a node or gateway does not acknowledge it.',
    },
    (gauge) => gauge.set(read().membership?.settled ? 1 : 0),
  );
  metrics.gauge(
    {
      name: 'forebay_registry_members',
      help:
        'Gateways (state gateway), and cache nodes by state: active, draining, joining (no member yet) or silent ' +
        '(a member without a lease). Fewer than were started: some cannot reach this one.',
      labels: ['state'],
    },
    (gauge) => {
      const { nodes, softMembers } = read();
      for (const state of nodeStates) {
        gauge.set({ state }, nodes.filter((node) => node.state === state).length);
      }
      gauge.set({ state: 'gateway' }, softMembers);
    },
  );
  metrics.gauge(
    { name: 'forebay_registry_leases', help: 'Cache nodes that hold a lease, members or not yet.' },
    (gauge) => gauge.set(read().leases),
  );
  metrics.gauge(
    {
      name: 'forebay_registry_lost_writers',
      help:
        'Gateways and copying nodes that were gone without a word and may have writes under way, for fifteen minutes. ' +
        'Keys that move meanwhile have their info from the UFS. Growing: gateways crash, or lose the registry.',
    },
    (gauge) => gauge.set(read().membership?.lost?.count ?? 0),
  );
  const renewals = metrics.counter({
    name: 'forebay_registry_renewals_total',
    help: 'Renewals by result: granted, or why not. Much of old-epoch: the ring changes all the time.',
    labels: ['result'],
  });
  const takeovers = metrics.counter({
    name: 'forebay_registry_takeovers_total',
    help: 'How often this registry became the active one. Growing: registries lose their store or each other.',
  });
  return {
    renewed: (answer) => renewals.inc({ result: answer.granted ? 'granted' : answer.reason }),
    becameActive: () => takeovers.inc(),
  };
}
