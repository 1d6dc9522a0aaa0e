/** The client, in a process of its own, so that its CPU is nobody else's. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { S3Target } from 'forebay/demo/s3-client';

export interface LoadRead {
  /** `/bucket/key` */
  readonly path: string;
  /** Half-open, in bytes; without it the whole object. */
  readonly range?: { readonly start: number; readonly endExclusive: number };
  /** The object's number in forebay/bench/content, and what the answer must have: each byte is checked. */
  readonly object: number;
  readonly sizeBytes: number;
}

/** What the process is asked: to read all of it, in order, as often as `passes` says. */
export interface LoadJob {
  readonly target: S3Target;
  readonly reads: readonly LoadRead[];
  readonly passes?: number;
  /** Requests at a time, each on a connection of its own. One where nothing is said. */
  readonly connections?: number;
  /** Before each request, so that none meets what the one before it left to do. */
  readonly pauseMs?: number;
}

/** The arrays have one entry per request, in the order they were asked for. */
export interface LoadResult {
  /** Microseconds from sending to the last byte. */
  readonly durationsUs: readonly number[];
  /** Microseconds from sending to the first byte of the body. */
  readonly firstByteUs: readonly number[];
  /** The x-cache header of the answers; `none` where there is none. */
  readonly xCache: readonly string[];
  readonly elapsedMs: number;
  readonly bytes: number;
}

export type LoadAnswer = { readonly result: LoadResult } | { readonly failed: string };

export class LoadClient {
  readonly #child: ChildProcess = fork(join(import.meta.dirname, 'load-process.ts'));

  get pid(): number {
    return this.#child.pid!;
  }

  /** @throws Error where a request failed, a byte was wrong, or the process ended. */
  async run(job: LoadJob): Promise<LoadResult> {
    const ended = new AbortController();
    const onExit = () => ended.abort(new Error('the client process ended'));
    this.#child.once('exit', onExit);
    try {
      this.#child.send(job);
      const [answer] = (await once(this.#child, 'message', { signal: ended.signal })) as [LoadAnswer];
      if ('failed' in answer) throw new Error(answer.failed);
      return answer.result;
    } finally {
      this.#child.off('exit', onExit);
    }
  }

  stop(): void {
    this.#child.kill();
  }
}
