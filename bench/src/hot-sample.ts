/** What one round of warm requests took of a server. */
import { treeCpuMicros } from 'forebay/bench/process-cpu';
import { untilIdle } from './cpu.ts';
import type { HotClient } from './hot-client.ts';

export interface HotSample {
  /** CPU of the server and its children, per request. */
  readonly cpuUs: number;
  readonly perSecond: number;
}

/** Begins when the server has nothing more to do. @throws Error where an answer was not the expected one */
export async function hotSample(
  { pid, client }: { readonly pid: number; readonly client: HotClient },
  durationMs: number,
): Promise<HotSample> {
  await untilIdle([pid]);
  const before = treeCpuMicros(pid) ?? Number.NaN;
  const { requests, elapsedMs } = await client.run(durationMs);
  const cpuUs = ((treeCpuMicros(pid) ?? Number.NaN) - before) / requests;
  return { cpuUs, perSecond: (requests / elapsedMs) * 1000 };
}
