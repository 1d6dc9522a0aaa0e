/**
 * A second request for a read whose first answer is unusually late: the first to answer is used, the other
 * given up. Tails of stores are long, and rarely twice for one object. How late is late follows from how
 * long answers of the same kind took of late; how many second requests there are is bounded by a share of the
 * first ones.
 */

export interface HedgeLimits {
  /** Second requests per first one, at most; 0: none. */
  readonly share: number;
  /** Never before this. */
  readonly delayMinMs: number;
  /** A second one is sent after the 95th percentile times this. */
  readonly factor: number;
}

/** `won`: the second answered first; `lost`: the first did after all; `failed`: neither gave an answer. */
export type HedgeResult = 'won' | 'lost' | 'failed';

export type ReadKind = 'get' | 'head';

const samplesMax = 256;
/** With fewer nothing is known of the tail. */
const samplesMin = 32;
/** Shares are saved up for no more than so many at once. */
const tokensMax = 8;

/** How long answers took of late. */
export class RecentLatencies {
  readonly #samples = new Float64Array(samplesMax);
  #count = 0;
  #p95Ms: number | undefined;

  add(tookMs: number): void {
    this.#samples[this.#count % samplesMax] = tookMs;
    this.#count += 1;
    // Sorting a few numbers now and then is cheaper than a sketch of them all.
    if (this.#count < samplesMin || this.#count % samplesMin !== 0) return;
    const recent = this.#samples.slice(0, Math.min(this.#count, samplesMax)).sort();
    this.#p95Ms = recent[Math.floor(recent.length * 0.95)];
  }

  /** Undefined until there are enough of them. */
  get p95Ms(): number | undefined {
    return this.#p95Ms;
  }
}

export class Hedger {
  readonly #limits: HedgeLimits;
  readonly #latencies: Readonly<Record<ReadKind, RecentLatencies>> = {
    get: new RecentLatencies(),
    head: new RecentLatencies(),
  };
  #tokens = 0;

  constructor(limits: HedgeLimits) {
    this.#limits = limits;
  }

  /** A first request is sent. @returns after how long a second one should follow; undefined: never */
  first(kind: ReadKind): number | undefined {
    const { share, delayMinMs, factor } = this.#limits;
    if (share === 0) return undefined;
    this.#tokens = Math.min(this.#tokens + share, tokensMax);
    const { p95Ms } = this.#latencies[kind];
    return p95Ms === undefined ? undefined : Math.max(delayMinMs, p95Ms * factor);
  }

  /** Whether the share has room for a second one, which then counts. */
  takeSecond(): boolean {
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  /** How long a request took, or had taken when it was given up. */
  took(kind: ReadKind, tookMs: number): void {
    this.#latencies[kind].add(tookMs);
  }
}

/** Whether what a request failed with is an answer all the same, such as 404. */
type IsAnswer = (error: unknown) => boolean;

/**
 * The first of two to answer. The second is begun after the delay, if `maySend` then says so. Each `send` gets
 * a signal of its own, by which it is given up: what it brings after that it closes itself.
 */
export async function firstOf<Answer>(options: {
  readonly delayMs: number;
  readonly maySend: () => boolean;
  readonly send: (cancel: Cancel) => Promise<Answer>;
  readonly close: (answer: Answer) => void;
  readonly isAnswer: IsAnswer;
  readonly onResult: (result: HedgeResult) => void;
}): Promise<Answer> {
  const { delayMs, maySend, send, close, isAnswer, onResult } = options;
  const first = attempt(send, isAnswer);
  const early = await Promise.race([first.end, after(delayMs, first.end)]);
  if (early !== undefined || !maySend()) return resultOf(await first.end);
  const second = attempt(send, isAnswer);
  const winner = await Promise.race([first.answered, second.answered, bothOf(first, second)]);
  if (winner === undefined) {
    onResult('failed');
    return resultOf(await first.end);
  }
  const loser = winner === first ? second : first;
  loser.cancel.cancel();
  void loser.end.then((end) => end.ok && close(end.answer));
  onResult(winner === second ? 'won' : 'lost');
  return resultOf(await winner.end);
}

/** Gives up a request that nobody waits for any more. */
export class Cancel {
  cancelled = false;
  /** What ends it where it is now. */
  onCancel: (() => void) | undefined;

  cancel(): void {
    this.cancelled = true;
    this.onCancel?.();
  }
}

type End<Answer> =
  | { readonly ok: true; readonly answer: Answer }
  | { readonly ok: false; readonly error: unknown };

interface Attempt<Answer> {
  readonly cancel: Cancel;
  readonly end: Promise<End<Answer>>;
  /** Resolves with the attempt itself once the store has answered; never where it does not. */
  readonly answered: Promise<Attempt<Answer>>;
}

function attempt<Answer>(send: (cancel: Cancel) => Promise<Answer>, isAnswer: IsAnswer): Attempt<Answer> {
  const cancel = new Cancel();
  const answered = Promise.withResolvers<Attempt<Answer>>();
  const end = send(cancel).then(
    (answer): End<Answer> => {
      answered.resolve(made);
      return { ok: true, answer };
    },
    (error: unknown): End<Answer> => {
      if (isAnswer(error)) answered.resolve(made);
      return { ok: false, error };
    },
  );
  const made: Attempt<Answer> = { cancel, end, answered: answered.promise };
  return made;
}

async function bothOf<Answer>(...attempts: Attempt<Answer>[]): Promise<undefined> {
  await Promise.all(attempts.map(({ end }) => end));
}

function resultOf<Answer>(end: End<Answer>): Answer {
  if (end.ok) return end.answer;
  throw end.error;
}

/** Resolves with undefined after a time, unless the other is there first; then its timer is gone. */
function after(delayMs: number, other: Promise<unknown>): Promise<undefined> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(undefined), delayMs);
    void other.then(() => clearTimeout(timer));
  });
}
