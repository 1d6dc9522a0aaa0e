/** Settings of the registry role: the admin API, and what it keeps for a cluster. */
import { bytes, decimal, integer, text } from '@forebay/core/config';

export const registrySettings = {
  adminPort: integer({
    env: 'FOREBAY_ADMIN_PORT',
    default: '9001',
    max: '65535',
    help: 'Port of the dashboard, the admin API, /metrics, /healthz and /readyz. 0 takes any free port.',
  }),
  jobsRunningMax: integer({
    env: 'FOREBAY_JOBS_RUNNING_MAX',
    dynamic: true,
    default: '4',
    min: '1',
    max: '64',
    help: 'Jobs (load, copy, ...) that run at a time; the others wait, the most urgent first.',
  }),
  jobsConcurrencyMax: integer({
    env: 'FOREBAY_JOBS_CONCURRENCY_MAX',
    dynamic: true,
    default: '32',
    min: '1',
    max: '1024',
    help: 'Objects, or parts of large ones, that all jobs together work on at a time, per cache node.',
  }),
  priceThousandReads: decimal({
    env: 'FOREBAY_PRICE_THOUSAND_READS',
    dynamic: true,
    default: '0.0004',
    help: 'What the UFS bills for a thousand reads, in USD. For estimates alone: of jobs, and of what the cache saves.',
  }),
  priceThousandLists: decimal({
    env: 'FOREBAY_PRICE_THOUSAND_LISTS',
    dynamic: true,
    default: '0.005',
    help: 'What the UFS bills for a thousand listings, in USD. For estimates of jobs alone.',
  }),
  priceGibibyte: decimal({
    env: 'FOREBAY_PRICE_GIBIBYTE',
    dynamic: true,
    default: '0.09',
    help: 'What the UFS bills for a GiB that leaves it, in USD; 0 within its region. For estimates alone.',
  }),
  token: text({
    env: 'FOREBAY_TOKEN',
    pattern: /^[\x21-\x7e]{16,256}$/,
    allowed: '16 to 256 visible ASCII characters',
    secret: true,
    help: 'Bearer token of the admin API, beside the root key pair. Only from the environment.',
  }),
  metricsToken: text({
    env: 'FOREBAY_METRICS_TOKEN',
    pattern: /^[\x21-\x7e]{16,256}$/,
    allowed: '16 to 256 visible ASCII characters',
    secret: true,
    help: 'Bearer token that opens /metrics and nothing else, for Prometheus. Only from the environment.',
  }),
};

/** Of a registry of a cluster. */
export const clusterRegistrySettings = {
  state: text({
    env: 'FOREBAY_STATE',
    pattern: /^rediss?:\/\/\S+$/,
    allowed: 'redis://host:6379, or rediss:// for TLS',
    help: 'Redis that several registries share: it must keep what it has (appendonly). Unset: a file.',
  }),
  segmentSizeBytes: bytes({
    env: 'FOREBAY_SEGMENT_SIZE',
    default: '64MiB',
    min: '64KiB',
    max: '1TiB',
    help: 'So much of an object lies on one cache node: a multiple of every page size. A change moves pages.',
  }),
  registryAdvertise: text({
    env: 'FOREBAY_REGISTRY_ADVERTISE',
    pattern: /^[A-Za-z0-9.-]+:\d{1,5}$|^\[[0-9a-f:]+\]:\d{1,5}$/,
    allowed: 'HOST:PORT',
    help: 'Where others reach this registry, as one that stands by tells it. Unset: host and admin port.',
  }),
};
