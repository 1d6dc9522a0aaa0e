/** Brings the samples of all processes together into one curve, every few seconds. */
import { MissRatioCurve } from '@forebay/cache-node/curve/miss-ratio-curve';
import type { SampledReads } from '@forebay/cache-node/curve/read-sample';
import type { Clock } from '@forebay/core/clock';
import type { CurveView } from '@forebay/core/curve';
import type { Front } from './front.ts';

const everyMs = 5_000;
const halfLifeMs = 12 * 3_600_000;
/** Sizes that are told: from a 32nd of the cache to 32 times as much, four for each doubling. */
const doublings = 5;
const perDoubling = 4;
/** Samples of several processes are laid side by side in so many parts: their order is nearly true then. */
const parts = 64;

export class CurveKeeper {
  readonly #front: Pick<Front, 'report'>;
  readonly #clock: Clock;
  readonly #curve = new MissRatioCurve();
  #timer: NodeJS.Timeout | undefined;
  #pulling: Promise<void> | undefined;
  #halvesAtMs: number;

  constructor({ front, clock }: { readonly front: Pick<Front, 'report'>; readonly clock: Clock }) {
    this.#front = front;
    this.#clock = clock;
    this.#halvesAtMs = clock.monotonicMs() + halfLifeMs;
  }

  start(): void {
    this.#timer = setInterval(() => void this.pull(), everyMs).unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#pulling;
  }

  /** Takes in what was read since the last time. Never throws. */
  pull(): Promise<void> {
    this.#pulling ??= this.#pull()
      .catch(() => {})
      .finally(() => {
        this.#pulling = undefined;
      });
    return this.#pulling;
  }

  async view(cacheBytes: number): Promise<CurveView> {
    await this.pull();
    const sizes = Array.from({ length: 2 * doublings * perDoubling + 1 }, (_, step) =>
      Math.round(cacheBytes * 2 ** (step / perDoubling - doublings)),
    );
    const { reads } = this.#curve;
    return { reads, cacheBytes, points: reads > 0 ? this.#curve.at(sizes) : [] };
  }

  async #pull(): Promise<void> {
    if (this.#clock.monotonicMs() >= this.#halvesAtMs) {
      this.#halvesAtMs += halfLifeMs;
      this.#curve.halve();
    }
    const reports = await this.#front.report({ kind: 'reads', threshold: this.#curve.threshold });
    const samples = reports.flatMap(({ reads }) => reads ?? []);
    for (let part = 0; part < parts; part += 1) {
      for (const sample of samples) this.#curve.add(partOf(sample, part));
    }
  }
}

function partOf({ threshold, hashes, lengths, reads, readBytes }: SampledReads, part: number): SampledReads {
  const cut = (at: number) => Math.floor((hashes.length * at) / parts);
  const [from, to] = [cut(part), cut(part + 1)];
  const share = { reads: reads / parts, readBytes: readBytes / parts };
  return { threshold, hashes: hashes.subarray(from, to), lengths: lengths.subarray(from, to), ...share };
}
