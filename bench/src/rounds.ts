/** The measurement: rounds of direct, cold and warm reads of each size, in alternating order. */
import { cpuOf } from './cpu.ts';
import type { LoadClient, LoadResult } from './load-client.ts';
import { type ObjectSet, readsOf } from './objects.ts';
import { bucket, type Server, targetOf } from './servers.ts';

export interface Size extends ObjectSet {
  /** `4 KiB` */
  readonly label: string;
  /** How often direct and warm read them; a cold read happens once. */
  readonly passes: number;
}

export type Path = 'direct' | 'cold' | 'warm';
export const paths: readonly Path[] = ['direct', 'cold', 'warm'];

export interface Sample {
  readonly size: Size;
  readonly path: Path;
  readonly result: LoadResult;
  /** CPU of the whole run, what it left to do in the background included; undefined where unknown. */
  readonly forebayCpuUs: number | undefined;
  readonly ufsCpuUs: number | undefined;
}

export interface Parts {
  readonly client: LoadClient;
  readonly ufs: Server;
  readonly forebay: Server;
}

/** One round, on a mount that was never read. */
export async function runRound(
  parts: Parts,
  round: { readonly mountName: string; readonly sizes: readonly Size[]; readonly directFirst: boolean },
): Promise<Sample[]> {
  const order: readonly Path[] = round.directFirst ? paths : ['cold', 'warm', 'direct'];
  const samples: Sample[] = [];
  for (const size of round.sizes) {
    for (const path of order) samples.push(await measure(parts, size, { path, mountName: round.mountName }));
  }
  return samples;
}

async function measure(
  { client, ufs, forebay }: Parts,
  size: Size,
  { path, mountName }: { readonly path: Path; readonly mountName: string },
): Promise<Sample> {
  const server = path === 'direct' ? ufs : forebay;
  const {
    result,
    cpuUs: [ufsCpuUs, forebayCpuUs],
  } = await cpuOf([ufs.pid, forebay.pid], () =>
    client.run({
      target: targetOf(server),
      reads: readsOf(path === 'direct' ? bucket : mountName, size),
      passes: path === 'cold' ? 1 : size.passes,
    }),
  );
  return { size, path, result, forebayCpuUs, ufsCpuUs };
}
