/** What jobs have done, counted as it is kept. */
import type { Metrics } from '@forebay/core/metrics';
import type { KeyTally } from './job-record.ts';
import type { JobKind } from './job-spec.ts';

export type JobMetrics = ReturnType<typeof declareJobMetrics>;

export function declareJobMetrics(metrics: Metrics) {
  const objects = metrics.counter<'kind' | 'result'>({
    name: 'forebay_job_objects_total',
    help:
      'Objects that jobs are done with, by kind and result (loaded, skipped, failed). Failed ones rising: forebay ' +
      'jobs says which job, forebay job ID which objects and why.',
    labels: ['kind', 'result'],
  });
  const bytes = metrics.counter<'kind'>({
    name: 'forebay_job_ufs_bytes_total',
    help: 'Bytes that came from the UFS for jobs, by kind. More than clients can spare: limit jobs by --bandwidth.',
    labels: ['kind'],
  });
  return {
    count: (kind: JobKind, { result, ufsBytes }: KeyTally) => {
      objects.inc({ kind, result });
      bytes.inc({ kind }, ufsBytes);
    },
  };
}
