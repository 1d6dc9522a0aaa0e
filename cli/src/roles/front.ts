/** What speaks S3 to clients, in this process or in several. */
import type { MetricsReading } from '@forebay/core/metrics';
import type { ProcessReport, ReportQuestion } from '../workers/reports.ts';

export interface Front {
  /** The values of all processes that there are. */
  read(): Promise<MetricsReading>;
  /** Of all processes that there are, where they answer in time. */
  report(question: ReportQuestion): Promise<readonly ProcessReport[]>;
  /** Why no request can be served now, for people; empty: ready. */
  notReady(): readonly string[];
  /** Lets requests under way end, for at most `deadlineMs`. */
  drain(deadlineMs: number): Promise<void>;
}
