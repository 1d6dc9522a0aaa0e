/** `forebay demo`: a self-contained tour; what it needs is in demo/. */
import { constants } from 'node:os';
import { Command } from 'commander';
import { resultJson, resultLines } from '../demo/report.ts';
import { Screen } from '../demo/screen.ts';
import { runTour } from '../demo/tour.ts';
import { examplesText } from './admin-command.ts';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Stops in its own way on SIGINT: the caller must leave that signal to it. */
export function demoCommand(): Command {
  return new Command('demo')
    .summary('a self-contained tour: a far bucket, cold and warm reads, what was saved')
    .description(
      'Reads a sample bucket behind a simulated distance, cold and then warm, and shows what the cache saved. ' +
        'Needs no account and no network; removes everything it made.',
    )
    .option('--json', 'print the results as one JSON value')
    .addHelpText('after', examplesText(['forebay demo', 'forebay demo --json']))
    .action(async ({ json }: { json?: true }) => {
      const screen = new Screen(json ? process.stderr : process.stdout, process.env);
      await stoppable(screen, async (signal) => {
        const result = await runTour({ screen, signal });
        screen.line();
        if (json) process.stdout.write(`${JSON.stringify(resultJson(result), undefined, 2)}\n`);
        else for (const line of resultLines(result, screen.style)) screen.line(line);
      });
    });
}

/** Exit code 128 + the signal's number, once everything is cleaned up. */
async function stoppable(screen: Screen, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const stop = new AbortController();
  const onSignal = (name: NodeJS.Signals) => {
    // The second one does not wait: what still runs is killed, and the files are removed, on exit.
    if (stop.signal.aborted) process.exit(128 + constants.signals[name]);
    process.exitCode = 128 + constants.signals[name];
    stop.abort();
  };
  for (const name of signals) process.on(name, onSignal);
  try {
    await work(stop.signal);
  } catch (error) {
    // Children get Ctrl-C too, and whatever fails for that reason is no error of its own.
    if (!stop.signal.aborted) throw error;
    screen.line('stopped; everything is removed');
  } finally {
    for (const name of signals) process.off(name, onSignal);
  }
}
