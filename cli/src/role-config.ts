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
  type CacheNodeRoleValues,
  cacheNodeRoleSettings,
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

export interface CacheNodeRoleConfig extends ClusterPlace {
  readonly values: CacheNodeRoleValues;
  readonly dataDir: DataDir;
  readonly root: RootCredentials | undefined;
  /** HOST:PORT; undefined: where it listens. */
  readonly advertise: string | undefined;
}

/** @throws ConfigError */
export function loadCacheNodeConfig(sources: ServeSources): CacheNodeRoleConfig {
  const values = loadRoleValues(cacheNodeRoleSettings, sources);
  const { advertise, host } = values;
  if (advertise === undefined && isWildcard(host)) {
    throw new ConfigError(
      `--advertise is needed: nobody can reach ${host}; say HOST:PORT by which the others reach this node`,
    );
  }
  if (advertise !== undefined) checkAdvertised(advertise);
  const dataDir = dataDirAt(values.dataDir);
  return { values, ...clusterPlaceOf(values), dataDir, root: givenRootOf(values), advertise };
}

function isWildcard(host: string): boolean {
  return ['', '*', '0.0.0.0', '::', '[::]'].includes(host);
}

/** @throws ConfigError where others cannot connect to it */
function checkAdvertised(address: string): void {
  const [, host, port] = /^(.+):(\d{1,5})$/.exec(address) ?? [];
  const isOne = host !== undefined && (!host.includes(':') || /^\[.*\]$/.test(host));
  if (!isOne || Number(port) < 1 || Number(port) > 65_535) {
    throw new ConfigError(`--advertise ${address} is no HOST:PORT (an IPv6 host stands in brackets)`);
  }
  if (isWildcard(host)) {
    throw new ConfigError(`--advertise ${address}: nobody can reach a wildcard; say a name or an address`);
  }
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
