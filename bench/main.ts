/**
 * `npm run bench`: cold, warm and direct reads of three sizes through a real `forebay serve`, with the CPU
 * each request cost. `--quick` measures less, `--json` prints one JSON value. It judges nothing: the
 * figures are for reading, and for comparing on one machine.
 */
import { readFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { formatSize, KiB, MiB } from '@forebay/core/bytes';
import { version } from 'forebay/version';
import { LoadClient } from './src/load-client.ts';
import { rowsOf, tableLines } from './src/report.ts';
import { fillBucket, type Parts, runRound, type Sample, type Size } from './src/rounds.ts';
import { startForebay, startUfs, tempDirectory } from './src/servers.ts';

const usage = `Usage: npm run bench -- [--quick] [--json]

Reads 4 KiB, 1 MiB and 64 MiB objects directly from a UFS, cold and warm through Forebay.

  --quick   fewer rounds and requests
  --json    print one JSON value
`;

function plan(quick: boolean): { rounds: number; sizes: Size[] } {
  const size = (label: string, sizeBytes: number, objects: number): Size => ({
    label,
    sizeBytes,
    objects,
    passes: quick ? 1 : 3,
  });
  return {
    rounds: quick ? 2 : 5,
    sizes: [
      size('4 KiB', 4 * KiB, quick ? 50 : 200),
      size('1 MiB', MiB, quick ? 8 : 24),
      size('64 MiB', 64 * MiB, quick ? 1 : 2),
    ],
  };
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { quick: { type: 'boolean' }, json: { type: 'boolean' }, help: { type: 'boolean' } },
  });
  if (values.help) {
    process.stdout.write(usage);
    return;
  }
  const { rounds, sizes } = plan(values.quick ?? false);
  await using stack = new AsyncDisposableStack();
  const loadBefore = loadavg()[0]!;
  const parts = await startParts(stack, rounds);
  const environment = environmentOf(parts, loadBefore);
  say(`UFS: ${environment.ufs}. Writing the objects.`);
  await fillBucket(parts.ufs, sizes);
  const samples = await measureAll(parts, rounds, sizes);
  const rows = rowsOf(sizes, samples);
  if (values.json) process.stdout.write(`${JSON.stringify({ environment, rounds, rows }, undefined, 2)}\n`);
  else
    process.stdout.write(
      `${[...environmentLines(environment, rounds), '', ...tableLines(rows)].join('\n')}\n`,
    );
}

function mountNameOf(round: number): string {
  return `round-${round}`;
}

/** Round 0 is for warming up compilers and connections. */
async function startParts(stack: AsyncDisposableStack, rounds: number): Promise<Parts> {
  const directory = tempDirectory(stack);
  const ufs = await startUfs(stack, directory);
  const mountNames = Array.from({ length: rounds + 1 }, (_, round) => mountNameOf(round));
  const forebay = await startForebay(stack, { directory, ufs, mountNames });
  const client = new LoadClient();
  stack.defer(() => client.stop());
  return { client, ufs, forebay };
}

async function measureAll(parts: Parts, rounds: number, sizes: readonly Size[]): Promise<Sample[]> {
  const samples: Sample[] = [];
  for (let round = 0; round <= rounds; round += 1) {
    say(round === 0 ? 'Warming up.' : `Round ${round} of ${rounds}.`);
    const measured = await runRound(parts, {
      mountName: mountNameOf(round),
      sizes,
      directFirst: round % 2 === 0,
    });
    if (round > 0) samples.push(...measured);
  }
  return samples;
}

function environmentOf({ ufs }: Parts, loadBefore: number) {
  return {
    date: new Date().toISOString(),
    forebay: version,
    node: process.versions.node,
    ufs: ufs.name,
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cpuCount: cpus().length,
    memoryBytes: totalmem(),
    system: `${systemName()}, kernel ${release()}`,
    /** Above 0.5 or so, others were at work too. */
    loadBefore,
  };
}

function systemName(): string {
  try {
    return /^PRETTY_NAME="?([^"\n]*)/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? process.platform;
  } catch {
    return process.platform;
  }
}

function environmentLines(of: ReturnType<typeof environmentOf>, rounds: number): string[] {
  return [
    `Forebay ${of.forebay} on Node ${of.node}; UFS: ${of.ufs}; ${of.date}`,
    `${of.cpuCount} x ${of.cpu}, ${formatSize(of.memoryBytes)}, ${of.system}; load before: ${of.loadBefore.toFixed(2)}`,
    `One signed request at a time over loopback, client in its own process. Medians of ${rounds} rounds, alternating.`,
    'CPU: all threads of the server; with cold reads that includes writing the pages to disk.',
  ];
}

/** Progress is for stderr, the figures for stdout. */
function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

await main();
