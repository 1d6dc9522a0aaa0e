/** What a role of a cluster tells the active registry for its dashboard. */
import { isKind } from '@forebay/core/errors';
import type { MetricValues } from '@forebay/core/metrics';
import { bodyUpTo } from '@forebay/registry/admin/request';
import type { Hono } from 'hono';
import type { ProcessReport, ReportQuestion } from '../workers/reports.ts';
import type {
  BelowQuestion,
  BrowseAnswers,
  InfosQuestion,
  LevelQuestion,
  PagesQuestion,
} from './browse-answers.ts';
import type { Front } from './front.ts';

export const reportPath = '/v1/report';
const questionBytesMax = 4 * 1024 * 1024;

export type BrowseQuestion = LevelQuestion | BelowQuestion | InfosQuestion | PagesQuestion;
export type RoleQuestion = ReportQuestion | BrowseQuestion | { readonly kind: 'metrics' };

/** Of one role, as JSON: what was asked for. */
export interface RoleReport {
  readonly values?: MetricValues;
  readonly reports?: readonly PlainReport[];
  readonly browse?: unknown;
  /** Why the UFS gave no list. */
  readonly ufsFailed?: string;
}

type PlainReport = Pick<ProcessReport, 'pid' | 'traffic' | 'lines'> & {
  readonly reads?: Omit<NonNullable<ProcessReport['reads']>, 'hashes' | 'lengths'> & {
    readonly hashes: readonly number[];
    readonly lengths: readonly number[];
  };
};

export interface ReportRouteSources {
  readonly values: () => Promise<MetricValues>;
  readonly report: Front['report'];
  /** What the role can tell. */
  readonly browse: Partial<BrowseAnswers>;
}

export function reportRoutes(app: Hono, sources: ReportRouteSources): void {
  app.post(reportPath, bodyUpTo(questionBytesMax), async (c) => {
    const question = (await c.req.json()) as RoleQuestion;
    return c.json(await answerOf(question, sources, c.req.raw.signal));
  });
}

async function answerOf(
  question: RoleQuestion,
  { values, report, browse }: ReportRouteSources,
  signal: AbortSignal,
): Promise<RoleReport> {
  switch (question.kind) {
    case 'metrics':
      return { values: await values() };
    case 'level':
      return levelOf(question, browse, signal);
    case 'below':
      return { browse: await browse.below?.(question, signal) };
    case 'infos':
      return { browse: await browse.infos?.(question) };
    case 'pages':
      return { browse: await browse.pages?.(question) };
    default:
      return { reports: (await report(question)).map(plainOf) };
  }
}

async function levelOf(
  question: LevelQuestion,
  { level }: ReportRouteSources['browse'],
  signal: AbortSignal,
): Promise<RoleReport> {
  try {
    return { browse: await level?.(question, signal) };
  } catch (error) {
    if (!isKind(error, 'ufs-answer') && !isKind(error, 'ufs-unavailable')) throw error;
    return { ufsFailed: error.message };
  }
}

function plainOf({ pid, traffic, lines, reads }: ProcessReport): PlainReport {
  return {
    ...{ pid, traffic },
    ...(lines && { lines }),
    ...(reads && { reads: { ...reads, hashes: [...reads.hashes], lengths: [...reads.lengths] } }),
  };
}

export function reportOfPlain(member: string, { reads, traffic, ...plain }: PlainReport): ProcessReport {
  return {
    ...{ ...plain, member },
    traffic: traffic && {
      ...traffic,
      slow: traffic.slow.map((request) => ({ ...request, gateway: member })),
    },
    reads: reads && {
      ...reads,
      hashes: Uint32Array.from(reads.hashes),
      lengths: Uint32Array.from(reads.lengths),
    },
  };
}
