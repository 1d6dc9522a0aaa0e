/**
 * `npm run bench -- hop`: what a warm read costs a gateway and a cache node that are two processes, over
 * TCP, their CPU added; beside nginx with proxy_pass before nginx with proxy_cache. In one run, in turns.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { table } from 'forebay/terminal';
import { type BenchmarkContext, type BenchmarkReport, numberFlag, runBenchmark, say } from './src/frame.ts';
import { forebayHop, nginxHop } from './src/hop/peers.ts';
import { writeObjects } from './src/objects.ts';
import { allowAnyone } from './src/peers/anyone.ts';
import { hopBounds, type PeerRow, peerRows } from './src/peers/figures.ts';
import { type Contender, Measurement } from './src/peers/measure.ts';
import { type PeerSize, peerSizes } from './src/peers/objects.ts';
import { bindToCpu } from './src/peers/process-tree.ts';
import { peerTables } from './src/peers/tables.ts';
import { type Server, startUfs, tempDirectory } from './src/servers.ts';
import { WireLoad } from './src/wire-load.ts';

await runBenchmark({
  usage: `Usage: npm run bench -- hop [--sizes NAMES] [--rounds N] [--sample MS]

Warm reads through a gateway and a cache node on TCP, beside nginx before nginx. Servers run on one CPU and
the client on another, where there is taskset.

  --sizes NAMES  of ${peerSizes.map(({ name }) => name).join(', ')} (all)
  --rounds N     (5; quick: 3)
  --sample MS    length of a sample (1500; quick: 500)
`,
  options: { sizes: { type: 'string' }, rounds: { type: 'string' }, sample: { type: 'string' } },
  run: measure,
});

async function measure({ quick, flags, stack }: BenchmarkContext): Promise<BenchmarkReport> {
  const names = flags.sizes === undefined ? undefined : String(flags.sizes).split(',');
  const sizes = peerSizes.filter(({ name }) => names?.includes(name) ?? true);
  const rounds = numberFlag(flags, 'rounds', quick ? 3 : 5);
  const sampleMs = numberFlag(flags, 'sample', quick ? 500 : 1500);
  const directory = tempDirectory(stack);
  const ufs = await startUfs(stack, directory);
  say(`UFS: ${ufs.name}. Writing the objects.`);
  for (const { objectBytes: sizeBytes, count } of sizes) await writeObjects(ufs, { sizeBytes, count });
  await allowAnyone(ufs);
  const client = new WireLoad();
  stack.defer(() => client.stop());
  await bindToCpu(client.pid, 1);
  const measurement = new Measurement(client);
  const contenders = await startBoth(stack, directory, ufs);
  for (const [index, size] of sizes.entries()) {
    const warmUpMs = index === 0 ? Math.max(2000, sampleMs) : sampleMs;
    await measurement.warm(contenders, { distanceMs: 0, size, rounds, sampleMs, warmUpMs });
  }
  return reportOf(measurement, contenders, sizes);
}

async function startBoth(stack: AsyncDisposableStack, directory: string, ufs: Server): Promise<Contender[]> {
  const contenders: Contender[] = [];
  for (const peer of [forebayHop, nginxHop]) {
    say(`Starting ${peer.name}.`);
    const own = join(directory, peer.name);
    mkdirSync(own);
    const place = { directory: own, ufs, ufsPid: ufs.pid, afar: async () => ufs, fill: async () => {} };
    const running = await peer.start(stack, place);
    await bindToCpu(running.pid, 0);
    contenders.push({ peer, running });
  }
  return contenders;
}

function reportOf(
  { samples, broken }: Measurement,
  contenders: readonly Contender[],
  sizes: readonly PeerSize[],
): BenchmarkReport {
  const rows = peerRows(samples);
  const titles = new Map(contenders.map(({ peer, running }) => [peer.name, running.title]));
  const ratios = sizes.map(({ name, label }) => ({ name, label, ratio: ratioOf(rows, name) }));
  return {
    lines: [
      'CPU of both processes. Medians of rounds in turns; ratios are medians of those within a round.',
      ...[...broken].map(([name, reason]) => `NOT MEASURED (from then on): ${name}: ${reason}`),
      ...peerTables(rows, titles),
      '',
      ...table([['CPU to nginx', 'ratio', 'at most', 'goal'], ...ratios.map(cellsOf)]),
    ],
    figures: { broken: Object.fromEntries(broken), rows, ratios },
  };
}

function ratioOf(rows: readonly PeerRow[], size: string): number | undefined {
  const nginx = rows.find((row) => row.size === size && row.peer === nginxHop.name);
  return nginx?.cpuToForebay ? 1 / nginx.cpuToForebay : undefined;
}

function cellsOf({
  name,
  label,
  ratio,
}: {
  name: string;
  label: string;
  ratio: number | undefined;
}): string[] {
  const { bound, goal } = hopBounds[name] ?? {};
  return [label, ratio?.toFixed(2) ?? 'unknown', bound?.toFixed(2) ?? '-', goal?.toFixed(2) ?? '-'];
}
