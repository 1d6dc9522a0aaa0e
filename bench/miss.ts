/**
 * `npm run bench -- miss`: what a miss costs over going direct. Cold reads of one large object and of small
 * ones through Forebay, and direct reads of the same UFS, at several simulated distances.
 */
import { formatSize, KiB, MiB } from '@forebay/core/bytes';
import { cpuOf } from './src/cpu.ts';
import { startDistance, type Way } from './src/distance.ts';
import {
  type BenchmarkContext,
  type BenchmarkReport,
  type FlagValues,
  numberFlag,
  runBenchmark,
  say,
} from './src/frame.ts';
import { LoadClient, type LoadRead } from './src/load-client.ts';
import { type MissRound, missLines, missRow, type Timing } from './src/miss-figures.ts';
import { readOf, writeObjects } from './src/objects.ts';
import { median } from './src/report.ts';
import { bucket, type Server, startForebay, startUfs, targetOf, tempDirectory } from './src/servers.ts';

const smallBytes = 4 * KiB;
const megabyte = 1_000_000;

await runBenchmark({
  usage: `Usage: npm run bench -- miss [--size MIB] [--connection MB] [--link MB] [--rounds N]

Reads a large object and small ones (4 KiB) cold through Forebay, and directly from the same UFS: on this
machine, and with 20 and 80 ms of simulated distance between, over two kinds of way: one that limits each
connection (as S3 does), and one link that all connections share.

  --size MIB       size of the large object (256)
  --connection MB  MB/s of one connection where each is limited (90)
  --link MB        MB/s of the link where all share it (125)
  --rounds N       (3)
`,
  options: {
    size: { type: 'string' },
    connection: { type: 'string' },
    link: { type: 'string' },
    rounds: { type: 'string' },
  },
  run: measure,
});

interface Plan {
  readonly largeBytes: number;
  readonly smallCount: number;
  /** Their small objects are read cold before: a way that few requests have gone is not machine code yet. */
  readonly warmUpMounts: number;
  readonly rounds: number;
  readonly ways: readonly { readonly label: string; readonly way: Way | undefined }[];
}

function planOf(flags: FlagValues, quick: boolean): Plan {
  const connection = numberFlag(flags, 'connection', 90);
  const link = numberFlag(flags, 'link', 125);
  // Ten times what a connection gets, so that only connections are limited.
  const limited = {
    bytesPerSecond: 10 * connection * megabyte,
    connectionBytesPerSecond: connection * megabyte,
  };
  const shared = { bytesPerSecond: link * megabyte };
  const far = (roundTripMs: number) => [
    { label: `${roundTripMs} ms, ${connection} MB/s a connection`, way: { roundTripMs, ...limited } },
    { label: `${roundTripMs} ms, ${link} MB/s for all`, way: { roundTripMs, ...shared } },
  ];
  return {
    largeBytes: numberFlag(flags, 'size', quick ? 64 : 256) * MiB,
    smallCount: quick ? 5 : 12,
    warmUpMounts: quick ? 4 : 60,
    rounds: numberFlag(flags, 'rounds', quick ? 1 : 3),
    ways: [{ label: 'here', way: undefined }, ...far(20), ...far(80)],
  };
}

interface Place {
  readonly label: string;
  /** The UFS as it is reached there. */
  readonly seen: Server;
  readonly isFar: boolean;
}

async function measure({ quick, flags, stack }: BenchmarkContext): Promise<BenchmarkReport> {
  const plan = planOf(flags, quick);
  const directory = tempDirectory(stack);
  const ufs = await startUfs(stack, directory);
  say(`UFS: ${ufs.name}. Writing the objects.`);
  await writeObjects(ufs, { sizeBytes: plan.largeBytes, count: 1 });
  // One more than is measured: it opens the connections.
  await writeObjects(ufs, { sizeBytes: smallBytes, count: plan.smallCount + 1 });
  const places: Place[] = [];
  for (const { label, way } of plan.ways) {
    places.push({ label, seen: way ? await startDistance(stack, ufs, way) : ufs, isFar: way !== undefined });
  }
  const rows = await measurePlaces(stack, { plan, directory, ufs, places });
  return {
    lines: [
      `UFS: ${ufs.name}. ${formatSize(plan.largeBytes)} (direct, cold), and ${plan.smallCount} objects of 4 KiB (small).`,
      `Medians of ${plan.rounds} rounds, alternating; ratios and differences are of reads side by side.`,
      '',
      ...missLines(rows),
    ],
    figures: { ufs: ufs.name, rounds: plan.rounds, largeBytes: plan.largeBytes, rows },
  };
}

interface Setting {
  readonly plan: Plan;
  readonly directory: string;
  readonly ufs: Server;
  readonly places: readonly Place[];
}

async function measurePlaces(stack: AsyncDisposableStack, setting: Setting) {
  const { plan, directory, ufs, places } = setting;
  const rounds = Array.from({ length: plan.rounds + 1 }, (_, round) => round);
  const mounts = places.flatMap(({ seen }, place) =>
    rounds.map((round) => ({ name: mountNameOf(place, round), endpoint: seen.endpoint })),
  );
  const warmUps = Array.from({ length: plan.warmUpMounts }, (_, index) => `warm-up-${index}`);
  const all = [...mounts, ...warmUps.map((name) => ({ name }))];
  const forebay = await startForebay(stack, { directory, ufs, mounts: all });
  const client = new LoadClient();
  stack.defer(() => client.stop());
  const parts: Parts = { client, ufs, forebay, plan };
  say('Warming up.');
  for (const base of warmUps) {
    const reads = Array.from({ length: plan.smallCount + 1 }, (_, object) =>
      readOf(base, smallBytes, object),
    );
    await client.run({ target: targetOf(forebay), reads });
  }
  await oneRound(parts, places[0]!, { mountName: mountNameOf(0, 0), directFirst: true });
  const measured: MissRound[][] = places.map(() => []);
  for (const round of rounds.slice(1)) {
    for (const [index, place] of places.entries()) {
      say(`Round ${round} of ${plan.rounds}: ${place.label}.`);
      const mountName = mountNameOf(index, round);
      measured[index]!.push(await oneRound(parts, place, { mountName, directFirst: round % 2 === 0 }));
    }
  }
  return places.map(({ label }, index) => missRow(label, measured[index]!));
}

function mountNameOf(place: number, round: number): string {
  return `place-${place}-round-${round}`;
}

interface Parts {
  readonly client: LoadClient;
  readonly ufs: Server;
  readonly forebay: Server;
  readonly plan: Plan;
}

async function oneRound(
  parts: Parts,
  place: Place,
  { mountName, directFirst }: { readonly mountName: string; readonly directFirst: boolean },
): Promise<MissRound> {
  const direct = () => readAll(parts, place, { server: place.seen, base: bucket });
  const cold = () => readAll(parts, place, { server: parts.forebay, base: mountName });
  const directs = directFirst ? await direct() : undefined;
  const colds = await cold();
  const [one, other] = [directs ?? (await direct()), colds];
  return {
    large: { direct: one.large, cold: other.large },
    small: { direct: one.small, cold: other.small },
    coldCpuUsPerMiB: other.forebayCpuUsPerMiB,
    ufsCpuUsPerMiB: other.ufsCpuUsPerMiB,
    proxyBusy: other.proxyBusy,
  };
}

async function readAll(
  { client, ufs, forebay, plan }: Parts,
  place: Place,
  { server, base }: { readonly server: Server; readonly base: string },
) {
  const run = async (reads: readonly LoadRead[]): Promise<Timing> => {
    const { durationsUs, firstByteUs } = await client.run({ target: targetOf(server), reads });
    return { timeUs: median(durationsUs), firstByteUs: median(firstByteUs) };
  };
  const small = (object: number) => readOf(base, smallBytes, object);
  await run([small(plan.smallCount)]);
  const timings = await run(Array.from({ length: plan.smallCount }, (_, object) => small(object)));
  const { result: large, cpuUs } = await cpuOf([forebay.pid, ufs.pid, place.seen.pid], () =>
    run([readOf(base, plan.largeBytes, 0)]),
  );
  const perMiB = cpuUs.map((us) => (us === undefined ? undefined : us / (plan.largeBytes / MiB)));
  const proxyUs = place.isFar ? cpuUs[2] : undefined;
  return {
    large,
    small: timings,
    forebayCpuUsPerMiB: perMiB[0],
    ufsCpuUsPerMiB: perMiB[1],
    proxyBusy: proxyUs === undefined ? undefined : proxyUs / large.timeUs,
  };
}
