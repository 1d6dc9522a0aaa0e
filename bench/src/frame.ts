/** What every benchmark has: its flags, the machine it ran on, a table or JSON, and an end that stops all. */
import { readFileSync } from 'node:fs';
import { constants, cpus, loadavg, release, totalmem } from 'node:os';
import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import { formatSize } from '@forebay/core/bytes';
import { version } from 'forebay/version';

export interface Benchmark {
  /** Ends with the flags of its own; `--quick`, `--json` and `--help` are added. */
  readonly usage: string;
  readonly options?: ParseArgsOptionsConfig;
  run(context: BenchmarkContext): Promise<BenchmarkReport>;
}

export type FlagValues = Readonly<Record<string, string | boolean | undefined>>;

export interface BenchmarkContext {
  readonly quick: boolean;
  readonly flags: FlagValues;
  /** What is started is stopped by it. */
  readonly stack: AsyncDisposableStack;
}

export interface BenchmarkReport {
  /** For people: how it was measured, and tables. */
  readonly lines: readonly string[];
  /** The same as one JSON value. */
  readonly figures: unknown;
}

const commonUsage = `  --quick   measure less
  --json    print one JSON value
  --help    this text
`;

/** Runs it with the flags of this process. Wrong flags end it with 2. */
export async function runBenchmark(benchmark: Benchmark): Promise<void> {
  const flags = flagsOf(benchmark, process.argv.slice(2));
  if (typeof flags === 'string') {
    process.stderr.write(`${flags}\n`);
    process.exitCode = 2;
    return;
  }
  if (flags.help) {
    process.stdout.write(benchmark.usage + commonUsage);
    return;
  }
  endOnSignals();
  const environment = environmentOf();
  await using stack = new AsyncDisposableStack();
  const report = await benchmark.run({ quick: flags.quick === true, flags, stack });
  process.stdout.write(
    flags.json
      ? `${JSON.stringify({ environment, ...(report.figures as object) }, undefined, 2)}\n`
      : `${[...environmentLines(environment), ...report.lines].join('\n')}\n`,
  );
}

/** By a signal alone the process would end without its `exit` event, which is what stops the servers. */
function endOnSignals(): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => process.exit(128 + constants.signals[signal]));
  }
}

/** The flags, or what is wrong with them. */
export function flagsOf(
  { options }: Pick<Benchmark, 'options'>,
  args: readonly string[],
): FlagValues | string {
  const common = {
    quick: { type: 'boolean' },
    json: { type: 'boolean' },
    help: { type: 'boolean' },
  } as const;
  try {
    return parseArgs({ args: [...args], options: { ...options, ...common } }).values as FlagValues;
  } catch (error) {
    return (error as Error).message;
  }
}

/** A flag that is a positive number. @throws Error that names it. */
export function numberFlag(flags: FlagValues, name: string, otherwise: number): number {
  const text = flags[name];
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new Error(`--${name} must be a positive number, not ${String(text)}`);
}

/** Progress is for stderr, the figures for stdout. */
export function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

type Environment = ReturnType<typeof environmentOf>;

function environmentOf() {
  return {
    date: new Date().toISOString(),
    forebay: version,
    node: process.versions.node,
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cpuCount: cpus().length,
    memoryBytes: totalmem(),
    system: `${systemName()}, kernel ${release()}`,
    /** Above 0.5 or so, others were at work too. */
    loadBefore: loadavg()[0]!,
  };
}

function systemName(): string {
  try {
    return /^PRETTY_NAME="?([^"\n]*)/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? process.platform;
  } catch {
    return process.platform;
  }
}

function environmentLines(of: Environment): string[] {
  return [
    `Forebay ${of.forebay} on Node ${of.node}; ${of.date}`,
    `${of.cpuCount} x ${of.cpu}, ${formatSize(of.memoryBytes)}, ${of.system}; load before: ${of.loadBefore.toFixed(2)}`,
  ];
}
