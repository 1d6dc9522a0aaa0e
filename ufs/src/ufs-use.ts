/** How one mount uses a store, and how the store answers by now. */

/** `open`: the store has not answered and is not asked for a while; `half-open`: one request tries it. */
export type CircuitState = 'closed' | 'half-open' | 'open';

/** How one mount uses a store that others may use too, and who hears of it. */
export interface UfsUse {
  /** Whether a read whose answer is unusually late may be sent a second time. */
  readonly hedges: boolean;
  /** A read is sent again: by the status of the answer that was no good, or `reset` where there was none. */
  onRetry(reason: string): void;
  /** What came of a read that was sent a second time: the second answered first, did not, or neither did. */
  onHedge(result: 'won' | 'lost' | 'failed'): void;
}
