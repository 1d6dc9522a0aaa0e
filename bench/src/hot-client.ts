/** A client of few instructions, in a process of its own, for as many requests as a server can answer. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

export interface HotJob {
  readonly port: number;
  readonly accessKey: string;
  readonly secretKey: string;
  readonly method: 'GET' | 'HEAD';
  readonly signed: boolean;
  /** `/bench/0` and so on, of `sizeBytes` each. */
  readonly objects: number;
  readonly sizeBytes: number;
  readonly connections: number;
}

export interface HotResult {
  readonly requests: number;
  readonly elapsedMs: number;
}

export type HotOrder = HotJob & { readonly durationMs: number };
export type HotAnswer = HotResult | { readonly failed: string };

export class HotClient {
  readonly #job: HotJob;
  readonly #child: ChildProcess = fork(join(import.meta.dirname, 'hot-process.ts'));

  constructor(job: HotJob) {
    this.#job = job;
  }

  /** @throws Error where an answer was not the expected one. */
  async run(durationMs: number): Promise<HotResult> {
    this.#child.send({ ...this.#job, durationMs } satisfies HotOrder);
    const [answer] = (await once(this.#child, 'message')) as [HotAnswer];
    if ('failed' in answer) throw new Error(answer.failed);
    return answer;
  }

  stop(): void {
    this.#child.kill();
  }
}
