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

/** Where lines go that are written while others are still on their way to a file or a pipe. */
export interface Destination {
  /** Bytes over the limit are dropped, in whole calls of this. */
  write(text: string): void;
  /** Lets what was written go out, for as long as the other side takes something. */
  end(): void;
}

export function openDestination(options: {
  readonly descriptor: number;
  /** Bytes that wait to be written. */
  readonly queueBytesMax: number;
  /** Of one write to the system. */
  readonly writeBytesMax: number;
  readonly onDropped: (text: string) => void;
  readonly onFailed: (error: Error) => void;
}): Destination {
  let isEnding = false;
  const destination = pino.destination({
    ...{ dest: options.descriptor, sync: false, append: true },
    ...{ maxLength: options.queueBytesMax, maxWrite: options.writeBytesMax },
    retryEAGAIN: () => !isEnding,
  });
  destination.on('drop', options.onDropped);
  destination.on('error', options.onFailed);
  return {
    write: (text) => void destination.write(text),
    end: () => {
      isEnding = true;
      destination.end();
    },
  };
}

export const silentLog: Log = pino({ level: 'silent' });
