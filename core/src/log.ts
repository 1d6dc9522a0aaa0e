/**
 * Structured logs: JSON lines through pino. Secrets never get in: pass what is needed, not whole requests.
 */
import { type Logger, pino } from 'pino';
import { LogTail } from './log-tail.ts';

export type Log = Logger;
export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

const tails = new WeakMap<Log, LogTail>();

/** @param destination a file descriptor, default stderr: stdout belongs to what commands print. */
export function createLog(options: { level: LogLevel; destination?: number }): Log {
  const tail = new LogTail(Date.now());
  const destination = pino.destination({ dest: options.destination ?? 2, sync: true });
  const log: Log = pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    {
      write: (line: string) => {
        tail.add(line);
        destination.write(line);
      },
    },
  );
  tails.set(log, tail);
  return log;
}

/** The last lines of a log that `createLog` made. */
export function tailOf(log: Log): LogTail | undefined {
  return tails.get(log);
}

export const silentLog: Log = pino({ level: 'silent' });
