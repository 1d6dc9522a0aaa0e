/** The measurement: rounds of direct, cold and warm reads of each size, in alternating order. */
import { randomBytes } from 'node:crypto';
import { cpuMicros, untilIdle } from './cpu.ts';
import type { LoadClient, LoadResult } from './load-client.ts';
import { bucket, put, type Server } from './servers.ts';

export interface Size {
  /** `4 KiB` */
  readonly label: string;
  readonly sizeBytes: number;
  readonly objects: number;
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

export async function fillBucket(ufs: Server, sizes: readonly Size[]): Promise<void> {
  for (const size of sizes) {
    for (const key of keysOf(size)) {
      await put(ufs, [{ path: `/${bucket}/${key}`, body: randomBytes(size.sizeBytes) }]);
    }
  }
}

function keysOf({ sizeBytes, objects }: Size): string[] {
  return Array.from({ length: objects }, (_, index) => `${sizeBytes}/${index}`);
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
  const base = path === 'direct' ? bucket : mountName;
  const pids = [ufs.pid, forebay.pid];
  await untilIdle(pids);
  const before = pids.map(cpuMicros);
  const result = await client.run({
    target: { endpoint: server.endpoint, accessKey: server.accessKey, secretKey: server.secretKey },
    paths: keysOf(size).map((key) => `/${base}/${key}`),
    passes: path === 'cold' ? 1 : size.passes,
  });
  await untilIdle(pids);
  const [ufsCpuUs, forebayCpuUs] = pids.map((pid, index) => difference(cpuMicros(pid), before[index]));
  return { size, path, result, forebayCpuUs, ufsCpuUs };
}

function difference(after: number | undefined, before: number | undefined): number | undefined {
  return after === undefined || before === undefined ? undefined : after - before;
}
