/**
 * How late the event loop of this process is: what a request may have to wait before anyone looks at it,
 * whatever keeps the loop busy (a collection of garbage, a long loop, a blocking call, other processes).
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Metrics } from '@forebay/core/metrics';

/** A timer is due so often; its lateness is what is measured. */
const resolutionMs = 10;
const windowMs = 60_000;
const nanosPerSecond = 1e9;

export interface LoopDelay {
  readonly p99Seconds: number;
  readonly maxSeconds: number;
}

/**
 * Of the window under way and the one before it, so that nobody who asks takes values from another, and one
 * who asks every minute misses none.
 */
export class LoopDelayWindow {
  readonly #histogram = monitorEventLoopDelay({ resolution: resolutionMs });
  readonly #timer = setInterval(() => this.#turn(), windowMs).unref();
  #before: LoopDelay = { p99Seconds: 0, maxSeconds: 0 };

  constructor() {
    this.#histogram.enable();
  }

  read(): LoopDelay {
    const now = this.#current();
    return {
      p99Seconds: Math.max(now.p99Seconds, this.#before.p99Seconds),
      maxSeconds: Math.max(now.maxSeconds, this.#before.maxSeconds),
    };
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#histogram.disable();
  }

  #turn(): void {
    this.#before = this.#current();
    this.#histogram.reset();
  }

  #current(): LoopDelay {
    if (this.#histogram.count === 0) return { p99Seconds: 0, maxSeconds: 0 };
    return {
      p99Seconds: latenessOf(this.#histogram.percentile(99)),
      maxSeconds: latenessOf(this.#histogram.max),
    };
  }
}

/** What is recorded is the time between two runs of the timer. */
function latenessOf(nanos: number): number {
  return Math.max(0, nanos / nanosPerSecond - resolutionMs / 1000);
}

export function declareEventLoopDelay(metrics: Metrics, read: () => LoopDelay): void {
  metrics.gauge(
    {
      name: 'forebay_event_loop_delay_seconds',
      help:
        'How late the event loop was in the last one to two minutes, by stat: p99 or max; of several processes ' +
        'the worst. Requests wait that long at least. Rising with the load: add workers; without load: others ' +
        'take the CPU.',
      labels: ['stat'],
      merge: 'max',
    },
    (gauge) => {
      const { p99Seconds, maxSeconds } = read();
      gauge.set({ stat: 'p99' }, p99Seconds);
      gauge.set({ stat: 'max' }, maxSeconds);
    },
  );
}
