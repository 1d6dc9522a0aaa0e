/** A role as a process: logs, signals, exit codes. */
import { createLog, type Log, type LogLevel } from '@forebay/core/log';

interface LogValues {
  readonly logLevel: LogLevel | 'auto';
}

interface Running {
  /** Lets requests under way end, then frees everything. */
  stop(): Promise<void>;
}

/**
 * Resolves once everything has stopped; the exit code is set then. @throws CommandError where it cannot
 * start.
 * @param start resolves when it serves. The signal to stop ends its wait for what is not there yet
 */
export async function runUntilStopped(
  log: Log,
  start: (signal: AbortSignal) => Promise<Running>,
): Promise<void> {
  const asked = new AbortController();
  const stopped = stopSignal();
  void stopped.then((signal) => asked.abort(new Stopped(signal)));
  let running: Running;
  try {
    running = await start(asked.signal);
  } catch (error) {
    const { reason } = asked.signal;
    const isStopped = error instanceof Error && (error === reason || error.cause === reason);
    if (!asked.signal.aborted || !isStopped) throw error;
    process.exitCode = exitCodeOf(await stopped);
    return;
  }
  watchForDefects(log);
  const signal = await stopped;
  await stop(running, { signal, log });
  process.exitCode = exitCodeOf(signal);
}

class Stopped extends Error {
  constructor(signal: StopSignal) {
    super(`stopped by ${signal} before it was ready`);
  }
}

function exitCodeOf(signal: StopSignal): number {
  return signal === 'SIGINT' ? 130 : 0;
}

export function createRoleLog(values: LogValues): Log {
  return createLog({ level: logLevelOf(values) });
}

export function logLevelOf({ logLevel }: LogValues): LogLevel {
  if (logLevel !== 'auto') return logLevel;
  // The banner is for people; log lines between it and the prompt are not, unless asked for.
  return process.stderr.isTTY === true ? 'warn' : 'info';
}

type StopSignal = 'SIGINT' | 'SIGTERM';

/** npm passes on a Ctrl-C that its whole group has got already: soon after the first it is the same. */
const echoMs = 500;

/** The first signal asks to stop; a second Ctrl-C, or a second SIGTERM, does not wait for anything. */
function stopSignal(): Promise<StopSignal> {
  const { promise, resolve } = Promise.withResolvers<StopSignal>();
  let askedAtMs = Number.POSITIVE_INFINITY;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      const sinceAskedMs = performance.now() - askedAtMs;
      if (sinceAskedMs > echoMs) process.exit(signal === 'SIGINT' ? 130 : 1);
      askedAtMs = Math.min(askedAtMs, performance.now());
      resolve(signal);
    });
  }
  return promise;
}

async function stop(running: Running, { signal, log }: { signal: StopSignal; log: Log }): Promise<void> {
  log.info({ signal }, 'stopping: requests under way may end');
  if (signal === 'SIGINT' && process.stdout.isTTY === true) {
    process.stdout.write('\n  Stopping; Ctrl-C again to stop at once.\n');
  }
  await running.stop();
  log.info('stopped');
}

/** A defect of ours ends the process with a line in the log, not with a torn state that goes on serving. */
function watchForDefects(log: Log): void {
  const die = (error: unknown) => {
    log.error({ reason: error instanceof Error ? (error.stack ?? error.message) : String(error) }, 'defect');
    process.exit(1);
  };
  process.on('uncaughtException', die);
  process.on('unhandledRejection', die);
}
