/**
 * Copies outlive who asked for them. Where the caller is lost, a copy goes on for a while, and what came of
 * it is kept for the same job: its registry asks again by another connection, or the next one does from the
 * last checkpoint. So neither costs a byte twice nor changes the numbers of the job.
 */
import type { CopyRequest, WorkOutcome } from '@forebay/core/job-worker';
import { placementKeyOf } from '@forebay/core/mount';
import { callerLost } from '@forebay/data-plane/cache-node-server';

export interface KeptCopiesOptions {
  readonly copy: (request: CopyRequest) => Promise<WorkOutcome>;
  /** Without a caller a copy that is under way goes on for so long; 30 s without it. */
  readonly orphanedMs?: number;
  /** What came of one is known for so long; 2 min without it. */
  readonly keptMs?: number;
}

/** Outcomes of about 1 KB. */
const keptMax = 5_000;

interface Copy {
  readonly outcome: Promise<WorkOutcome>;
  readonly abort: AbortController;
  callers: number;
  timer?: NodeJS.Timeout;
}

export class KeptCopies {
  readonly #options: Required<KeptCopiesOptions>;
  /** The oldest first. */
  readonly #copies = new Map<string, Copy>();

  constructor({ copy, orphanedMs = 30_000, keptMs = 120_000 }: KeptCopiesOptions) {
    this.#options = { copy, orphanedMs, keptMs };
  }

  /** @throws what the copy threw; the signal's reason */
  async copy(request: CopyRequest): Promise<WorkOutcome> {
    const { signal } = request;
    signal.throwIfAborted();
    const name = `${request.job}\0${placementKeyOf(request.source)}\0${placementKeyOf(request.target)}`;
    const copy = this.#copies.get(name) ?? this.#begin(name, request);
    copy.callers += 1;
    clearTimeout(copy.timer);
    try {
      return await outcomeFor(copy, signal);
    } finally {
      copy.callers -= 1;
      if (copy.callers === 0) this.#leave(name, copy, signal);
    }
  }

  #begin(name: string, request: CopyRequest): Copy {
    const abort = new AbortController();
    const outcome = this.#options.copy({ ...request, signal: abort.signal });
    const copy: Copy = { outcome, abort, callers: 0 };
    outcome.then(
      ({ kind }) => {
        if (kind !== 'done') this.#forget(name, copy);
      },
      () => this.#forget(name, copy),
    );
    this.#copies.set(name, copy);
    return copy;
  }

  /** The last caller is gone, or has its answer: which may not reach it. */
  #leave(name: string, copy: Copy, { aborted, reason }: AbortSignal): void {
    if (this.#copies.get(name) !== copy) return;
    const isCancelled = aborted && reason !== callerLost;
    if (isCancelled) {
      copy.abort.abort(reason);
      this.#forget(name, copy);
      return;
    }
    const { orphanedMs, keptMs } = this.#options;
    copy.timer = setTimeout(
      () => {
        copy.abort.abort(callerLost);
        this.#forget(name, copy);
      },
      aborted ? orphanedMs : keptMs,
    );
    copy.timer.unref();
    for (const [oldest, { callers }] of this.#copies) {
      if (this.#copies.size <= keptMax) return;
      if (callers === 0) this.#drop(oldest);
    }
  }

  #drop(name: string): void {
    const copy = this.#copies.get(name)!;
    copy.abort.abort(callerLost);
    this.#forget(name, copy);
  }

  #forget(name: string, copy: Copy): void {
    clearTimeout(copy.timer);
    if (this.#copies.get(name) === copy) this.#copies.delete(name);
  }
}

/** @throws the signal's reason as soon as it is aborted */
function outcomeFor({ outcome }: Copy, signal: AbortSignal): Promise<WorkOutcome> {
  return new Promise((resolve, reject) => {
    const leave = () => reject(signal.reason as Error);
    signal.addEventListener('abort', leave, { once: true });
    outcome.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave));
  });
}
