/**
 * The locks of directories among the workers of one owner: it holds them, its workers ask for them. Without
 * them two workers would both find that a key is free, and tidy up each other's files.
 */
import type { KeyLocks } from '@forebay/ufs/local/key-locks';
import type { ToOwner } from './messages.ts';
import type { WorkerHandle } from './worker-handle.ts';

/** A worker's side. */
export class AskedLocks {
  readonly #tell: (message: ToOwner) => void;
  readonly #waiting = new Map<number, () => void>();
  #nextId = 1;

  constructor(tell: (message: ToOwner) => void) {
    this.#tell = tell;
  }

  /** As TakeLock. Where the owner is gone nobody waits for long: so is this process. */
  readonly take = (name: string): Promise<() => void> => {
    const id = this.#nextId;
    this.#nextId += 1;
    return new Promise((resolve) => {
      this.#waiting.set(id, () => resolve(() => this.#tell({ kind: 'unlock', id })));
      this.#tell({ kind: 'lock', id, name });
    });
  };

  granted(id: number): void {
    this.#waiting.get(id)?.();
    this.#waiting.delete(id);
  }
}

interface Lent {
  /** What gives a lock back, by the worker's number for it. */
  readonly held: Map<number, () => void>;
  hasEnded: boolean;
}

type Borrower = Pick<WorkerHandle, 'ended' | 'send'>;

/** The owner's side. */
export class LentLocks {
  readonly #locks: KeyLocks;
  readonly #lent = new Map<Borrower, Lent>();

  constructor(locks: KeyLocks) {
    this.#locks = locks;
  }

  lend(worker: Borrower, id: number, name: string): void {
    const lent = this.#lent.get(worker) ?? this.#add(worker);
    void this.#locks.run(name, async () => {
      if (lent.hasEnded) return;
      await new Promise<void>((giveBack) => {
        lent.held.set(id, giveBack);
        worker.send({ kind: 'locked', id });
      });
      lent.held.delete(id);
    });
  }

  takeBack(worker: Borrower, id: number): void {
    this.#lent.get(worker)?.held.get(id)?.();
  }

  #add(worker: Borrower): Lent {
    const lent: Lent = { held: new Map(), hasEnded: false };
    this.#lent.set(worker, lent);
    void worker.ended.then(() => {
      lent.hasEnded = true;
      this.#lent.delete(worker);
      for (const giveBack of lent.held.values()) giveBack();
    });
    return lent;
  }
}
