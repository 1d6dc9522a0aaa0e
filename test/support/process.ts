/**
 * Child processes of tests: run to the end, or run as a server until stopped. Whatever still runs when the
 * test process ends is killed with it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { atEnd } from './at-end.ts';
import { cacheDir } from './cache.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface RunOptions {
  readonly cwd?: string | undefined;
  /** The whole environment of the child; without it, this process's. */
  readonly env?: Environment | undefined;
  readonly input?: string | Uint8Array | undefined;
  /** Killed past this; without it, only the test's own limit ends it. */
  readonly timeoutMs?: number | undefined;
}

export interface RunResult {
  /** -1 where a signal ended it; `stderr` then names the signal. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What one process of ours has compiled the next need not: it starts in half the time. */
function withCode(env: Environment = process.env): NodeJS.ProcessEnv {
  return { NODE_COMPILE_CACHE: join(cacheDir(), 'code'), ...env };
}

function guard(child: ChildProcess): void {
  const takeBack = atEnd(() => child.kill('SIGKILL'));
  child.once('exit', takeBack);
}

/** Runs a program to its end. Never throws for an exit code; throws where the program cannot be started. */
export async function run(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: withCode(options.env),
    timeout: options.timeoutMs,
    killSignal: 'SIGKILL',
  });
  guard(child);
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on('data', (bytes: Buffer) => stdout.push(bytes));
  child.stderr.on('data', (bytes: Buffer) => stderr.push(bytes));
  // A child that ends without reading its input is judged by its exit code, not by our broken pipe.
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.input);
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  return {
    code: code ?? -1,
    stdout: Buffer.concat(stdout).toString(),
    stderr: Buffer.concat(stderr).toString() + (signal ? `\nkilled by ${signal}` : ''),
  };
}

/** `run`, for programs that must succeed. @throws Error with what the program said. */
export async function mustRun(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  const result = await run(command, args, options);
  if (result.code === 0) return result.stdout;
  const said = (result.stderr.trim() || result.stdout.trim()).slice(-2000);
  throw new Error(`${command} ${args.slice(0, 4).join(' ')} ended with ${result.code}: ${said}`);
}

export interface ServerProcess {
  readonly pid: number;
  /** What it printed so far, both streams, in order. */
  log(): string;
  /** Resolves when it has ended. */
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  readonly running: boolean;
  /** Sends a signal and waits for the end. Does nothing to a process that has ended. */
  stop(signal?: NodeJS.Signals): Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

/** Starts a long-running program. It is not ready yet: see `untilPortOpen`. */
export function startProcess(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): ServerProcess {
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: withCode(options.env),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  guard(child);
  const said: Buffer[] = [];
  child.stdout.on('data', (bytes: Buffer) => said.push(bytes));
  child.stderr.on('data', (bytes: Buffer) => said.push(bytes));
  let running = true;
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once('error', (error) => said.push(Buffer.from(`${error.message}\n`)));
    child.once('close', (code, signal) => {
      running = false;
      resolve({ code, signal });
    });
  });
  return {
    pid: child.pid ?? -1,
    log: () => Buffer.concat(said).toString(),
    ended,
    get running() {
      return running;
    },
    stop: (signal = 'SIGTERM') => {
      if (running) child.kill(signal);
      return ended;
    },
  };
}

/**
 * A port of the loopback address that nobody listens on. Below those that the system gives to clients: none
 * of them can take it before the server that it is meant for, and two test files hardly ever draw the same.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(10_000, 30_000);
    const server = createServer().listen(port, '127.0.0.1');
    try {
      await once(server, 'listening');
    } catch {
      continue;
    }
    server.close();
    await once(server, 'close');
    return port;
  }
}

/** Asks until the answer is true. @throws Error where the process ends first, or after `timeoutMs`. */
export async function untilReady(
  server: ServerProcess,
  isReady: () => Promise<boolean>,
  timeoutMs = 60_000,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await isReady())) {
    if (!server.running) throw new Error(`the server ended at its start:\n${server.log().slice(-4000)}`);
    if (performance.now() > deadline) {
      throw new Error(`the server was not ready after ${timeoutMs} ms:\n${server.log().slice(-4000)}`);
    }
    await wait(20);
  }
}

/** Whether something accepts connections on a loopback port. */
export async function isPortOpen(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
