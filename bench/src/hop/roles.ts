/** What the two processes of a hop are told, and what both make of it. */
import { systemClock } from '@forebay/core/clock';
import { createLog } from '@forebay/core/log';
import { Metrics } from '@forebay/core/metrics';
import { type Mount, MountTable } from '@forebay/core/mount';
import { parseMount } from '@forebay/core/mount-uri';
import { openUfs, openUfsService } from '@forebay/ufs/open-ufs';

export interface RoleConfig {
  /** `/bench=s3://bench?endpoint=...&credentials=env:BENCH` */
  readonly mount: string;
  readonly dataDir: string;
  readonly accessKey: string;
  readonly secretKey: string;
  readonly secret: string;
  readonly planePort: number;
  readonly gatewayPort: number;
}

const pageSizeBytes = 1024 * 1024;

/** From the process's argument. */
export function roleConfig(): RoleConfig {
  // An end in good order, so that a profile is written where one is taken.
  process.once('SIGTERM', () => process.exit());
  return JSON.parse(process.argv[2]!) as RoleConfig;
}

/** Made anew in each process, as gateways and nodes on two machines do. */
export function partsOf({ mount }: RoleConfig) {
  const mounts = new MountTable([parseMount(mount, { pageSizeBytes, createdAtMs: 0 })]);
  const log = createLog({ level: 'warn' });
  const deps = { env: process.env, log };
  const ufs = openUfs(mounts.mounts[0]!.ufs, deps);
  return {
    mounts,
    log,
    clock: systemClock,
    metrics: new Metrics(),
    ufsOf: () => ufs,
    serviceOf: (pattern: Mount) => openUfsService(pattern.ufs, deps),
  };
}
