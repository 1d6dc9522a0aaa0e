/** The AWS command line, stock settings, the endpoint and the keys in the environment. */
import { join } from 'node:path';
import { type RunResult, run } from './process.ts';
import { awsEnvironment } from './python.ts';
import type { S3Endpoint } from './servers.ts';
import { toolPath } from './tools.ts';

/** Runs `aws ARGS`, behind `needs('python')`, and gives its exit code and output whatever they are. */
export async function tryAws(server: S3Endpoint, args: readonly string[], cwd?: string): Promise<RunResult> {
  const bin = await toolPath('python');
  const env = awsEnvironment(server);
  return run(join(bin, 'python'), [join(bin, 'aws'), ...args], { env, cwd });
}

/** Runs `aws ARGS` and gives what it printed. @throws Error where it fails. */
export async function aws(server: S3Endpoint, args: readonly string[], cwd?: string): Promise<string> {
  const done = await tryAws(server, args, cwd);
  if (done.code !== 0) {
    throw new Error(`aws ${args.slice(0, 4).join(' ')} ended with ${done.code}: ${done.stderr.slice(-2000)}`);
  }
  return done.stdout;
}
