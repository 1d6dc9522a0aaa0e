/** `forebay bench`: a load generator; what it needs is in bench/. */
import { writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { Command, Option } from 'commander';
import { type BenchFlags, planOf, workloads } from '../bench/bench-plan.ts';
import { type BenchResult, csvText, resultLines } from '../bench/bench-result.ts';
import { runBench } from '../bench/run-bench.ts';
import { CommandError, usageError } from '../command-error.ts';
import { examplesText } from './admin-command.ts';

const collect = (value: string, before: readonly string[] | undefined) => [...(before ?? []), value];

/** Stops in its own way on SIGINT: the caller must leave that signal to it. */
export function benchCommand(): Command {
  const command = new Command('bench')
    .summary('load an S3 endpoint and measure it')
    .description(
      'Loads an S3 endpoint from one or several processes and says what it carried: requests per second, ' +
        'latencies, errors, CPU of the servers where they run here. Writes the objects it reads by itself.',
    );
  for (const option of options()) command.addOption(option);
  return command
    .addHelpText('after', examplesText(examples))
    .addHelpText('after', credentialsText)
    .action(async (flags: BenchFlags) => {
      const result = await interruptible((signal) =>
        runBench({
          plan: planOf(flags, process.env),
          cleanup: flags.cleanup === true,
          serverPids: pidsOf(flags),
          signal,
          say: (text) => void process.stderr.write(`${text}\n`),
        }),
      );
      write(result, flags);
      if (!result.stopped && result.operations.length === 0) throw new CommandError('no request succeeded');
    });
}

function options(): Option[] {
  return [
    new Option('--endpoint <url>', 'what is loaded (default http://127.0.0.1:9000)'),
    new Option('--bucket <name>', 'where its objects are'),
    new Option('--prefix <text>', 'of the keys of its objects (default forebay-bench/)'),
    new Option('--region <name>', 'that requests are signed for (default us-east-1)'),
    new Option('--anonymous', 'do not sign requests'),
    new Option('--workload <name>', `${workloads.join(', ')} (default read)`),
    new Option('--size <size>', 'of each object (default 1MiB)'),
    new Option('--objects <n>', 'how many (default 64)'),
    new Option('--range-size <size>', 'of each read of the workload ranges (default 64KiB)'),
    new Option('--read-ratio <share>', 'of reads in the workload mixed (default 0.9)'),
    new Option(
      '--zipf <exponent>',
      'some objects are read more than others: 0.99 is usual (default 0, all alike)',
    ),
    new Option('--concurrency <n>', 'requests at a time, each on its own connection (default 16)'),
    new Option('--rate <n>', 'requests a second, instead of as many as the connections carry'),
    new Option('--processes <n>', 'client processes, which share the connections (default 1)'),
    new Option('--duration <time>', 'how long it is measured (default 30s)'),
    new Option('--warmup <time>', 'load before that, which is not counted (default 5s)'),
    new Option('--seed <n>', 'of the random choices (default 1)'),
    new Option('--verify', 'check every byte of reads; in a replay the MD5 of whole objects by their ETag'),
    new Option('--cleanup', 'remove its objects at the end'),
    new Option('--log <file>', 'access log to replay (serve --access-log on): its reads, in their order'),
    new Option('--speed <factor>', 'of the replay: 1x is as it was, max as fast as it goes (default 1x)'),
    new Option(
      '--server-pid <pid>',
      'whose CPU is measured, with the processes below it; may be repeated (default: who listens on the port)',
    ).argParser(collect),
    new Option('--json <file>', 'write the result as JSON; - is stdout'),
    new Option('--csv <file>', 'write the result as CSV; - is stdout'),
  ];
}

const examples = [
  'forebay bench --bucket lake --size 4KiB --concurrency 64 --processes 2',
  'forebay bench --bucket lake --workload ranges --size 64MiB --range-size 1MiB --zipf 0.99',
  'forebay bench --bucket lake --workload mixed --read-ratio 0.8 --verify --cleanup',
  'forebay bench --workload replay --log access.log --speed 2x --json result.json',
];

const credentialsText = `Credentials: FOREBAY_ACCESS_KEY and FOREBAY_SECRET_KEY, else AWS_ACCESS_KEY_ID and
AWS_SECRET_ACCESS_KEY. Ctrl-C ends it early and prints what was measured until then.
`;

function pidsOf({ serverPid = [] }: BenchFlags): number[] {
  return (serverPid as readonly string[]).map((text) => {
    if (/^[1-9]\d*$/.test(text)) return Number(text);
    throw usageError(`--server-pid must be the id of a process, not "${text}"`);
  });
}

function write(result: BenchResult, { json, csv }: BenchFlags): void {
  const outputs = [
    { file: json, text: () => `${JSON.stringify(result, undefined, 2)}\n` },
    { file: csv, text: () => csvText(result) },
  ];
  for (const { file, text } of outputs)
    if (typeof file === 'string' && file !== '-') writeFileSync(file, text());
  const printed = outputs.find(({ file }) => file === '-');
  process.stdout.write(printed ? printed.text() : `${resultLines(result).join('\n')}\n`);
}

const signals = ['SIGINT', 'SIGTERM'] as const;

/** The first signal ends the load early, and the process with 128 + its number once all is said. */
async function interruptible<Result>(work: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
  const stop = new AbortController();
  const onSignal = (name: NodeJS.Signals) => {
    if (stop.signal.aborted) process.exit(128 + constants.signals[name]);
    process.exitCode = 128 + constants.signals[name];
    stop.abort();
  };
  for (const name of signals) process.on(name, onSignal);
  try {
    return await work(stop.signal);
  } finally {
    for (const name of signals) process.off(name, onSignal);
  }
}
