/** Metrics of the registry role. */

import type { Membership, RenewalAnswer } from '@forebay/core/membership';
import type { Metrics } from '@forebay/core/metrics';

export interface RegistryCounters {
  renewed(answer: RenewalAnswer): void;
  becameActive(): void;
}

export interface RegistryGauges {
  readonly isActive: boolean;
  readonly membership: Membership | undefined;
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
  metrics.gauge(
    {
      name: 'forebay_registry_epoch',
      help: 'Number of the newest epoch, 0 before the first. Grows often: nodes come and go; see the log.',
    },
    (gauge) => gauge.set(read().membership?.epoch.number ?? 0),
  );
  metrics.gauge(
    {
      name: 'forebay_registry_epoch_settled',
      help: 'Whether the newest epoch is settled. 0 for more than a lease: a node does not acknowledge it.',
    },
    (gauge) => gauge.set(read().membership?.settled ? 1 : 0),
  );
  metrics.gauge(
    {
      name: 'forebay_registry_members',
      help: 'Members of the newest epoch, and gateways. Fewer than were started: some cannot reach this one.',
      labels: ['state'],
    },
    (gauge) => {
      const members = read().membership?.epoch.members ?? [];
      const active = members.filter(({ state }) => state === 'active').length;
      gauge.set({ state: 'active' }, active);
      gauge.set({ state: 'draining' }, members.length - active);
      gauge.set({ state: 'gateway' }, read().softMembers);
    },
  );
  metrics.gauge(
    { name: 'forebay_registry_leases', help: 'Cache nodes that hold a lease, members or not yet.' },
    (gauge) => gauge.set(read().leases),
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
