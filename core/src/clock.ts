/**
 * Time as a dependency, so that tests own it. Ages and deadlines use `monotonicMs`; only answers show
 * `wallMs`.
 */
export interface Clock {
  /** Milliseconds since the epoch. May jump. */
  wallMs(): number;
  /** Milliseconds since some fixed instant. Never goes back. */
  monotonicMs(): number;
}

export const systemClock: Clock = { wallMs: () => Date.now(), monotonicMs: () => performance.now() };
