/** boto3 as its users have it: stock settings, the endpoint and the keys in the environment. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { atEnd } from './at-end.ts';
import type { Environment } from './process.ts';
import type { S3Endpoint } from './servers.ts';
import { tempDir } from './temp.ts';
import { toolPath } from './tools.ts';

/**
 * Runs a snippet against an endpoint. Behind `needs('python')`. It finds `s3` (path-style, no retries), `args`
 * (what the test passed), `sha256(bytes)`, boto3 and Config, and leaves its answer in `result`, as JSON can
 * hold it.
 * @returns what it left in `result`. @throws Error with the traceback.
 */
export async function runPython<Result>(
  server: S3Endpoint,
  snippet: string,
  args: unknown = {},
): Promise<Result> {
  runner ??= toolPath('python').then((bin) => new SnippetRunner(join(bin, 'python')));
  const { result, failed } = await (await runner).run(outdent(snippet), args, awsEnvironment(server));
  if (failed !== undefined) throw new Error(`the Python snippet failed:\n${failed.slice(-4000)}`);
  return result as Result;
}

let runner: Promise<SnippetRunner> | undefined;

interface Answer {
  readonly result?: unknown;
  readonly failed?: string;
}

/** One process for all snippets of a test file (snippets.py): it has loaded boto3 once. */
class SnippetRunner {
  readonly #process: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #directory = tempDir('snippets');
  readonly #running = new Map<number, PromiseWithResolvers<string>>();
  #last = 0;
  #said = '';

  constructor(program: string) {
    const env = { PATH: process.env.PATH, HOME: this.#directory, PYTHONDONTWRITEBYTECODE: '1' };
    this.#process = spawn(program, [join(import.meta.dirname, 'snippets.py')], {
      env,
      stdio: ['pipe', 'pipe', 'pipe'],
      // A group of its own, that ends with all snippets in it.
      detached: true,
    });
    atEnd(() => this.#end());
    this.#process.stderr.on('data', (bytes: Buffer) => {
      this.#said = (this.#said + bytes.toString()).slice(-4000);
    });
    this.#process.once('error', (error) => this.#fail(error.message));
    this.#process.once('exit', () => this.#fail('it ended'));
    this.#process.stdin.on('error', () => {});
    createInterface(this.#process.stdout).on('line', (line) => {
      const [id = '', status = ''] = line.split(' ');
      this.#running.get(Number(id))?.resolve(status);
    });
  }

  #end(): void {
    const { pid } = this.#process;
    try {
      if (pid !== undefined) process.kill(-pid, 'SIGKILL');
    } catch {
      // It has ended.
    }
  }

  #fail(reason: string): void {
    runner = undefined;
    const error = new Error(`snippets.py: ${reason}\n${this.#said}`);
    for (const { reject } of this.#running.values()) reject(error);
  }

  async run(source: string, args: unknown, env: Environment): Promise<Answer> {
    this.#last += 1;
    const id = this.#last;
    const path = join(this.#directory, `${id}.json`);
    const ended = Promise.withResolvers<string>();
    this.#running.set(id, ended);
    try {
      this.#process.stdin.write(`${JSON.stringify({ id, source, args, env, path })}\n`);
      const status = await ended.promise;
      if (status !== '0') return { failed: `it ended with status ${status}: ${this.#said}` };
      return JSON.parse(readFileSync(path, 'utf8')) as Answer;
    } finally {
      this.#running.delete(id);
    }
  }
}

/** What AWS clients read from the environment, and nothing of the user's own configuration. */
export function awsEnvironment({ endpoint, accessKey, secretKey }: S3Endpoint): Environment {
  home ??= tempDir('aws-home');
  return {
    PATH: process.env.PATH,
    HOME: home,
    AWS_ACCESS_KEY_ID: accessKey,
    AWS_SECRET_ACCESS_KEY: secretKey,
    AWS_ENDPOINT_URL: endpoint,
    AWS_DEFAULT_REGION: 'us-east-1',
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_PAGER: '',
    PYTHONDONTWRITEBYTECODE: '1',
  };
}

let home: string | undefined;

/** Removes the indentation of the first line from all lines, so that snippets stand indented in tests. */
function outdent(text: string): string {
  const lines = text.replace(/^\s*\n/, '').split('\n');
  const indent = /^ */.exec(lines[0] ?? '')![0];
  return lines.map((line) => (line.startsWith(indent) ? line.slice(indent.length) : line)).join('\n');
}
