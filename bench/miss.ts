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
import { linkObjects, readOf, readsOf, writeObjects } from './src/objects.ts';
import { median } from './src/report.ts';
import {
  bucket,
  type Server,
  startForebay,
  startUfs,
  targetOf,
  tempDirectory,
  type UfsServer,
} from './src/servers.ts';

const smallBytes = 4 * KiB;
/** Large enough to go the way of large objects: their first byte is that of the largest, and is soon told. */
const middleBytes = 4 * MiB;
/** Between their reads: what is left to do of one (its pages are stored) is no matter of the next. */
const middlePauseMs = 50;
const megabyte = 1_000_000;

await runBenchmark({
  usage: `Usage: npm run bench -- miss [--size MIB] [--connection MB] [--link MB] [--rounds N] [--workers N]

Reads a large object, several of 4 MiB (for the time to the first byte) and small ones (4 KiB) cold through
Forebay, and directly from the same UFS: on this machine, and with 20 and 80 ms of simulated distance between,
over two kinds of way: one that limits each connection (as S3 does), and one link that all connections share.

  --size MIB       size of the large object (256)
  --connection MB  MB/s of one connection where each is limited (90)
  --link MB        MB/s of the link where all share it (125)
  --rounds N       (3)
  --workers N      processes of Forebay (as many as cores)
`,
  options: {
    size: { type: 'string' },
    connection: { type: 'string' },
    link: { type: 'string' },
    rounds: { type: 'string' },
    workers: { type: 'string' },
  },
  run: measure,
});

interface Plan {
  readonly largeBytes: number;
  /** Of small objects, and of those of 4 MiB. */
  readonly count: number;
  /**
   * So often all small objects are read cold before, and one of 4 MiB: a way that few requests have gone is
   * not machine code yet.
   */
  readonly warmUps: number;
  readonly rounds: number;
  readonly workers: string | undefined;
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
    count: quick ? 5 : 12,
    warmUps: quick ? 4 : 60,
    rounds: numberFlag(flags, 'rounds', quick ? 1 : 3),
    workers: flags.workers === undefined ? undefined : String(numberFlag(flags, 'workers', 1)),
    ways: [{ label: 'here', way: undefined }, ...far(20), ...far(80)],
  };
}

interface Place {
  readonly label: string;
  /** The mount through which Forebay reaches it. */
  readonly mount: string;
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
  await writeObjects(ufs, { sizeBytes: smallBytes, count: plan.count + 1 });
  await writeObjects(ufs, { sizeBytes: middleBytes, count: plan.count });
  const places: Place[] = [];
  for (const [index, { label, way }] of plan.ways.entries()) {
    const seen = way ? await startDistance(stack, ufs, way) : ufs;
    places.push({ label, mount: `place-${index}`, seen, isFar: way !== undefined });
  }
  const rows = await measurePlaces(stack, { plan, directory, ufs, places });
  return {
    lines: [
      `UFS: ${ufs.name}. ${formatSize(plan.largeBytes)} (direct, cold), the first byte of ${plan.count} objects of 4 MiB`,
      `read ${middlePauseMs} ms apart, and ${plan.count} objects of 4 KiB (small).`,
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
  readonly ufs: UfsServer;
  readonly places: readonly Place[];
}

async function measurePlaces(stack: AsyncDisposableStack, setting: Setting) {
  const { plan, directory, ufs, places } = setting;
  const mounts = places.map(({ mount, seen }) => ({ name: mount, endpoint: seen.endpoint }));
  const flags = plan.workers === undefined ? [] : ['--workers', plan.workers];
  const forebay = await startForebay(stack, { directory, ufs, mounts, flags });
  const client = new LoadClient();
  stack.defer(() => client.stop());
  const parts: Parts = { client, ufs, forebay, plan };
  say('Warming up.');
  for (let time = 0; time < plan.warmUps; time += 1) await warmUp(parts, places, `warm-up-${time}`);
  await oneRound(parts, places[0]!, { round: 0, directFirst: true });
  const measured: MissRound[][] = places.map(() => []);
  for (let round = 1; round <= plan.rounds; round += 1) {
    for (const [index, place] of places.entries()) {
      say(`Round ${round} of ${plan.rounds}: ${place.label}.`);
      measured[index]!.push(await oneRound(parts, place, { round, directFirst: round % 2 === 0 }));
    }
  }
  return places.map(({ label }, index) => missRow(label, measured[index]!));
}

/** Small objects from near, and a larger one from one place after the other. */
async function warmUp({ client, ufs, forebay, plan }: Parts, places: readonly Place[], prefix: string) {
  const small = { sizeBytes: smallBytes, count: plan.count + 1 };
  const middle = { sizeBytes: middleBytes, count: 1 };
  for (const set of [small, middle]) linkObjects(ufs, prefix, set);
  const target = targetOf(forebay);
  await client.run({ target, reads: readsOf(`${places[0]!.mount}/${prefix}`, small) });
  for (const { mount } of places) {
    await client.run({ target, reads: readsOf(`${mount}/${prefix}`, middle) });
  }
}

interface Parts {
  readonly client: LoadClient;
  readonly ufs: UfsServer;
  readonly forebay: Server;
  readonly plan: Plan;
}

async function oneRound(
  parts: Parts,
  place: Place,
  { round, directFirst }: { readonly round: number; readonly directFirst: boolean },
): Promise<MissRound> {
  const { plan, ufs } = parts;
  const prefix = `${place.mount}-round-${round}`;
  linkObjects(ufs, prefix, { sizeBytes: plan.largeBytes, count: 1 });
  linkObjects(ufs, prefix, { sizeBytes: smallBytes, count: plan.count + 1 });
  linkObjects(ufs, prefix, { sizeBytes: middleBytes, count: plan.count });
  const direct = () => readAll(parts, place, { server: place.seen, base: bucket });
  const cold = () => readAll(parts, place, { server: parts.forebay, base: `${place.mount}/${prefix}` });
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
  const run = async (reads: readonly LoadRead[], pauseMs = 0): Promise<Timing> => {
    const { durationsUs, firstByteUs } = await client.run({ target: targetOf(server), reads, pauseMs });
    return { timeUs: median(durationsUs), firstByteUs: median(firstByteUs) };
  };
  const small = (object: number) => readOf(base, smallBytes, object);
  await run([small(plan.count)]);
  const smalls = await run(Array.from({ length: plan.count }, (_, object) => small(object)));
  const middle = { sizeBytes: middleBytes, count: plan.count };
  const { firstByteUs } = await run(readsOf(base, middle), middlePauseMs);
  const { result: large, cpuUs } = await cpuOf([forebay.pid, ufs.pid, place.seen.pid], () =>
    run([readOf(base, plan.largeBytes, 0)]),
  );
  const perMiB = cpuUs.map((us) => (us === undefined ? undefined : us / (plan.largeBytes / MiB)));
  const proxyUs = place.isFar ? cpuUs[2] : undefined;
  return {
    large: { timeUs: large.timeUs, firstByteUs },
    small: smalls,
    forebayCpuUsPerMiB: perMiB[0],
    ufsCpuUsPerMiB: perMiB[1],
    proxyBusy: proxyUs === undefined ? undefined : proxyUs / large.timeUs,
  };
}
