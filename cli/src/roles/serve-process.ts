/** `forebay serve` as a process: logs, banner, signals, exit codes. */
import { createLog, type Log, type LogLevel } from '@forebay/core/log';
import { banner } from '../banner.ts';
import type { ServeConfig } from '../serve-config.ts';
import { styleFor } from '../terminal.ts';
import { version } from '../version.ts';
import { type RunningForebay, startServe } from './serve.ts';

/**
 * Resolves once everything has stopped; the exit code is set then. @throws CommandError where it cannot
 * start.
 */
export async function serveUntilStopped(config: ServeConfig): Promise<void> {
  const startedMs = performance.now();
  const log = createLog({ level: logLevelOf(config) });
  for (const warning of config.warnings) log.warn(warning);
  const stopped = stopSignal();
  const running = await startServe({ config, log });
  watchForDefects(log);
  const { endpoint, adminUrl, nodeId } = running;
  log.info(
    { version, endpoint, adminUrl, nodeId, mounts: running.mounts.length, workers: running.workers },
    'ready',
  );
  const terminal = process.stdout.isTTY === true;
  const style = styleFor(process.stdout, process.env);
  process.stdout.write(banner({ running, config, style, terminal, tookMs: performance.now() - startedMs }));
  const signal = await stopped;
  await stop(running, { signal, log });
  process.exitCode = signal === 'SIGINT' ? 130 : 0;
}

function logLevelOf({ values: { logLevel, accessLog } }: ServeConfig): LogLevel {
  if (logLevel !== 'auto') return logLevel;
  // The banner is for people; log lines between it and the prompt are not, unless asked for.
  return process.stderr.isTTY === true && accessLog === 'off' ? 'warn' : 'info';
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

async function stop(
  running: RunningForebay,
  { signal, log }: { signal: StopSignal; log: Log },
): Promise<void> {
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
