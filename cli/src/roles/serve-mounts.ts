/** The mounts of `serve`: made of what was asked for, and tried. */
import { statSync } from 'node:fs';
import type { Clock } from '@forebay/core/clock';
import { ConfigError } from '@forebay/core/config';
import type { Log } from '@forebay/core/log';
import { isPattern, type Mount } from '@forebay/core/mount';
import { type MountInput, parseMount } from '@forebay/core/mount-uri';
import { openUfs } from '@forebay/ufs/open-ufs';
import type { UfsPool } from '@forebay/ufs/ufs-pool';
import type { DataDir } from '../data-dir.ts';
import { refuseDataDir, type ServeConfig } from '../serve-config.ts';

interface MountParts {
  readonly config: ServeConfig;
  readonly log: Log;
  readonly clock: Clock;
}

interface MountPlace {
  readonly values: { readonly pageSizeBytes: number };
  readonly dataDir: DataDir;
}

/** @throws ConfigError */
export function mountFor(input: MountInput, { values, dataDir }: MountPlace, createdAtMs: number): Mount {
  const mount = parseMount(input, { pageSizeBytes: values.pageSizeBytes, createdAtMs });
  refuseDataDir(mount, dataDir);
  return mount;
}

/**
 * Opens the UFSs of the mounts that were asked for, so that what is missing shows at the start. No store is
 * asked over the network: it may come later.
 * @throws ConfigError where a mount cannot be used as it is (its credentials are not set).
 */
export async function openMounts(pool: UfsPool, { config, log }: MountParts): Promise<void> {
  for (const mount of config.mounts) {
    try {
      await (isPattern(mount) ? pool.serviceOf(mount) : pool.ufsOf(mount));
      if (mount.ufs.scheme === 'file') statSync(mount.ufs.directory);
      const { path, listTtlMs } = mount;
      if (listTtlMs !== undefined) log.info({ mount: path, listTtlMs }, 'lists of this mount may lag');
    } catch (error) {
      const { cause } = error as Error;
      if (cause instanceof ConfigError) {
        throw new ConfigError(`mount ${mount.path}: ${cause.message}`, { cause });
      }
      log.warn({ mount: mount.path, reason: String(error) }, 'the UFS of a mount cannot be reached now');
    }
  }
}

/** @throws ConfigError */
export async function usableMount(input: MountInput, { config, clock, log }: MountParts): Promise<Mount> {
  const mount = mountFor(input, config, clock.wallMs());
  const probe = await openUfs(mount.ufs, { env: process.env, log });
  await probe.close();
  return mount;
}
