/** Whether a lease holds by the count of who was granted it: from when its renewal was sent. */
import type { Clock } from '@forebay/core/clock';
import { nodeLeaseMs } from '@forebay/core/membership';

export interface SentAt {
  readonly monotonicMs: number;
  readonly wallMs: number;
}

/**
 * By so much the two clocks may differ over a lease: less than what the registry waits longer than a node,
 * and more than a time server corrects in that time.
 */
const clockDifferenceMaxMs = 1_000;
/** @returns why it has lapsed, for people; undefined: it holds */
export function lapseOf({ monotonicMs, wallMs }: SentAt, clock: Clock): string | undefined {
  const elapsedMs = clock.monotonicMs() - monotonicMs;
  if (elapsedMs >= nodeLeaseMs) return 'the lease was not renewed in time';
  const differenceMs = clock.wallMs() - wallMs - elapsedMs;
  if (Math.abs(differenceMs) <= clockDifferenceMaxMs) return undefined;
  return `the clocks differ by ${Math.round(differenceMs)} ms: the machine slept, or time was set`;
}

export function sentNow(clock: Clock): SentAt {
  return { monotonicMs: clock.monotonicMs(), wallMs: clock.wallMs() };
}
