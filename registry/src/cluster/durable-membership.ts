/** Leases and epochs as the registry stores them. */
import type { Epoch, RingMember } from '@forebay/core/membership';
import type { DurableWriters } from './writers.ts';

/** All that outlives the process. */
export interface DurableMembership {
  readonly epoch: Epoch;
  /** Members of the epoch before whose acknowledgement was awaited; none: it is settled. */
  readonly unsettled: readonly RingMember[];
  /** Nodes that an operator drains, each with the incarnation that was asked to. */
  readonly draining: Readonly<Record<string, string>>;
  readonly writers: DurableWriters;
}
