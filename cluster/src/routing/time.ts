/** Time as the routing uses it: given from outside, so that a simulation owns it. */
import type { Clock } from '@forebay/core/clock';

export interface Timing {
  readonly clock: Clock;
  /** @returns rejects where the signal aborts first */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** From 0 up to, and without, 1. */
  readonly random: () => number;
}

export const late: unique symbol = Symbol('late');

/** What is asked for, or `late` where it takes longer. Who is late goes on, and nobody hears of its end. */
export function within<T>(
  asked: Promise<T>,
  ms: number,
  { sleep }: Pick<Timing, 'sleep'>,
): Promise<T | typeof late> {
  const woken = new AbortController();
  const tooLate = (): typeof late => late;
  const alarm = sleep(ms, woken.signal).then(tooLate, tooLate);
  return Promise.race<T | typeof late>([asked, alarm]).finally(() => woken.abort());
}

/** A pause before another try: longer each time, and never the same for all. */
export function pauseMsOf(tries: number, { random }: Pick<Timing, 'random'>): number {
  return Math.min(500, 20 * 2 ** tries) * (0.5 + random() / 2);
}
