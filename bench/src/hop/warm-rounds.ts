/** Warm reads of the same objects from several servers, in turns. */
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type BenchmarkContext, numberFlag, say } from '../frame.ts';
import { writeObjects } from '../objects.ts';
import { allowAnyone } from '../peers/anyone.ts';
import { type PeerRow, peerRows } from '../peers/figures.ts';
import { type Contender, Measurement } from '../peers/measure.ts';
import { type PeerSize, peerSizes } from '../peers/objects.ts';
import type { Peer, PeerPlace } from '../peers/peer.ts';
import { bindToCpu } from '../peers/process-tree.ts';
import { peerTables } from '../peers/tables.ts';
import { startUfs, tempDirectory, type UfsServer } from '../servers.ts';
import { WireLoad } from '../wire-load.ts';

export const warmOptions = {
  sizes: { type: 'string' },
  rounds: { type: 'string' },
  sample: { type: 'string' },
} as const;

export const warmOptionsText = `  --sizes NAMES  of ${peerSizes.map(({ name }) => name).join(', ')} (all)
  --rounds N     (5; quick: 3)
  --sample MS    length of a sample (1500; quick: 500)
`;

export interface WarmRounds {
  readonly sizes: readonly PeerSize[];
  readonly rows: readonly PeerRow[];
  /** Name and reason of what could not be measured to the end. */
  readonly broken: Readonly<Record<string, string>>;
  /** What is not measured, and a table for each size. */
  readonly lines: readonly string[];
}

/** Servers run on one CPU and the client on another, where there is taskset. */
export async function warmRounds(
  { quick, flags, stack }: BenchmarkContext,
  peers: readonly Peer[],
): Promise<WarmRounds> {
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
  const contenders: Contender[] = [];
  for (const peer of peers) contenders.push(await contenderOf(peer, { stack, directory, ufs }));
  const measurement = new Measurement(client);
  for (const [index, size] of sizes.entries()) {
    const warmUpMs = index === 0 ? Math.max(2000, sampleMs) : sampleMs;
    await measurement.warm(contenders, { distanceMs: 0, size, rounds, sampleMs, warmUpMs });
  }
  const rows = peerRows(measurement.samples);
  const titles = new Map(contenders.map(({ peer, running }) => [peer.name, running.title]));
  const broken = [...measurement.broken];
  return {
    sizes,
    rows,
    broken: Object.fromEntries(broken),
    lines: [
      ...broken.map(([name, reason]) => `NOT MEASURED (from then on): ${name}: ${reason}`),
      ...peerTables(rows, titles),
    ],
  };
}

interface Place {
  readonly stack: AsyncDisposableStack;
  readonly directory: string;
  readonly ufs: UfsServer;
}

async function contenderOf(peer: Peer, { stack, directory, ufs }: Place): Promise<Contender> {
  say(`Starting ${peer.name}.`);
  const own = join(directory, peer.name);
  mkdirSync(own);
  const place: PeerPlace = {
    ...{ directory: own, ufs, ufsPid: ufs.pid, ufsFiles: dirname(ufs.files) },
    ...{ afar: async () => ufs, fill: async () => {} },
  };
  const running = await peer.start(stack, place);
  await bindToCpu(running.pid, 0);
  return { peer, running };
}
