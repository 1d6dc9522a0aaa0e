/** What one fill is to bring, and for whom. */
import type { Urgency } from './byte-budget.ts';

export interface FillRun {
  readonly first: number;
  readonly endExclusive: number;
  readonly urgency: Urgency;
  /** On an operator's word: its bytes are no matter of the mount's amplification. */
  readonly uncounted?: boolean;
  /** Called with each page once little of it is still to come: time to ask for what follows. */
  readonly onLastPart?: () => void;
}
