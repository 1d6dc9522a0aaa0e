/** Many readers at once, in a process of their own: the side that asks. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { S3Target } from 'forebay/demo/s3-client';
import type { RawOutcome } from './raw-reader.ts';

export interface HerdReader {
  /** `/bucket/key`, and what to read of it: from `start` to the end. */
  readonly path: string;
  readonly object: number;
  readonly objectBytes: number;
  readonly start: number;
}

export interface HerdJob {
  readonly target: S3Target;
  readonly readers: readonly HerdReader[];
  /** Of each reader; without it as fast as it can. */
  readonly bytesPerSecond?: number;
  /** Readers that are not done by then leave. Without it all read to the end. */
  readonly leaveAfterMs?: number;
}

export interface HerdResult {
  readonly outcomes: readonly RawOutcome[];
  readonly elapsedMs: number;
}

/** @throws Error where the process ends. */
export async function runHerd(stack: AsyncDisposableStack, job: HerdJob): Promise<HerdResult> {
  const child: ChildProcess = fork(join(import.meta.dirname, 'herd-process.ts'));
  const stop = () => void child.kill();
  stack.defer(stop);
  const ended = new AbortController();
  child.once('exit', () => ended.abort(new Error('the process of the readers ended')));
  child.send(job);
  const [result] = (await once(child, 'message', { signal: ended.signal })) as [HerdResult];
  stop();
  return result;
}
