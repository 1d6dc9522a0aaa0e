/**
 * `npm run bench -- slow-readers`: memory of Forebay under hundreds of slow readers of large objects, and
 * under as many fast ones of one cold object. Every byte they get is checked.
 */
import { formatSize, KiB, MiB } from '@forebay/core/bytes';
import { seededRandom } from 'forebay/bench/random';
import { metric } from '../test/support/metrics.ts';
import { cpuOf } from './src/cpu.ts';
import { type BenchmarkContext, type BenchmarkReport, numberFlag, runBenchmark, say } from './src/frame.ts';
import { type HerdJob, type HerdReader, runHerd } from './src/herd.ts';
import { memoryOf, peakMemoryOf } from './src/memory.ts';
import { type ObjectSet, writeObjects } from './src/objects.ts';
import {
  type ForebayServer,
  type Server,
  startForebay,
  startUfs,
  targetOf,
  tempDirectory,
} from './src/servers.ts';
import { type HerdRow, herdLines, herdRow } from './src/slow-figures.ts';

const mountName = 'lake';
const herdBytes = 64 * MiB;

await runBenchmark({
  usage: `Usage: npm run bench -- slow-readers [--only N] [--readers N] [--rate KIB]
                                     [--seconds S] [--memory MIB]

Three times many readers come at once to a Forebay that has nothing cached: slow ones, each at a place of its
own in 20 large objects; slow ones, all from the start of one object; and fast ones, all of one object of
64 MiB, to its end. Slow ones leave when the time is over.

  --only N       the first, second or third time alone
  --readers N    (500)
  --rate KIB     KiB/s of a slow reader (64)
  --seconds S    that slow readers stay (25)
  --memory MIB   --memory-size of Forebay (128)
`,
  options: {
    only: { type: 'string' },
    readers: { type: 'string' },
    rate: { type: 'string' },
    seconds: { type: 'string' },
    memory: { type: 'string' },
  },
  run: measure,
});

interface Scenario {
  readonly name: string;
  readonly readers: readonly HerdReader[];
  readonly pace: Pick<HerdJob, 'bytesPerSecond' | 'leaveAfterMs'>;
}

async function measure({ quick, flags, stack }: BenchmarkContext): Promise<BenchmarkReport> {
  const readers = numberFlag(flags, 'readers', quick ? 100 : 500);
  const rateKiB = numberFlag(flags, 'rate', 64);
  const seconds = numberFlag(flags, 'seconds', quick ? 5 : 25);
  const memoryMiB = numberFlag(flags, 'memory', 128);
  const large: ObjectSet = { sizeBytes: (quick ? 32 : 128) * MiB, count: quick ? 5 : 20 };
  const directory = tempDirectory(stack);
  const ufs = await startUfs(stack, directory);
  say(`UFS: ${ufs.name}. Writing the objects.`);
  await writeObjects(ufs, large);
  await writeObjects(ufs, { sizeBytes: herdBytes, count: 1 });
  const pace = { bytesPerSecond: rateKiB * KiB, leaveAfterMs: seconds * 1000 };
  const scenarios: Scenario[] = [
    { name: 'slow, each elsewhere', readers: scattered(readers, large), pace },
    { name: 'slow, one object', readers: together(readers, large.sizeBytes), pace },
    { name: 'fast, one object', readers: together(readers, herdBytes), pace: {} },
  ];
  const rows: HerdRow[] = [];
  const only = numberFlag(flags, 'only', 0.5);
  for (const scenario of only >= 1 ? scenarios.slice(only - 1, only) : scenarios)
    rows.push(await run({ directory, ufs, memoryMiB }, scenario));
  return {
    lines: [
      `UFS: ${ufs.name}. ${readers} readers, each on a connection of its own; slow: ${rateKiB} KiB/s for ${seconds} s.`,
      `--memory-size ${memoryMiB}MiB; slow readers of ${formatSize(large.sizeBytes)}, fast ones of ${formatSize(herdBytes)}.`,
      '',
      ...herdLines(rows),
    ],
    figures: { ufs: ufs.name, readers, rateKiB, seconds, memoryMiB, largeBytes: large.sizeBytes, rows },
  };
}

function scattered(count: number, { sizeBytes, count: objects }: ObjectSet): HerdReader[] {
  const random = seededRandom(1);
  return Array.from({ length: count }, (_, index) =>
    readerOf(sizeBytes, index % objects, random(sizeBytes / 2)),
  );
}

function together(count: number, sizeBytes: number): HerdReader[] {
  return Array.from({ length: count }, () => readerOf(sizeBytes, 0, 0));
}

function readerOf(sizeBytes: number, object: number, start: number): HerdReader {
  return { path: `/${mountName}/${sizeBytes}/${object}`, object, objectBytes: sizeBytes, start };
}

interface Setting {
  readonly directory: string;
  readonly ufs: Server;
  readonly memoryMiB: number;
}

/** A Forebay of its own for each, so that each starts cold and with little memory. */
async function run({ directory, ufs, memoryMiB }: Setting, scenario: Scenario): Promise<HerdRow> {
  say(`${scenario.name}.`);
  await using stack = new AsyncDisposableStack();
  const forebay = await startForebay(stack, {
    directory: tempDirectory(stack, directory),
    ufs,
    mounts: [{ name: mountName }],
    // All readers come at once, and their own process may be late with their heads.
    flags: ['--memory-size', `${memoryMiB}MiB`, '--headers-timeout', '10m'],
  });
  const before = await ufsCounters(forebay);
  const idle = memoryOf(forebay.pid);
  const job: HerdJob = { target: targetOf(forebay), readers: scenario.readers, ...scenario.pace };
  const { result: measured, cpuUs } = await cpuOf([forebay.pid], () =>
    peakMemoryOf(forebay.pid, () => runHerd(stack, job)),
  );
  const after = await ufsCounters(forebay);
  return herdRow({
    name: scenario.name,
    ...measured.result,
    ufsBytes: after.bytes - before.bytes,
    ufsRequests: after.requests - before.requests,
    idle,
    peak: measured.peak,
    forebayCpuUs: cpuUs[0],
  });
}

async function ufsCounters(forebay: ForebayServer) {
  const scraped = { ...forebay, admin: forebay.adminUrl };
  return {
    bytes: await metric(scraped, 'forebay_ufs_bytes_total'),
    requests: await metric(scraped, 'forebay_ufs_requests_total'),
  };
}
