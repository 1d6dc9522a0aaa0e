/** The command line: argv to command, errors to one line on stderr and an exit code (0, 1, 2, 130). */
import { CommanderError } from 'commander';
import { failureOf } from './command-error.ts';
import { createProgram } from './program.ts';

export async function main(argv: readonly string[]): Promise<void> {
  process.stdout.on('error', () => undefined);
  const interrupted = () => process.exit(130);
  process.once('SIGINT', interrupted);
  const program = createProgram();
  // These stop in their own way, and say so with their own handlers.
  program.hook('preAction', (_, command) => {
    if (['serve', 'registry', 'demo', 'bench'].includes(command.name())) process.off('SIGINT', interrupted);
  });
  try {
    await program.parseAsync(argv);
  } catch (error) {
    process.exitCode = report(error);
  } finally {
    process.off('SIGINT', interrupted);
  }
}

function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  const { message, exitCode } = failureOf(error);
  process.stderr.write(`forebay: ${message}\n`);
  return exitCode;
}

// Also when started as a file; the launcher imports it.
if (import.meta.main) await main(process.argv);
