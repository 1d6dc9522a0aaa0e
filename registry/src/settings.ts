/** Settings of the registry role: the admin API. */
import { integer, text } from '@forebay/core/config';

export const registrySettings = {
  adminPort: integer({
    env: 'FOREBAY_ADMIN_PORT',
    default: '9001',
    max: '65535',
    help: 'Port of the dashboard, the admin API, /metrics, /healthz and /readyz. 0 takes any free port.',
  }),
  token: text({
    env: 'FOREBAY_TOKEN',
    pattern: /^[\x21-\x7e]{16,256}$/,
    allowed: '16 to 256 visible ASCII characters',
    secret: true,
    help: 'Bearer token of the admin API, beside the root key pair. Only from the environment.',
  }),
};
