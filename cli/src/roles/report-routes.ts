/** What a role of a cluster tells the active registry for its dashboard. */
import type { MetricValues } from '@forebay/core/metrics';
import type { Hono } from 'hono';
import type { ProcessReport, ReportQuestion } from '../workers/reports.ts';
import type { Front } from './front.ts';

export const reportPath = '/v1/report';

/** Of one role, as JSON. */
export interface RoleReport {
  readonly values?: MetricValues;
  readonly reports?: readonly PlainReport[];
}

type PlainReport = Pick<ProcessReport, 'pid' | 'traffic'> & {
  readonly reads?: Omit<NonNullable<ProcessReport['reads']>, 'hashes' | 'lengths'> & {
    readonly hashes: readonly number[];
    readonly lengths: readonly number[];
  };
};

export type RoleQuestion = Exclude<ReportQuestion, { kind: 'logs' }> | { readonly kind: 'metrics' };

export interface ReportRouteSources {
  readonly values: () => Promise<MetricValues>;
  readonly report: Front['report'];
}

export function reportRoutes(app: Hono, { values, report }: ReportRouteSources): void {
  app.post(reportPath, async (c) => {
    const question = (await c.req.json()) as RoleQuestion;
    if (question.kind === 'metrics') return c.json({ values: await values() } satisfies RoleReport);
    return c.json({ reports: (await report(question)).map(plainOf) } satisfies RoleReport);
  });
}

function plainOf({ pid, traffic, reads }: ProcessReport): PlainReport {
  return {
    pid,
    traffic,
    ...(reads && { reads: { ...reads, hashes: [...reads.hashes], lengths: [...reads.lengths] } }),
  };
}

export function reportOfPlain({ pid, traffic, reads }: PlainReport): ProcessReport {
  return {
    ...{ pid, traffic },
    reads: reads && {
      ...reads,
      hashes: Uint32Array.from(reads.hashes),
      lengths: Uint32Array.from(reads.lengths),
    },
  };
}
