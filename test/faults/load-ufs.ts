/**
 * A bucket of very many small objects, in a process of its own, that counts what each key is asked for: what
 * a load of them is held against.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { atEnd } from '../support/at-end.ts';
import { contentOf } from '../support/content.ts';

export interface LoadUfsOptions {
  readonly host: string;
  readonly bucket: string;
  readonly prefix: string;
  readonly count: number;
  /** Answered with this status, whatever they are asked for. */
  readonly broken: Readonly<Record<string, { readonly status: number; readonly code: string }>>;
}

export interface LoadUfsCounts {
  /** Of each key that was asked for. */
  readonly gets: ReadonlyMap<string, number>;
  /** Of the bodies of those GETs. */
  readonly bytes: number;
}

export const sizeBytes = 4096;
const sharedBytes = 16;

export const keyAt = (prefix: string, index: number) => `${prefix}${String(index).padStart(7, '0')}`;

/** Parts of one text that says in each place how far it is: no two are the same, and none takes memory. */
export function bodiesOf(count: number): (index: number) => Buffer {
  const all = contentOf(1, count * sharedBytes + sizeBytes);
  return (index) => all.subarray(index * sharedBytes, index * sharedBytes + sizeBytes);
}

/** The process. @throws Error where it ends */
export class LoadUfs {
  readonly endpoint: string;
  readonly env: Readonly<Record<string, string>>;
  readonly #child: ChildProcess;
  readonly #takeBack: () => void;

  private constructor(child: ChildProcess, { endpoint, env }: Pick<LoadUfs, 'endpoint' | 'env'>) {
    this.#child = child;
    this.endpoint = endpoint;
    this.env = env;
    this.#takeBack = atEnd(() => child.kill('SIGKILL'));
  }

  static async start(options: LoadUfsOptions): Promise<LoadUfs> {
    const file = join(import.meta.dirname, 'load-ufs-process.ts');
    const child = fork(file, [JSON.stringify(options)], { serialization: 'advanced', execArgv: [] });
    return new LoadUfs(child, await answerOf<Pick<LoadUfs, 'endpoint' | 'env'>>(child));
  }

  get pid(): number {
    return this.#child.pid!;
  }

  counts(): Promise<LoadUfsCounts> {
    this.#child.send('counts');
    return answerOf(this.#child);
  }

  async stop(): Promise<void> {
    const ended = once(this.#child, 'exit');
    this.#child.disconnect();
    await ended;
    this.#takeBack();
  }
}

async function answerOf<Answer>(child: ChildProcess): Promise<Answer> {
  const ended = new AbortController();
  const onExit = () => ended.abort(new Error('the process of the UFS ended'));
  child.once('exit', onExit);
  try {
    const [answer] = (await once(child, 'message', { signal: ended.signal })) as [Answer];
    return answer;
  } finally {
    child.off('exit', onExit);
  }
}
