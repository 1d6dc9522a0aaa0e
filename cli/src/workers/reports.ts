/** What the admin API asks of each process that serves clients, now and then, and not at every request. */
import type { ReadSample, SampledReads } from '@forebay/cache-node/curve/read-sample';
import { type Log, tailOf } from '@forebay/core/log';
import type { TailedLine } from '@forebay/core/log-tail';
import type { TrafficReport } from '@forebay/core/traffic';

export type ReportQuestion =
  | { readonly kind: 'traffic' }
  /** Page reads since the last time, of pages below the threshold. */
  | { readonly kind: 'reads'; readonly threshold: number }
  /** Lines behind these numbers, by process; of a process that is not named: all that it has. */
  | { readonly kind: 'logs'; readonly after: Readonly<Record<string, number>> };

export interface ProcessReport {
  /** Of a cluster. */
  readonly member?: string | undefined;
  readonly pid: number;
  /** Undefined where the process has no gateway. */
  readonly traffic?: TrafficReport | undefined;
  readonly lines?: readonly TailedLine[] | undefined;
  readonly reads?: SampledReads | undefined;
}

export interface ReportSources {
  readonly log: Log;
  readonly traffic: (() => TrafficReport) | undefined;
  /** Undefined where the process reads no pages for clients itself. */
  readonly reads: ReadSample | undefined;
}

export function reportOf(question: ReportQuestion, { log, traffic, reads }: ReportSources): ProcessReport {
  const { pid } = process;
  if (question.kind === 'traffic') return { pid, traffic: traffic?.() };
  if (question.kind === 'reads') return { pid, reads: reads?.take(question.threshold) };
  return { pid, lines: tailOf(log)?.after(question.after[pid] ?? 0) ?? [] };
}
