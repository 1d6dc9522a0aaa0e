/** Loads, copies and the like. */
import { clusterVariable, type Dashboard, of, query, type Row, rate } from './dashboard.ts';

const now: Row = {
  ...{ title: 'Now', width: 6, height: 4 },
  panels: [
    {
      ...{ title: 'Not over', kind: 'stat', unit: 'short' },
      description: 'Jobs by state. Many queued for long: raise jobsRunningMax.',
      queries: [query(`sum by (state) (${of('forebay_jobs')})`, '{{state}}')],
    },
    {
      ...{ title: 'Objects', kind: 'stat', unit: 'short' },
      description: 'Objects that jobs are done with, a second.',
      queries: [query(`sum(${rate('forebay_job_objects_total')})`)],
    },
    {
      ...{ title: 'From the UFS', kind: 'stat', unit: 'Bps' },
      description: 'Bytes that come from UFSs for jobs. More than clients can spare: --bandwidth.',
      queries: [query(`sum(${rate('forebay_job_ufs_bytes_total')})`)],
    },
    {
      ...{ title: 'Failed in a day', kind: 'stat', unit: 'short' },
      description: 'Jobs that failed as a whole. forebay jobs names them.',
      queries: [query(`sum(increase(${of('forebay_jobs_ended_total', 'state="failed"')}[1d]))`)],
    },
  ],
};

const course: Row = {
  ...{ title: 'Course', width: 12, height: 8 },
  panels: [
    {
      ...{ title: 'Objects by result', unit: 'short', stacked: true },
      description: 'A second. Failed ones: forebay job ID says which and why.',
      queries: [
        query(`sum by (kind, result) (${rate('forebay_job_objects_total')}) > 0`, '{{kind}} {{result}}'),
      ],
    },
    {
      ...{ title: 'Bytes from the UFS by kind', unit: 'Bps', stacked: true },
      description: 'What jobs read, a second.',
      queries: [query(`sum by (kind) (${rate('forebay_job_ufs_bytes_total')}) > 0`, '{{kind}}')],
    },
    {
      ...{ title: 'Jobs by state', unit: 'short', stacked: true },
      description: 'Jobs that are not over.',
      queries: [query(`sum by (state) (${of('forebay_jobs')})`, '{{state}}')],
    },
    {
      ...{ title: 'Over within an hour', unit: 'short' },
      description: 'Jobs by kind and how they ended.',
      queries: [
        query(
          `sum by (kind, state) (increase(${of('forebay_jobs_ended_total')}[1h])) > 0`,
          '{{kind}} {{state}}',
        ),
      ],
    },
  ],
};

export const jobs: Dashboard = {
  ...{ uid: 'forebay-jobs', title: 'Forebay / Jobs' },
  description: 'Loads, copies and the like.',
  variables: [clusterVariable],
  rows: [now, course],
};
