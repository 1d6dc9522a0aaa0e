/** What is worth another try, and when. */
import { ForebayError, UfsAnswerError } from '@forebay/core/errors';
import type { Wait } from './pace.ts';

const firstWaitMs = 200;
const waitMaxMs = 15_000;

export interface RetryOptions {
  readonly retriesMax: number;
  readonly wait: Wait;
  readonly signal: AbortSignal;
}

/**
 * Again and again after what may pass, with longer and longer waits. A node or a store that is busy is asked
 * until it is not, however long that takes. @throws what the last try threw
 */
export async function withRetries<T>(act: () => Promise<T>, options: RetryOptions): Promise<T> {
  const { retriesMax, wait, signal } = options;
  let failures = 0;
  for (let tries = 0; ; tries += 1) {
    try {
      signal.throwIfAborted();
      return await act();
    } catch (error) {
      const kind = signal.aborted ? 'final' : kindOf(error);
      if (kind === 'passing') failures += 1;
      if (kind === 'final' || failures > retriesMax) throw error;
      const waitMs = Math.min(waitMaxMs, firstWaitMs * 2 ** Math.min(tries, 10));
      await wait(Math.max(waitMs, retryAfterMsOf(error)), signal);
    }
  }
}

function kindOf(error: unknown): 'final' | 'passing' | 'busy' {
  if (error instanceof UfsAnswerError) {
    const { status } = error.answer;
    return status >= 500 || status === 429 || status === 412 ? 'passing' : 'final';
  }
  if (!(error instanceof ForebayError)) return 'final';
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
