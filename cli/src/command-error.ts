/** How a command fails: one line on stderr and an exit code. 1: it failed; 2: it was asked wrongly. */
import { ConfigError } from '@forebay/core/config';

export class CommandError extends Error {
  readonly exitCode: 1 | 2;
  /** Another try may do. */
  readonly isPassing: boolean;
  constructor(message: string, options?: { exitCode?: 1 | 2; isPassing?: boolean; cause?: unknown }) {
    super(message, { cause: options?.cause });
    this.isPassing = options?.isPassing ?? false;
    this.name = 'CommandError';
    this.exitCode = options?.exitCode ?? 1;
  }
}

export function usageError(message: string): CommandError {
  return new CommandError(message, { exitCode: 2 });
}

/** What to print and how to exit; a stack trace is for none of our users. */
export function failureOf(error: unknown): { message: string; exitCode: number } {
  if (error instanceof CommandError) return { message: oneLine(error.message), exitCode: error.exitCode };
  if (error instanceof ConfigError) return { message: oneLine(error.message), exitCode: 2 };
  return { message: oneLine(error instanceof Error ? error.message : String(error)), exitCode: 1 };
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, ' ').trim();
}
