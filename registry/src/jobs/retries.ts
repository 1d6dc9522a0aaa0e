/** What is worth another try, and when. */
import { ForebayError, UfsAnswerError } from '@forebay/core/errors';
import type { Wait } from './pace.ts';

const firstWaitMs = 200;
const waitMaxMs = 15_000;
/** A node that is gone has successors once its lease has run out: it is asked for so often by then. */
const awayTriesMin = 20;
const awayWaitMaxMs = 3_000;

export interface RetryOptions {
  readonly retriesMax: number;
  readonly wait: Wait;
  readonly signal: AbortSignal;
}

/**
 * Again and again after what may pass, with longer and longer waits. A node or a store that is busy is asked
 * until it is not, however long that takes; a node that is gone, for a minute.
 * @throws what the last try threw
 */
export async function withRetries<T>(act: () => Promise<T>, options: RetryOptions): Promise<T> {
  const { retriesMax, wait, signal } = options;
  let failures = 0;
  let away = 0;
  for (let tries = 0; ; tries += 1) {
    try {
      signal.throwIfAborted();
      return await act();
    } catch (error) {
      const kind = signal.aborted ? 'final' : kindOf(error);
      if (kind === 'away') away += 1;
      if (kind === 'passing' || away > awayTriesMin) failures += 1;
      if (kind === 'final' || failures > retriesMax) throw error;
      const most = kind === 'away' ? awayWaitMaxMs : waitMaxMs;
      const waitMs = Math.min(most, firstWaitMs * 2 ** Math.min(tries, 10));
      await wait(Math.max(waitMs, retryAfterMsOf(error)), signal);
    }
  }
}

function kindOf(error: unknown): 'final' | 'passing' | 'busy' | 'away' {
  if (error instanceof UfsAnswerError) {
    const { status } = error.answer;
    return status >= 500 || status === 429 || status === 412 ? 'passing' : 'final';
  }
  if (!(error instanceof ForebayError)) return 'final';
  if (error.kind === 'node-unavailable') return 'away';
  return error.kind === 'overloaded' ? 'busy' : 'passing';
}

function retryAfterMsOf(error: unknown): number {
  const ms = error instanceof ForebayError ? (error.retryAfterMs ?? 0) : 0;
  return Math.min(waitMaxMs, ms);
}

/** For people, in one line. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
