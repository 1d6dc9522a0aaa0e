/** The client, in a process of its own, so that its CPU is nobody else's. One request at a time. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { S3Target } from 'forebay/demo/s3-client';

/** What the process is asked: read every path, in order, as often as `passes` says. */
export interface LoadJob {
  readonly target: S3Target;
  readonly paths: readonly string[];
  readonly passes: number;
}

export interface LoadResult {
  /** Microseconds from sending to the last byte, one per request. */
  readonly durationsUs: readonly number[];
  readonly elapsedMs: number;
  readonly bytes: number;
  /** Requests by the x-cache header of their answer; `none` where it has none. */
  readonly xCache: Readonly<Record<string, number>>;
}

export type LoadAnswer = { readonly result: LoadResult } | { readonly failed: string };

export class LoadClient {
  readonly #child: ChildProcess = fork(join(import.meta.dirname, 'load-process.ts'));

  /** @throws Error where a request failed, or the process ended. */
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
