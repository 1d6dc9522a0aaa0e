/**
 * `npm run bench -- positioned`: ranges at random positions of a large object that is wholly cached, beside
 * the same ranges read directly from the UFS.
 */
import { formatSize, KiB, MiB } from '@forebay/core/bytes';
import { seededRandom } from 'forebay/bench/random';
import { cpuOf } from './src/cpu.ts';
import { type BenchmarkContext, type BenchmarkReport, numberFlag, runBenchmark, say } from './src/frame.ts';
import { LoadClient, type LoadRead } from './src/load-client.ts';
import { readOf, writeObjects } from './src/objects.ts';
import {
  type PositionedRound,
  type PositionedRun,
  positionedLines,
  positionedRow,
} from './src/positioned-figures.ts';
import { bucket, type Server, startForebay, startUfs, targetOf, tempDirectory } from './src/servers.ts';

const mountName = 'warm';
const reads = [
  { sizeBytes: 4 * KiB, count: 400 },
  { sizeBytes: 64 * KiB, count: 300 },
  { sizeBytes: 256 * KiB, count: 150 },
  { sizeBytes: MiB, count: 60 },
];

await runBenchmark({
  usage: `Usage: npm run bench -- positioned [--size MIB] [--rounds N]

Reads ranges of 4 KiB, 64 KiB, 256 KiB and 1 MiB at random positions of one large object, over 1 and over 4
connections: warm through Forebay, and directly from the UFS.

  --size MIB   of the object (256)
  --rounds N   (5)
`,
  options: { size: { type: 'string' }, rounds: { type: 'string' } },
  run: measure,
});

interface Parts {
  readonly client: LoadClient;
  readonly ufs: Server;
  readonly forebay: Server;
  readonly objectBytes: number;
}

async function measure({ quick, flags, stack }: BenchmarkContext): Promise<BenchmarkReport> {
  const objectBytes = numberFlag(flags, 'size', quick ? 64 : 256) * MiB;
  const rounds = numberFlag(flags, 'rounds', quick ? 2 : 5);
  const directory = tempDirectory(stack);
  const ufs = await startUfs(stack, directory);
  say(`UFS: ${ufs.name}. Writing the object, and reading it once.`);
  await writeObjects(ufs, { sizeBytes: objectBytes, count: 1 });
  const forebay = await startForebay(stack, { directory, ufs, mounts: [{ name: mountName }] });
  const client = new LoadClient();
  stack.defer(() => client.stop());
  const parts: Parts = { client, ufs, forebay, objectBytes };
  const whole = [readOf(mountName, objectBytes, 0)];
  await cpuOf([forebay.pid], () => client.run({ target: targetOf(forebay), reads: whole }));
  const rows = await measureAll(parts, rounds);
  return {
    lines: [
      `UFS: ${ufs.name}. Positions at random bytes of ${formatSize(objectBytes)}, ${rounds} rounds, alternating.`,
      'p50 and CPU per request: medians over the rounds. p99: of all requests.',
      '',
      ...positionedLines(rows),
    ],
    figures: { ufs: ufs.name, rounds, objectBytes, rows },
  };
}

async function measureAll(parts: Parts, rounds: number) {
  const cells = reads.flatMap((read) => [1, 4].map((connections) => ({ ...read, connections })));
  const measured: PositionedRound[][] = cells.map(() => []);
  // Round 0 is for warming up compilers and connections.
  for (let round = 0; round <= rounds; round += 1) {
    say(round === 0 ? 'Warming up.' : `Round ${round} of ${rounds}.`);
    for (const [index, cell] of cells.entries()) {
      const result = await oneRound(parts, cell, round);
      if (round > 0) measured[index]!.push(result);
    }
  }
  return cells.map(({ sizeBytes, connections }, index) =>
    positionedRow(sizeBytes, connections, measured[index]!),
  );
}

interface Cell {
  readonly sizeBytes: number;
  readonly count: number;
  readonly connections: number;
}

async function oneRound(parts: Parts, cell: Cell, round: number): Promise<PositionedRound> {
  const run = (server: Server, base: string) =>
    runOne(parts, server, readsOf(parts, cell, { base, round }), cell);
  if (round % 2 === 0) {
    const direct = await run(parts.ufs, bucket);
    return { direct, warm: await run(parts.forebay, mountName) };
  }
  const warm = await run(parts.forebay, mountName);
  return { direct: await run(parts.ufs, bucket), warm };
}

/** The same positions on both sides, others in each round. */
function readsOf(
  { objectBytes }: Parts,
  { sizeBytes, count }: Cell,
  { base, round }: { readonly base: string; readonly round: number },
): LoadRead[] {
  const random = seededRandom(round);
  return Array.from({ length: count }, () => {
    const start = random(objectBytes - sizeBytes + 1);
    return readOf(base, objectBytes, 0, { start, endExclusive: start + sizeBytes });
  });
}

async function runOne(
  { client }: Parts,
  server: Server,
  ranges: readonly LoadRead[],
  { connections }: Cell,
): Promise<PositionedRun> {
  const { result, cpuUs } = await cpuOf([server.pid], () =>
    client.run({ target: targetOf(server), reads: ranges, connections }),
  );
  return { result, cpuUs: cpuUs[0] };
}
