/** The clients of the UFSs that one process has open, and what it counts of them. */
import type { Log } from '@forebay/core/log';
import type { Metrics } from '@forebay/core/metrics';
import type { Registry } from '@forebay/core/registry';
import {
  declareCircuits,
  declareUfsMetrics,
  declareUfsWaiting,
  meteredService,
  meteredUfs,
  type UfsMetrics,
} from '@forebay/ufs/metered';
import { openUfs, openUfsService } from '@forebay/ufs/open-ufs';
import { s3LimitsOf, type UfsValues } from '@forebay/ufs/settings';
import { UfsPool } from '@forebay/ufs/ufs-pool';
import type { Undoing } from './undoing.ts';

/** A request under way on a Ufs whose last mount went may take this long. */
const ufsGraceMs = 15 * 60_000;

export interface UfsClientsOptions {
  readonly registry: Pick<Registry, 'watch'>;
  readonly metrics: Metrics;
  readonly values: UfsValues;
  readonly log: Log;
  readonly undoing: Undoing;
}

export function openUfsClients({ registry, metrics, values, log, undoing }: UfsClientsOptions): {
  readonly pool: UfsPool;
  readonly ufsMetrics: UfsMetrics;
} {
  const ufsMetrics = declareUfsMetrics(metrics);
  const deps = { env: process.env, log, s3: s3LimitsOf(values) };
  const pool = new UfsPool({
    open: (location) => openUfs(location, deps),
    openService: (location) => openUfsService(location, deps),
    viewOf: (ufs, mount) => meteredUfs(ufs, mount, ufsMetrics),
    serviceViewOf: (service, pattern) => meteredService(service, pattern.path, ufsMetrics),
    graceMs: ufsGraceMs,
  });
  declareCircuits(metrics, () => pool.circuits());
  declareUfsWaiting(metrics, () => pool.waiting());
  undoing.add(() => pool.close());
  undoing.add(registry.watch(({ mounts }) => pool.retain(mounts.mounts)));
  return { pool, ufsMetrics };
}
