/** What a role of a cluster is told: flags, environment, config file, defaults. */
import { neededClusterSecret } from '@forebay/core/cluster-secret';
import { ConfigError, resolveSettings, type Settings, type Values } from '@forebay/core/config';
import type { RootCredentials } from './data-dir.ts';
import { givenRootOf, readConfigFile, type ServeSources, single } from './serve-config.ts';
import { type GatewayRoleValues, gatewayRoleSettings, serveSettings } from './settings.ts';

/**
 * The values of a role's settings. One config file may serve all roles: what another role reads in it is
 * looked at, and left.
 * @throws ConfigError on the first thing that cannot be used
 */
export function loadRoleValues<S extends Settings>(settings: S, { flags, env }: ServeSources): Values<S> {
  const path = single(flags.config) ?? (env.FOREBAY_CONFIG || undefined);
  const file = readConfigFile(path, { ...serveSettings, ...settings });
  return resolveSettings(settings, { flags, env, file: file.values });
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
