/**
 * `npm run bench -- cluster`: what a warm read costs through a gateway before one, two and four cache nodes,
 * CPU of all their processes added, beside one process that is all of them. In one run, in turns.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type BenchmarkContext, type BenchmarkReport, numberFlag, runBenchmark, say } from './src/frame.ts';
import { clusterPeer } from './src/hop/cluster-peer.ts';
import { writeObjects } from './src/objects.ts';
import { peerRows } from './src/peers/figures.ts';
import { forebayPeer } from './src/peers/forebay.ts';
import { type Contender, Measurement } from './src/peers/measure.ts';
import { peerSizes } from './src/peers/objects.ts';
import { bindToCpu } from './src/peers/process-tree.ts';
import { peerTables } from './src/peers/tables.ts';
import { startUfs, tempDirectory } from './src/servers.ts';
import { WireLoad } from './src/wire-load.ts';

await runBenchmark({
  usage: `Usage: npm run bench -- cluster [--sizes NAMES] [--rounds N] [--sample MS]

Warm reads through one gateway and 1, 2 and 4 cache nodes of the same machine, and through forebay serve with
one worker. Servers run on one CPU and the client on another, where there is taskset.

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
  const client = new WireLoad();
  stack.defer(() => client.stop());
  await bindToCpu(client.pid, 1);
  const contenders: Contender[] = [];
  for (const peer of [forebayPeer('forebay', 1), clusterPeer(1), clusterPeer(2), clusterPeer(4)]) {
    say(`Starting ${peer.name}.`);
    const own = join(directory, peer.name);
    mkdirSync(own);
    const place = { directory: own, ufs, ufsPid: ufs.pid, afar: async () => ufs, fill: async () => {} };
    const running = await peer.start(stack, place);
    await bindToCpu(running.pid, 0);
    contenders.push({ peer, running });
  }
  const measurement = new Measurement(client);
  for (const [index, size] of sizes.entries()) {
    const warmUpMs = index === 0 ? Math.max(2000, sampleMs) : sampleMs;
    await measurement.warm(contenders, { distanceMs: 0, size, rounds, sampleMs, warmUpMs });
  }
  const rows = peerRows(measurement.samples);
  const titles = new Map(contenders.map(({ peer, running }) => [peer.name, running.title]));
  return {
    lines: [
      'CPU of all processes. Medians of rounds in turns; ratios are medians of those within a round.',
      ...[...measurement.broken].map(([name, reason]) => `NOT MEASURED (from then on): ${name}: ${reason}`),
      ...peerTables(rows, titles),
    ],
    figures: { broken: Object.fromEntries(measurement.broken), rows },
  };
}
