/** What a role of a cluster is told: flags, environment, config file, defaults. */

import { formatSize } from '@forebay/core/bytes';
import { neededClusterSecret } from '@forebay/core/cluster-secret';
import { ConfigError, resolveSettings, type Settings, type Values } from '@forebay/core/config';
import type { Mount } from '@forebay/core/mount';
import { type DataDir, dataDirAt, type RootCredentials } from './data-dir.ts';
import {
  configPathOf,
  type GivenRecords,
  givenRecords,
  givenRootOf,
  readConfigFile,
  type ServeSources,
  single,
} from './serve-config.ts';
import {
  clusterSettings,
  type GatewayRoleValues,
  gatewayRoleSettings,
  type RegistryRoleValues,
  registryRoleSettings,
  serveSettings,
} from './settings.ts';

/**
 * The values of a role's settings. One config file may serve all roles: what another role reads in it is
 * looked at, and left.
 * @throws ConfigError on the first thing that cannot be used
 */
export function loadRoleValues<S extends Settings>(settings: S, sources: ServeSources): Values<S> {
  return loadRole(settings, sources).values;
}

function loadRole<S extends Settings>(settings: S, sources: ServeSources) {
  const { flags, env } = sources;
  const file = readConfigFile(configPathOf(sources), { ...serveSettings, ...clusterSettings, ...settings });
  return { file, values: resolveSettings(settings, { flags, env, file: file.values }) };
}

export interface ClusterPlace {
  /** `http://host:9001`, at least one. */
  readonly registries: readonly string[];
  readonly clusterSecret: string;
}

/** @throws ConfigError where there is no registry, or no secret */
export function clusterPlaceOf(values: {
  readonly registry: readonly string[];
  readonly clusterSecret: string | undefined;
}): ClusterPlace {
  const registries = values.registry
    .flatMap((text) => text.split(','))
    .map((text) => text.trim().replace(/\/+$/, ''))
    .filter((text) => text !== '');
  if (registries.length === 0)
    throw new ConfigError('--registry is needed: http://host:9001 of the registry');
  return { registries, clusterSecret: neededClusterSecret(values.clusterSecret) };
}

export interface GatewayRoleConfig extends ClusterPlace {
  readonly values: GatewayRoleValues;
  readonly root: RootCredentials | undefined;
}

/** @throws ConfigError */
export function loadGatewayConfig(sources: ServeSources): GatewayRoleConfig {
  const values = loadRoleValues(gatewayRoleSettings, sources);
  return { values, ...clusterPlaceOf(values), root: givenRootOf(values) };
}

export interface RegistryRoleConfig extends GivenRecords {
  readonly values: RegistryRoleValues;
  readonly dataDir: DataDir;
  readonly clusterSecret: string;
  readonly root: RootCredentials | undefined;
}

/** @throws ConfigError */
export function loadRegistryConfig(sources: ServeSources): RegistryRoleConfig {
  const { file, values } = loadRole(registryRoleSettings, sources);
  // Everybody on the machine sees the flags of a process.
  if (/@/.test(single(sources.flags.state) ?? ''))
    throw new ConfigError(
      '--state: a URL with a password goes into FOREBAY_STATE, where nobody else sees it',
    );
  const clusterSecret = neededClusterSecret(values.clusterSecret);
  const dataDir = dataDirAt(values.dataDir);
  const { pageSizeBytes, segmentSizeBytes } = values;
  const records = givenRecords(file, sources, { pageSizeBytes, dataDir });
  for (const mount of records.mounts) refuseOddPages(mount, segmentSizeBytes);
  return { ...records, values, dataDir, clusterSecret, root: givenRootOf(values) };
}

/** A page lies on one node. @throws ConfigError */
export function refuseOddPages({ path, pageSizeBytes }: Mount, segmentSizeBytes: number): void {
  if (segmentSizeBytes % pageSizeBytes === 0) return;
  throw new ConfigError(
    `mount ${path}: a segment of ${formatSize(segmentSizeBytes)} is no multiple of its page size, ` +
      `${formatSize(pageSizeBytes)}; choose another with --segment-size`,
  );
}
