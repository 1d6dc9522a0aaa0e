/** What `forebay bench` and its processes tell each other. */
import type { BenchPlan } from './bench-plan.ts';
import type { HistogramJson } from './histogram.ts';

/** The plan with the share of one process: its connections, its rate. */
export interface WorkerPlan extends BenchPlan {
  /** From 0. */
  readonly index: number;
}

export type ToWorker = { readonly kind: 'start'; readonly plan: WorkerPlan } | { readonly kind: 'stop' };

export interface OperationOutcome {
  readonly requests: number;
  readonly bytes: number;
  /** Microseconds from sending (or from when it was due, if all connections were busy) to the last byte. */
  readonly times: HistogramJson;
  /** To the first byte of the answer. */
  readonly firstByte: HistogramJson;
}

export interface WorkerOutcome {
  /** By kind: read, write, list, head. */
  readonly operations: Readonly<Record<string, OperationOutcome>>;
  /** By S3 code, or what broke. */
  readonly errors: Readonly<Record<string, number>>;
  /** By the x-cache header of answers, where they have one. */
  readonly xCache: Readonly<Record<string, number>>;
  /** Of what was measured, without the warm-up. */
  readonly elapsedMs: number;
  readonly cpuUs: number;
}

export type FromWorker =
  | { readonly kind: 'ready' }
  /** The warm-up is over. */
  | { readonly kind: 'measuring' }
  | { readonly kind: 'progress'; readonly requests: number; readonly bytes: number; readonly errors: number }
  | { readonly kind: 'done'; readonly outcome: WorkerOutcome }
  | { readonly kind: 'failed'; readonly reason: string };
