/** The settings of `forebay serve`: those of its three roles, and its own; and those of a role alone. */
import { cacheNodeSettings } from '@forebay/cache-node/settings';
import { handOffSettings } from '@forebay/cluster/hand-off/settings';
import { choice, duration, integer, list, text, type Values } from '@forebay/core/config';
import { dataPlaneSettings, nodeClientSettings } from '@forebay/data-plane/settings';
import { gatewaySettings } from '@forebay/gateway/settings';
import { clusterRegistrySettings, registrySettings } from '@forebay/registry/settings';
import { ufsSettings } from '@forebay/ufs/settings';
import { tracingSettings } from './tracing/settings.ts';

export const processSettings = {
  dataDir: text({
    env: 'FOREBAY_DATA_DIR',
    default: './forebay-data',
    allowed: 'a directory',
    help: 'Directory of the cache, the registry and the root key pair. One process at a time.',
  }),
  logLevel: choice({
    env: 'FOREBAY_LOG_LEVEL',
    dynamic: true,
    choices: ['auto', 'debug', 'info', 'warn', 'error', 'silent'],
    default: 'auto',
    help: 'Least level of log lines on stderr. auto: warn on a terminal, otherwise info.',
  }),
  drainTimeoutMs: duration({
    env: 'FOREBAY_DRAIN_TIMEOUT',
    dynamic: true,
    default: '10s',
    max: '1h',
    help: 'How long requests under way may take to end after SIGTERM or Ctrl-C.',
  }),
  workers: integer({
    env: 'FOREBAY_WORKERS',
    default: '0',
    max: '256',
    help: 'Processes that serve clients, on one port and with one cache. 0: as many as there are cores.',
  }),
};

const rootUser = 'Both keys of the root user, or neither; only from the environment. ';
export const rootUserSettings = {
  accessKey: text({
    env: 'FOREBAY_ACCESS_KEY',
    pattern: /^[A-Za-z0-9._-]{3,128}$/,
    allowed: '3 to 128 letters, digits, dots, hyphens and underscores',
    secret: true,
    help: `${rootUser}Where unset, a pair is made at the first start and kept in the data directory.`,
  }),
  secretKey: text({
    env: 'FOREBAY_SECRET_KEY',
    pattern: /^[\x21-\x7e]{8,256}$/,
    allowed: '8 to 256 visible ASCII characters',
    secret: true,
    help: `${rootUser}Never given as a flag, because process lists show those.`,
  }),
};

/** In the order of the help text and the documentation. */
export const serveSettingGroups = [
  { title: 'Process', settings: processSettings },
  { title: 'Gateway', settings: gatewaySettings },
  { title: 'Cache', settings: cacheNodeSettings },
  { title: 'UFS', settings: ufsSettings },
  { title: 'Traces', settings: tracingSettings },
  { title: 'Admin API', settings: registrySettings },
  { title: 'Root user', settings: rootUserSettings },
] as const;

export const serveSettings = {
  ...processSettings,
  ...gatewaySettings,
  ...cacheNodeSettings,
  ...ufsSettings,
  ...tracingSettings,
  ...registrySettings,
  ...rootUserSettings,
};

export type ServeValues = Values<typeof serveSettings>;

/** Of a role that belongs to a cluster. */
export const clusterSettings = {
  registry: list({
    env: 'FOREBAY_REGISTRY',
    pattern: /^https?:\/\/\S+$/,
    allowed: 'http://host:9001, or several with commas between them',
    help: 'Where the registries answer. May be repeated, or a list with commas.',
  }),
  clusterSecret: text({
    env: 'FOREBAY_CLUSTER_SECRET',
    secret: true,
    help: 'What all roles of one cluster share: at least 16 bytes. Only from the environment.',
  }),
};

/** The admin port has another default there, so that the roles of one host do not meet. */
const gatewayAdminSettings = {
  ...registrySettings,
  adminPort: integer({
    env: 'FOREBAY_ADMIN_PORT',
    default: '9002',
    max: '65535',
    help: 'Port of /metrics, /healthz and /readyz. 0 takes any free port.',
  }),
};

const gatewayProcessSettings = {
  dataDir: text({
    env: 'FOREBAY_DATA_DIR',
    allowed: 'a directory',
    help: 'Where the last view of the registry is kept, so that a start needs no registry. Unset: nowhere.',
  }),
  logLevel: processSettings.logLevel,
  drainTimeoutMs: processSettings.drainTimeoutMs,
  workers: integer({
    env: 'FOREBAY_WORKERS',
    default: '1',
    max: '256',
    help: 'Processes that serve clients, on one port. 0: as many as there are cores.',
  }),
};

export const gatewayRoleGroups = [
  { title: 'Cluster', settings: clusterSettings },
  { title: 'Process', settings: gatewayProcessSettings },
  { title: 'Gateway', settings: gatewaySettings },
  { title: 'Cache nodes', settings: nodeClientSettings },
  { title: 'UFS', settings: ufsSettings },
  { title: 'Traces', settings: tracingSettings },
  { title: 'Admin', settings: gatewayAdminSettings },
  { title: 'Root user', settings: rootUserSettings },
] as const;

export const gatewayRoleSettings = {
  ...clusterSettings,
  ...gatewayProcessSettings,
  ...gatewaySettings,
  ...nodeClientSettings,
  ...ufsSettings,
  ...tracingSettings,
  ...gatewayAdminSettings,
  ...rootUserSettings,
};

export type GatewayRoleValues = Values<typeof gatewayRoleSettings>;

const registryProcessSettings = {
  dataDir: processSettings.dataDir,
  logLevel: processSettings.logLevel,
  host: gatewaySettings.host,
};

const registryClusterSettings = {
  ...clusterRegistrySettings,
  clusterSecret: clusterSettings.clusterSecret,
  pageSizeBytes: cacheNodeSettings.pageSizeBytes,
};

export const registryRoleGroups = [
  { title: 'Cluster', settings: registryClusterSettings },
  { title: 'Process', settings: registryProcessSettings },
  { title: 'Admin API', settings: registrySettings },
  { title: 'Root user', settings: rootUserSettings },
] as const;

export const registryRoleSettings = {
  ...registryClusterSettings,
  ...registryProcessSettings,
  ...registrySettings,
  ...rootUserSettings,
};

export type RegistryRoleValues = Values<typeof registryRoleSettings>;

/** Ports of their own, so that the roles of one host do not meet. */
const nodeSettings = {
  host: text({
    env: 'FOREBAY_HOST',
    default: '127.0.0.1',
    allowed: 'an address of this machine',
    help: 'Address to listen on, for the data plane and the admin port. A wildcard needs --advertise.',
  }),
  port: integer({
    env: 'FOREBAY_PORT',
    default: '9100',
    max: '65535',
    help: 'Port by which gateways and other nodes reach this one. 0 takes any free port.',
  }),
  advertise: text({
    env: 'FOREBAY_ADVERTISE',
    allowed: 'HOST:PORT',
    help: 'Where the others reach this node. Needed where --host is a wildcard. Unset: host and port.',
  }),
  ...dataPlaneSettings,
};

const nodeAdminSettings = {
  token: registrySettings.token,
  metricsToken: registrySettings.metricsToken,
  adminPort: integer({
    env: 'FOREBAY_ADMIN_PORT',
    default: '9101',
    max: '65535',
    help: 'Port of /metrics, /healthz, /readyz and /v1/state. 0 takes any free port.',
  }),
};

const nodeProcessSettings = {
  dataDir: processSettings.dataDir,
  logLevel: processSettings.logLevel,
  drainTimeoutMs: processSettings.drainTimeoutMs,
};

export const cacheNodeRoleGroups = [
  { title: 'Cluster', settings: clusterSettings },
  { title: 'Node', settings: nodeSettings },
  { title: 'Other nodes', settings: nodeClientSettings },
  { title: 'Process', settings: nodeProcessSettings },
  { title: 'Cache', settings: cacheNodeSettings },
  { title: 'Hand-off', settings: handOffSettings },
  { title: 'UFS', settings: ufsSettings },
  { title: 'Traces', settings: tracingSettings },
  { title: 'Admin', settings: nodeAdminSettings },
  { title: 'Root user', settings: rootUserSettings },
] as const;

export const cacheNodeRoleSettings = {
  ...clusterSettings,
  ...nodeSettings,
  ...nodeClientSettings,
  ...nodeProcessSettings,
  ...cacheNodeSettings,
  ...handOffSettings,
  ...ufsSettings,
  ...tracingSettings,
  ...nodeAdminSettings,
  ...rootUserSettings,
};

export type CacheNodeRoleValues = Values<typeof cacheNodeRoleSettings>;
