/** What the admin API asks of each process that serves clients, now and then, and not at every request. */
import { type Log, tailOf } from '@forebay/core/log';
import type { TailedLine } from '@forebay/core/log-tail';
import type { TrafficReport } from '@forebay/core/traffic';

export type ReportQuestion =
  | { readonly kind: 'traffic' }
  /** Lines behind these numbers, by process id; of a process that is not named: all that it has. */
  | { readonly kind: 'logs'; readonly after: Readonly<Record<number, number>> };

export interface ProcessReport {
  readonly pid: number;
  /** Undefined where the process has no gateway. */
  readonly traffic?: TrafficReport | undefined;
  readonly lines?: readonly TailedLine[] | undefined;
}

export interface ReportSources {
  readonly log: Log;
  readonly traffic: (() => TrafficReport) | undefined;
}

export function reportOf(question: ReportQuestion, { log, traffic }: ReportSources): ProcessReport {
  const { pid } = process;
  if (question.kind === 'traffic') return { pid, traffic: traffic?.() };
  return { pid, lines: tailOf(log)?.after(question.after[pid] ?? 0) ?? [] };
}
