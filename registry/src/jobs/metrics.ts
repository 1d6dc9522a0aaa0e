/** What jobs have done, counted as it is kept. */
import type { Metrics } from '@forebay/core/metrics';
import type { JobState, KeyTally } from './job-record.ts';
import { type JobKind, jobKinds } from './job-spec.ts';

export type JobMetrics = ReturnType<typeof declareJobMetrics>;

const openStates = ['queued', 'running', 'paused', 'scheduled'] as const satisfies readonly JobState[];

const endStates = ['done', 'failed', 'cancelled'] as const satisfies readonly JobState[];
const results = ['loaded', 'skipped', 'failed'] as const satisfies readonly KeyTally['result'][];

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
  const ended = metrics.counter<'kind' | 'state'>({
    name: 'forebay_jobs_ended_total',
    help:
      'Jobs that are over, by kind and state: done, failed (the job as a whole) or cancelled. A failed one: ' +
      'forebay job ID says why, and --resume goes on from its last checkpoint.',
    labels: ['kind', 'state'],
  });
  // From 0: what appears with 1 has not grown in the eyes of Prometheus.
  for (const kind of jobKinds) {
    for (const state of endStates) ended.inc({ kind, state }, 0);
    for (const result of results) objects.inc({ kind, result }, 0);
    bytes.inc({ kind }, 0);
  }
  let statesNow: () => readonly JobState[] = () => [];
  metrics.gauge<'state'>(
    {
      name: 'forebay_jobs',
      help:
        'Jobs that are not over, by state: queued, running, paused or scheduled. Many queued for long: raise ' +
        'jobsRunningMax, or see whether those that run get on.',
      labels: ['state'],
    },
    (gauge) => {
      const states = statesNow();
      for (const state of openStates) gauge.set({ state }, states.filter((one) => one === state).length);
    },
  );
  return {
    ended: (kind: JobKind, state: JobState) => ended.inc({ kind, state }),
    /** @param read the jobs of the scheduler that is there now; it may be followed by another one */
    follow: (read: () => readonly JobState[]) => {
      statesNow = read;
    },
    count: (kind: JobKind, { result, ufsBytes }: KeyTally) => {
      objects.inc({ kind, result });
      bytes.inc({ kind }, ufsBytes);
    },
  };
}
