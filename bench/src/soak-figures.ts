/** From the samples of a soak to what it must show: no long pauses of its own, and memory that stays. */
import { formatSize } from '@forebay/core/bytes';
import type { LoopDelay } from 'forebay/event-loop-delay';
import { table } from 'forebay/terminal';
import { median } from './report.ts';

export interface SoakSample {
  readonly second: number;
  readonly forebay: LoopDelay;
  readonly idle: LoopDelay;
  readonly anonymousBytes: number;
  readonly residentBytes: number;
  /** Since the start of the server. */
  readonly evictions: number;
  readonly ufsBytes: number;
}

export interface SoakVerdict {
  readonly pauseMs: number;
  readonly idlePauseMs: number;
  /** The worst of Forebay over the worst of the idle process. */
  readonly pauseOverIdleMs: number;
  /** Median of the last quarter over that of the second: in the first caches are still filling. */
  readonly memoryGrowth: number;
  readonly evictions: number;
  readonly ufsBytes: number;
}

/** @param samples four at least */
export function soakVerdict(samples: readonly SoakSample[]): SoakVerdict {
  const worst = (of: (sample: SoakSample) => LoopDelay) =>
    Math.max(...samples.map((sample) => of(sample).maxSeconds)) * 1000;
  const pauseMs = worst(({ forebay }) => forebay);
  const idlePauseMs = worst(({ idle }) => idle);
  const quarter = Math.floor(samples.length / 4);
  const memory = (from: number, to: number) =>
    median(samples.slice(from, to).map(({ anonymousBytes }) => anonymousBytes));
  const [first, last] = [samples[0]!, samples.at(-1)!];
  return {
    pauseMs,
    idlePauseMs,
    pauseOverIdleMs: pauseMs - idlePauseMs,
    memoryGrowth: memory(samples.length - quarter, samples.length) / memory(quarter, 2 * quarter),
    evictions: last.evictions - first.evictions,
    ufsBytes: last.ufsBytes - first.ufsBytes,
  };
}

const linesShownMax = 12;

export function soakLines(samples: readonly SoakSample[]): string[] {
  const step = Math.ceil(samples.length / linesShownMax);
  const shown = samples.filter((_, index) => index % step === step - 1 || index === samples.length - 1);
  const head = ['second', 'pause', 'p99', 'idle pause', 'idle p99', 'memory', 'with files', 'evictions'];
  return table([
    [...head, 'from UFS'],
    ...shown.map((sample) => [
      sample.second.toFixed(0),
      ...[sample.forebay, sample.idle].flatMap(({ maxSeconds, p99Seconds }) =>
        [maxSeconds, p99Seconds].map((seconds) => `${(seconds * 1000).toFixed(1)} ms`),
      ),
      formatSize(sample.anonymousBytes),
      formatSize(sample.residentBytes),
      String(sample.evictions),
      formatSize(sample.ufsBytes),
    ]),
  ]);
}
