/**
 * Structured logs: JSON lines through pino. Secrets never get in: pass what is needed, not whole requests.
 */
import { type Logger, pino } from 'pino';

export type Log = Logger;
export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** @param destination a file descriptor, default stderr: stdout belongs to what commands print. */
export function createLog(options: { level: LogLevel; destination?: number }): Log {
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    pino.destination({ dest: options.destination ?? 2, sync: true }),
  );
}

export const silentLog: Log = pino({ level: 'silent' });
