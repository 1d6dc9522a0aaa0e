/**
 * CONTRACT Coordination: what registries of one cluster share. Records, and a lock that at most one registry
 * holds for a time. Every taking of the lock has a higher fencing number; records are written only by who
 * holds it, checked in the same atomic step.
 *
 * A call that the store does not answer in time throws StoreUnavailable; whether it had effect is not known
 * then.
 */

/** This registry is not the active one any more. */
export class NotActive extends Error {
  constructor() {
    super('this registry is not the active one');
    this.name = 'NotActive';
  }
}

export class StoreUnavailable extends Error {
  constructor(cause: unknown) {
    super(`the registry's store does not answer: ${cause instanceof Error ? cause.message : cause}`, {
      cause,
    });
    this.name = 'StoreUnavailable';
  }
}

export interface Candidate {
  /** Made anew at each start of its process. */
  readonly token: string;
  /** HOST:PORT where it answers, for those that ask another one. */
  readonly address: string;
}

export interface Lock {
  readonly holder: Candidate;
  /** From 1. */
  readonly fencing: number;
}

export interface Coordination {
  /** @returns undefined where there is no such record */
  read(key: string): Promise<string | undefined>;
  /**
   * @param value undefined: the record is taken away
   * @returns false where the lock is not held any more; nothing was written then
   */
  write(lock: Lock, key: string, value: string | undefined): Promise<boolean>;
  /** @returns undefined where another one holds it */
  acquire(candidate: Candidate, ttlMs: number): Promise<Lock | undefined>;
  /** From now on the lock holds for so long. @returns false where it is not held any more */
  extend(lock: Lock, ttlMs: number): Promise<boolean>;
  isHeld(lock: Lock): Promise<boolean>;
  /** Does nothing where it is not held. */
  release(lock: Lock): Promise<void>;
  /** Who holds the lock now. */
  holder(): Promise<Candidate | undefined>;
  close(): Promise<void>;
}
