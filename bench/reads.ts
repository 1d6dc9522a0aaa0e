/**
 * `npm run bench`: cold, warm and direct reads of three sizes through a real `forebay serve`, with the CPU
 * each request cost. It judges nothing: the figures are for reading, and for comparing on one machine.
 */
import { KiB, MiB } from '@forebay/core/bytes';
import { type BenchmarkContext, type BenchmarkReport, runBenchmark, say } from './src/frame.ts';
import { LoadClient } from './src/load-client.ts';
import { writeObjects } from './src/objects.ts';
import { rowsOf, tableLines } from './src/report.ts';
import { type Parts, runRound, type Sample, type Size } from './src/rounds.ts';
import { startForebay, startUfs, tempDirectory } from './src/servers.ts';

await runBenchmark({
  usage: `Usage: npm run bench -- reads [--quick] [--json]

Reads 4 KiB, 1 MiB and 64 MiB objects directly from a UFS, cold and warm through Forebay.

`,
  run: measure,
});

function plan(quick: boolean): { rounds: number; sizes: Size[] } {
  const size = (label: string, sizeBytes: number, count: number): Size => ({
    label,
    sizeBytes,
    count,
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

async function measure({ quick, stack }: BenchmarkContext): Promise<BenchmarkReport> {
  const { rounds, sizes } = plan(quick);
  const parts = await startParts(stack, rounds);
  say(`UFS: ${parts.ufs.name}. Writing the objects.`);
  for (const size of sizes) await writeObjects(parts.ufs, size);
  const rows = rowsOf(sizes, await measureAll(parts, rounds, sizes));
  return {
    lines: [
      `UFS: ${parts.ufs.name}. One signed request at a time over loopback, client in its own process.`,
      `Medians of ${rounds} rounds, alternating.`,
      'CPU: all threads of the server; with cold reads that includes writing the pages to disk.',
      '',
      ...tableLines(rows),
    ],
    figures: { ufs: parts.ufs.name, rounds, rows },
  };
}

function mountNameOf(round: number): string {
  return `round-${round}`;
}

/** Round 0 is for warming up compilers and connections. */
async function startParts(stack: AsyncDisposableStack, rounds: number): Promise<Parts> {
  const directory = tempDirectory(stack);
  const ufs = await startUfs(stack, directory);
  const mounts = Array.from({ length: rounds + 1 }, (_, round) => ({ name: mountNameOf(round) }));
  const forebay = await startForebay(stack, { directory, ufs, mounts });
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
