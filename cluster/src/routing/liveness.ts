/**
 * Whether a node that is waited for still lives. A slow store is no sign of a hung node, so it is not the
 * time of answers that counts: a node that says nothing at all for a while is pinged, and one that leaves
 * that unanswered too is suspect until it is heard again. Who waits for it is told.
 */
import type { Timing } from './time.ts';

/** A request, or a body, for which something is expected of a node. */
export interface Waiter {
  /** Whether it waits now. */
  isPending: boolean;
  /** Changes with everything that comes. */
  progress: number;
  /** How long it bears a suspect node. */
  readonly patienceMs: number;
  /** How long it bears a node that lives and brings it nothing. */
  readonly stallMs: number;
  /** Told once, and forgotten then. */
  onSilent(): void;
}

export interface LivenessOptions extends Pick<Timing, 'clock' | 'sleep'> {
  /** Resolves when the node answers. Undefined: it cannot be asked, and is never suspect. */
  readonly ping: () => Promise<unknown> | undefined;
  /** The ping failed: the node is lost. */
  readonly onLost: () => void;
}

const tickMs = 25;
/** A tick that is so late says that this process had no time, and nothing of the node. */
const lateTickMs = 4 * tickMs;
const quietMsMin = 50;
const pongMsMin = 50;
const pongMsMax = 1000;

interface Seen {
  progress: number;
  sinceMs: number;
}

export class Liveness {
  readonly #options: LivenessOptions;
  readonly #waiters = new Map<Waiter, Seen>();
  readonly #closed = new AbortController();
  #isWatching = false;
  #heard = false;
  #heardAtMs = 0;
  #pingSentAtMs: number | undefined;
  /** Of recent pings, as TCP keeps it of round trips: their mean, and how far they are from it. */
  #pongMs = 5;
  #pongSpreadMs = 5;
  #isSuspect = false;

  constructor(options: LivenessOptions) {
    this.#options = options;
  }

  /** It left a ping unanswered for longer than it ever takes. */
  get isSuspect(): boolean {
    return this.#isSuspect;
  }

  /** Something came from the node. */
  heard(): void {
    this.#heard = true;
    this.#isSuspect = false;
  }

  add(waiter: Waiter): void {
    this.#waiters.set(waiter, { progress: Number.NaN, sinceMs: 0 });
    if (this.#isWatching) return;
    this.#isWatching = true;
    this.#heardAtMs = this.#options.clock.monotonicMs();
    void this.#watch();
  }

  remove(waiter: Waiter): void {
    this.#waiters.delete(waiter);
  }

  close(): void {
    this.#closed.abort();
  }

  async #watch(): Promise<void> {
    const { clock, sleep } = this.#options;
    const { signal } = this.#closed;
    while (this.#waiters.size > 0 && !signal.aborted) {
      const beforeMs = clock.monotonicMs();
      await sleep(tickMs, signal).catch(() => {});
      const nowMs = clock.monotonicMs();
      if (!signal.aborted && nowMs - beforeMs < lateTickMs) this.#look(nowMs);
    }
    this.#isWatching = false;
  }

  #look(nowMs: number): void {
    if (this.#heard) this.#heardAtMs = nowMs;
    this.#heard = false;
    let isAnyonePending = false;
    for (const [waiter, seen] of this.#waiters) {
      if (!waiter.isPending || seen.progress !== waiter.progress) {
        seen.progress = waiter.progress;
        seen.sinceMs = nowMs;
        continue;
      }
      isAnyonePending = true;
      const waitedMs = nowMs - seen.sinceMs;
      if (waitedMs < (this.#isSuspect ? waiter.patienceMs : waiter.stallMs)) continue;
      this.#waiters.delete(waiter);
      waiter.onSilent();
    }
    if (isAnyonePending && nowMs - this.#heardAtMs >= quietMsMin) this.#ask(nowMs);
  }

  /** Sends a ping, or looks how long one is under way. */
  #ask(nowMs: number): void {
    if (this.#pingSentAtMs === undefined) this.#ping(nowMs);
    else if (nowMs - this.#pingSentAtMs >= this.#pongDeadlineMs) this.#isSuspect = true;
  }

  get #pongDeadlineMs(): number {
    return Math.min(pongMsMax, Math.max(pongMsMin, 2 * (this.#pongMs + 4 * this.#pongSpreadMs)));
  }

  #ping(sentAtMs: number): void {
    const { ping, clock, onLost } = this.#options;
    const pong = ping();
    if (!pong) return;
    this.#pingSentAtMs = sentAtMs;
    pong.then(
      () => {
        const tookMs = clock.monotonicMs() - sentAtMs;
        this.#pongSpreadMs += (Math.abs(tookMs - this.#pongMs) - this.#pongSpreadMs) / 4;
        this.#pongMs += (tookMs - this.#pongMs) / 8;
        this.#pingSentAtMs = undefined;
        this.heard();
      },
      () => {
        this.#pingSentAtMs = undefined;
        onLost();
      },
    );
  }
}
