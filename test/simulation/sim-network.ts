/**
 * Processes and the network between them, simulated: processes are killed and paused, links are slow, cut or
 * break off. As over TCP, what is sent over a cut link arrives when it heals, if it does so soon; whose
 * connection breaks off does not know whether it was heard.
 */
import type { Clock } from '@forebay/core/clock';
import { ForebayError } from '@forebay/core/errors';
import type { Random } from '../support/random.ts';
import type { SimTime } from './sim-time.ts';

export class SimProcess {
  readonly name: string;
  readonly clock: Clock;
  readonly #time: SimTime;
  readonly #whenKilled = new Set<() => void>();
  #isAlive = true;
  #pausedUntilMs = 0;

  /**
   * @param name of the machine or role: a process that is started anew has the same
   * @param clockRate how fast its clocks run
   */
  constructor(name: string, time: SimTime, clockRate = 1) {
    this.name = name;
    this.#time = time;
    const nowMs = () => time.nowMs * clockRate;
    this.clock = { monotonicMs: nowMs, wallMs: nowMs };
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  /** Nothing of it runs any more; what waits in it waits for ever. */
  kill(): void {
    this.#isAlive = false;
    for (const tell of this.#whenKilled) tell();
    this.#whenKilled.clear();
  }

  /** Nothing of it runs until then, and time goes on. */
  pause(untilMs: number): void {
    this.#pausedUntilMs = untilMs;
  }

  /** @returns forgets it */
  onKilled(tell: () => void): () => void {
    this.#whenKilled.add(tell);
    return () => this.#whenKilled.delete(tell);
  }

  /** As soon as it can. */
  run(what: () => void): void {
    if (!this.#isAlive) return;
    if (this.#time.nowMs >= this.#pausedUntilMs) what();
    else this.#time.at(this.#pausedUntilMs, () => this.run(what));
  }

  later(ms: number, what: () => void): void {
    this.#time.at(this.#time.nowMs + ms, () => this.run(what));
  }

  readonly sleep = (ms: number, signal?: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      const left = () => reject(signal?.reason);
      signal?.addEventListener('abort', left, { once: true });
      this.later(ms, () => {
        signal?.removeEventListener('abort', left);
        resolve();
      });
    });
}

/** How likely a message is slow, and that the connection breaks off with it. */
export interface NetworkWeather {
  readonly slow: number;
  readonly broken: number;
}

const slowMsMax = 3_000;
const lazySlow = 0.15;
/** A connection over a link that is cut for longer is lost. */
const connectionLostMs = 8_000;
const retransmitMs = 400;

export class SimNetwork {
  weather: NetworkWeather = { slow: 0, broken: 0 };
  /** Whoever takes its time now and then, in all weather. */
  slowName = '';
  readonly #time: SimTime;
  readonly #random: Random;
  /** Pairs of names that do not reach each other. */
  readonly #cuts = new Set<string>();

  constructor(time: SimTime, random: Random) {
    this.#time = time;
    this.#random = random;
  }

  cut(a: string, b: string): void {
    this.#cuts.add(linkOf(a, b));
  }

  heal(a: string, b: string): void {
    this.#cuts.delete(linkOf(a, b));
  }

  /**
   * Has `handle` run in the other process, and its outcome told in this one.
   * @param lost what is thrown where the connection breaks off: it may have been heard
   */
  call<T>(from: SimProcess, to: SimProcess, handle: () => Promise<T>, lost = unreachable): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const fail = () => from.later(1, () => reject(lost()));
      if (!to.isAlive) {
        fail();
        return;
      }
      const forget = to.onKilled(fail);
      const answer = (tell: () => void) => {
        forget();
        this.#carry(to, from, () => from.run(tell), fail);
      };
      const arrive = () =>
        to.run(() => {
          handle().then(
            (value) => answer(() => resolve(value)),
            (error: unknown) => answer(() => reject(error)),
          );
        });
      this.#carry(from, to, arrive, fail);
    });
  }

  #carry(from: SimProcess, to: SimProcess, arrive: () => void, lost: () => void): void {
    const { slow, broken } = this.weather;
    const sentAtMs = this.#time.nowMs;
    const isLazy = from.name === this.slowName || to.name === this.slowName;
    const isSlow = this.#random.chance(isLazy ? lazySlow : slow);
    const delayMs = 0.2 + this.#random.next() * (isSlow ? slowMsMax : 3);
    if (this.#random.chance(broken)) {
      this.#time.at(sentAtMs + delayMs * this.#random.next(), lost);
      // It was on its way all the same.
      if (this.#random.chance(0.5)) return;
    }
    const attempt = () => {
      if (!this.#cuts.has(linkOf(from.name, to.name))) arrive();
      else if (this.#time.nowMs - sentAtMs > connectionLostMs) lost();
      else this.#time.at(this.#time.nowMs + retransmitMs, attempt);
    };
    this.#time.at(sentAtMs + delayMs, attempt);
  }
}

function linkOf(a: string, b: string): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`;
}

function unreachable(): Error {
  return new ForebayError('node-unavailable', 'the connection is lost');
}
