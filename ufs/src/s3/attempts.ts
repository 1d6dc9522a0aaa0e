/** What became of one request to a store, and whether and when the same read is worth sending again. */
import { isKind, UfsAnswerError } from '@forebay/core/errors';
import { headerValue } from '@forebay/core/object';
import { NoAnswerError } from '../http1/no-answer.ts';
import type { Outcome } from './circuit-breaker.ts';
import type { Cancel } from './hedger.ts';

const firstPauseMaxMs = 100;
const pauseMaxMs = 5_000;

/** Why the same request is worth sending again: the connection broke, or the store asks for patience. */
export function retryReasonOf(error: unknown): string | undefined {
  if (error instanceof UfsAnswerError) {
    const { status, code } = error.answer;
    return [500, 502, 503, 504].includes(status) || code === 'SlowDown' ? String(status) : undefined;
  }
  // Nothing sent is a store that cannot be reached: the next attempt would only make the caller wait.
  if (!(error instanceof NoAnswerError) || error.sent === 'nothing') return undefined;
  return ['ECONNRESET', 'EPIPE'].includes(error.code) ? 'reset' : undefined;
}

/**
 * The pause before the next attempt: drawn evenly up to a bound that grows, so that many readers spread out,
 * and no shorter than the store asks for.
 */
export function pauseMsBefore(repeated: number, error: unknown, nowMs = Date.now()): number {
  const drawnMs = Math.random() * Math.min(firstPauseMaxMs * 5 ** repeated, pauseMaxMs);
  const asked =
    error instanceof UfsAnswerError ? headerValue(error.answer.headers ?? [], 'retry-after') : undefined;
  if (asked === undefined) return drawnMs;
  const askedMs = /^\d{1,6}$/.test(asked) ? Number(asked) * 1000 : Date.parse(asked) - nowMs;
  return Number.isNaN(askedMs) ? drawnMs : Math.max(drawnMs, askedMs);
}

/** What is known of a request when it fails. */
export interface Asked {
  readonly signal?: AbortSignal | undefined;
  readonly cancel?: Cancel | undefined;
  /** Its body failed before it reached the store. */
  readonly sourceFailed?: boolean | undefined;
}

/**
 * Whether an error says that the store works (4xx, and what it does not do at all), or that it does not (5xx,
 * no answer), or nothing of it.
 */
export function outcomeOf(error: unknown, { signal, cancel, sourceFailed }: Asked): Outcome {
  if (error instanceof UfsAnswerError) {
    const { status } = error.answer;
    return status >= 500 && status !== 501 ? 'failed' : 'answered';
  }
  if (signal?.aborted || cancel?.cancelled || sourceFailed) return 'unknown';
  if (error instanceof NoAnswerError) return error.unsendable ? 'unknown' : 'failed';
  if (isKind(error, 'state-unknown')) return 'failed';
  // A write that was not sent whole; its own errors come from before it was sent at all.
  const { cause } = error instanceof Error ? error : { cause: undefined };
  return isKind(error, 'ufs-unavailable') && cause instanceof NoAnswerError && !cause.unsendable
    ? 'failed'
    : 'unknown';
}
