/** Settings of the requests to UFSs, whichever role sends them. */
import { duration, integer, type Values } from '@forebay/core/config';
import { defaultS3Limits, type S3Limits } from './s3/limits.ts';

export const ufsSettings = {
  ufsConnectionsMax: integer({
    env: 'FOREBAY_UFS_CONNECTIONS_MAX',
    default: '256',
    min: '1',
    max: '65535',
    help: 'Connections to one UFS at a time.',
  }),
  ufsReadRetriesMax: integer({
    env: 'FOREBAY_UFS_READ_RETRIES_MAX',
    default: '2',
    max: '10',
    help: 'How often a read is sent again where the connection broke or the UFS asks for patience. Writes never.',
  }),
  ufsReadDeadlineMs: duration({
    env: 'FOREBAY_UFS_READ_DEADLINE',
    default: '15s',
    max: '10m',
    help: 'After this long a read is not sent again. A Retry-After beyond it is not waited for.',
  }),
  ufsHedgePercentMax: integer({
    env: 'FOREBAY_UFS_HEDGE_PERCENT_MAX',
    default: '5',
    max: '50',
    help: 'Reads of objects that are sent a second time because the first answer is late, per hundred. 0: none.',
  }),
  ufsCircuitFailuresMax: integer({
    env: 'FOREBAY_UFS_CIRCUIT_FAILURES_MAX',
    default: '16',
    max: '100000',
    help: 'Failures in a row (no answer, or a 5xx) after which a UFS is left alone for a while. 0: never.',
  }),
  ufsCircuitBackoffMs: duration({
    env: 'FOREBAY_UFS_CIRCUIT_BACKOFF',
    default: '500ms',
    min: '10ms',
    max: '1h',
    help: 'For how long at first: then one request tries. Doubles each time that fails.',
  }),
  ufsCircuitBackoffMaxMs: duration({
    env: 'FOREBAY_UFS_CIRCUIT_BACKOFF_MAX',
    default: '30s',
    min: '10ms',
    max: '1h',
    help: 'For how long at most.',
  }),
};

/** The settings as the driver of S3 stores takes them. */
export type UfsValues = Values<typeof ufsSettings>;

export function s3LimitsOf(values: UfsValues): Partial<S3Limits> {
  return {
    connectionsMax: values.ufsConnectionsMax,
    readRetriesMax: values.ufsReadRetriesMax,
    readDeadlineMs: values.ufsReadDeadlineMs,
    hedge: { ...defaultS3Limits.hedge, share: values.ufsHedgePercentMax / 100 },
    circuit: {
      failuresMax: values.ufsCircuitFailuresMax,
      backoffMs: values.ufsCircuitBackoffMs,
      backoffMaxMs: Math.max(values.ufsCircuitBackoffMs, values.ufsCircuitBackoffMaxMs),
    },
  };
}
