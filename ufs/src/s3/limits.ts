/**
 * Bounds of one S3 store. Each mount's driver has its own pool, so all of them hold per store.
 */
import type { CircuitLimits } from './circuit-breaker.ts';
import type { HedgeLimits } from './hedger.ts';

export interface S3Limits {
  /** Until a TCP (and TLS) connection stands. */
  readonly connectTimeoutMs: number;
  /** From the last byte of a request to the head of its answer. */
  readonly firstHeaderTimeoutMs: number;
  /** A large body waits so long for `100 Continue`. A store that left it unsaid once is not asked again. */
  readonly continueWaitMs: number;
  /** A large body waits so long for a refusal after its first 264 KiB, until the store has taken one. */
  readonly refusalWaitMs: number;
  /** Between two pieces of an answer's body while the consumer wants more. */
  readonly bodyIdleTimeoutMs: number;
  /** Instead of the two above for copy and complete: the store works before it answers. */
  readonly slowWriteTimeoutMs: number;
  /** A connection that nobody uses is closed after this, or sooner where the store says that it does. */
  readonly idleTimeoutMs: number;
  /** Sockets to the store. */
  readonly connectionsMax: number;
  /** Requests that may wait for a socket, and how long each may. Past either: `overloaded`. */
  readonly waitersMax: number;
  readonly connectionWaitMs: number;
  /** A read is sent again so often at most, and not once the time has passed since it was first sent. */
  readonly readRetriesMax: number;
  readonly readDeadlineMs: number;
  readonly circuit: CircuitLimits;
  readonly hedge: HedgeLimits;
}

export const defaultS3Limits: S3Limits = {
  connectTimeoutMs: 5_000,
  firstHeaderTimeoutMs: 30_000,
  continueWaitMs: 1_000,
  refusalWaitMs: 250,
  bodyIdleTimeoutMs: 60_000,
  slowWriteTimeoutMs: 300_000,
  idleTimeoutMs: 15_000,
  connectionsMax: 64,
  waitersMax: 1_024,
  connectionWaitMs: 10_000,
  readRetriesMax: 2,
  readDeadlineMs: 15_000,
  circuit: { failuresMax: 16, backoffMs: 500, backoffMaxMs: 30_000 },
  hedge: { share: 0.05, delayMinMs: 50, factor: 1.5 },
};
