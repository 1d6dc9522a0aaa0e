/** Settings of the registry role: the admin API. */
import { decimal, integer, text } from '@forebay/core/config';

export const registrySettings = {
  adminPort: integer({
    env: 'FOREBAY_ADMIN_PORT',
    default: '9001',
    max: '65535',
    help: 'Port of the dashboard, the admin API, /metrics, /healthz and /readyz. 0 takes any free port.',
  }),
  jobsRunningMax: integer({
    env: 'FOREBAY_JOBS_RUNNING_MAX',
    default: '4',
    min: '1',
    max: '64',
    help: 'Jobs (load, copy, ...) that run at a time; the others wait, the most urgent first.',
  }),
  jobsConcurrencyMax: integer({
    env: 'FOREBAY_JOBS_CONCURRENCY_MAX',
    default: '32',
    min: '1',
    max: '1024',
    help: 'Objects, or parts of large ones, that all jobs together work on at a time, per cache node.',
  }),
  priceThousandReads: decimal({
    env: 'FOREBAY_PRICE_THOUSAND_READS',
    default: '0.0004',
    help: 'What the UFS bills for a thousand reads, in USD. For estimates of jobs alone.',
  }),
  priceThousandLists: decimal({
    env: 'FOREBAY_PRICE_THOUSAND_LISTS',
    default: '0.005',
    help: 'What the UFS bills for a thousand listings, in USD. For estimates of jobs alone.',
  }),
  priceGibibyte: decimal({
    env: 'FOREBAY_PRICE_GIBIBYTE',
    default: '0.09',
    help: 'What the UFS bills for a GiB that leaves it, in USD; 0 within its region. For estimates of jobs alone.',
  }),
  token: text({
    env: 'FOREBAY_TOKEN',
    pattern: /^[\x21-\x7e]{16,256}$/,
    allowed: '16 to 256 visible ASCII characters',
    secret: true,
    help: 'Bearer token of the admin API, beside the root key pair. Only from the environment.',
  }),
};
