/**
 * Load from a process of its own that costs little: bare sockets, one buffer (forebay/bench/wire-connection).
 * For comparing servers on a machine that server and client share.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { Histogram, type HistogramJson } from 'forebay/bench/histogram';
import type { WireTarget } from 'forebay/bench/wire-request';
import type { LoadRead } from './load-client.ts';

export interface WireJob {
  readonly target: WireTarget;
  /** Read in turn, by all connections together. */
  readonly reads: readonly LoadRead[];
  readonly connections: number;
  /** Ends after so many requests, or so much time. */
  readonly requests?: number | undefined;
  readonly durationMs?: number | undefined;
  /** Requests a second, sent when they are due; without it each connection sends its next at once. */
  readonly requestsPerSecond?: number | undefined;
  /** Each byte of every so manieth answer is compared; of all, status and length are. */
  readonly checkEvery: number;
}

export interface WireOutcome {
  readonly requests: number;
  readonly bytes: number;
  readonly elapsedMs: number;
  /** What went wrong, and how often. */
  readonly failures: Readonly<Record<string, number>>;
  /** Microseconds from sending (or from when it was due, if all connections were busy) to the last byte. */
  readonly times: HistogramJson;
}

export class WireLoad {
  readonly #child: ChildProcess = fork(join(import.meta.dirname, 'wire-load-process.ts'));

  get pid(): number {
    return this.#child.pid!;
  }

  /** @throws Error where the process ended, or every request failed. */
  async run(job: WireJob): Promise<WireOutcome> {
    const ended = new AbortController();
    const onExit = () => ended.abort(new Error('the client process ended'));
    this.#child.once('exit', onExit);
    try {
      this.#child.send(job);
      const [outcome] = (await once(this.#child, 'message', { signal: ended.signal })) as [WireOutcome];
      if (outcome.requests > 0) return outcome;
      throw new Error(`no request succeeded: ${Object.keys(outcome.failures).join('; ')}`);
    } finally {
      this.#child.off('exit', onExit);
    }
  }

  stop(): void {
    this.#child.kill();
  }
}

export function timesOf(outcomes: readonly WireOutcome[]): Histogram {
  const all = new Histogram();
  for (const { times } of outcomes) all.add(times);
  return all;
}
