/**
 * `forebay serve` as a child process, on free loopback ports, with none of this process's FOREBAY_
 * settings. Whatever still runs when this process ends is killed with it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';

const program = resolve(import.meta.dirname, '../../bin/forebay.js');
const readyMsMax = 30_000;
const stopMsMax = 5_000;
const lineShownMax = 500;

export interface ServeChildOptions {
  /** How errors name it. */
  readonly name: string;
  /** Must exist; the data directory is made below it. */
  readonly directory: string;
  readonly accessKey: string;
  readonly secretKey: string;
  /** `PATH=UFS_URI` */
  readonly mounts: readonly string[];
  readonly flags?: readonly string[];
  /** Credentials of UFSs. */
  readonly env?: Readonly<Record<string, string>>;
  /** Another checkout whose Forebay it is to be, for comparing. */
  readonly checkout?: string;
  readonly signal: AbortSignal;
}

export interface ServeChild {
  /** `http://127.0.0.1:PORT` */
  readonly endpoint: string;
  readonly adminUrl: string;
  readonly port: number;
  readonly pid: number;
  /** Ends it in good order, or kills it after 5 s. */
  stop(): Promise<void>;
}

/** @throws Error where it ends at its start or is not ready within 30 s. */
export async function startServe(options: ServeChildOptions): Promise<ServeChild> {
  const { checkout } = options;
  const args = [
    checkout === undefined ? program : join(checkout, 'cli/bin/forebay.js'),
    ...['serve', '--host', '127.0.0.1', '--port', '0', '--admin-port', '0', '--log-level', 'info'],
    ...['--data-dir', join(options.directory, 'data')],
    ...options.mounts.flatMap((mount) => ['--mount', mount]),
    ...(options.flags ?? []),
  ];
  const child = spawn(process.execPath, args, {
    cwd: options.directory,
    env: { ...withoutSettings(process.env), ...rootUser(options), ...options.env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const stop = guarded(child);
  try {
    const { endpoint, adminUrl } = await addressesOf(child, options.signal);
    return { endpoint, adminUrl, port: Number(new URL(endpoint).port), pid: child.pid!, stop };
  } catch (error) {
    await stop();
    if (options.signal.aborted) throw error;
    throw new Error(`${options.name} did not start: ${(error as Error).message}`, { cause: error });
  }
}

function rootUser({ accessKey, secretKey }: ServeChildOptions) {
  return { FOREBAY_ACCESS_KEY: accessKey, FOREBAY_SECRET_KEY: secretKey };
}

function withoutSettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('FOREBAY_')));
}

function guarded(child: ChildProcess): () => Promise<void> {
  const killNow = () => void child.kill('SIGKILL');
  process.once('exit', killNow);
  const ended = new Promise<void>((done) => {
    child.once('error', () => done());
    child.once('close', () => done());
  });
  return async () => {
    child.kill('SIGTERM');
    const timer = setTimeout(killNow, stopMsMax);
    await ended;
    clearTimeout(timer);
    process.off('exit', killNow);
  };
}

/** From the log line that says it is ready. What it logs later is read and dropped. */
async function addressesOf(
  child: ChildProcess,
  signal: AbortSignal,
): Promise<{ endpoint: string; adminUrl: string }> {
  const lines = createInterface({ input: child.stderr! });
  const { promise, resolve: found, reject } = Promise.withResolvers<{ endpoint: string; adminUrl: string }>();
  const timer = setTimeout(() => reject(new Error(`not ready within ${readyMsMax} ms`)), readyMsMax);
  const stopped = () => reject(signal.reason);
  let last = '';
  lines.on('line', (line) => {
    last = line;
    const [, endpoint, adminUrl] =
      /"endpoint":"(http:[^"]+)","adminUrl":"(http:[^"]+)".*"msg":"ready"/.exec(line) ?? [];
    if (endpoint && adminUrl) found({ endpoint, adminUrl });
  });
  child.once('error', reject);
  child.once('close', (code) => reject(new Error(`it ended with ${code}: ${last.slice(0, lineShownMax)}`)));
  signal.addEventListener('abort', stopped);
  if (signal.aborted) stopped();
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', stopped);
  }
}
