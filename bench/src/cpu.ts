/** What work costs other processes, with all below them, from when they are idle until they are again. */
import { readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { treeCpuMicros } from 'forebay/bench/process-cpu';

/**
 * Microseconds that the main thread of a process could have run and got no CPU; undefined where the system
 * does not tell. On a machine that others use, too, this is in every pause.
 */
export function queuedMicros(pid: number): number | undefined {
  try {
    return Number(readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8').split(' ')[1]) / 1000;
  } catch {
    return undefined;
  }
}

const quietMs = 150;
const quietShare = 0.04;
const patienceMs = 20_000;

/**
 * Resolves when the processes have nothing left to do, such as pages to write: what they do counts to its
 * cause.
 */
export async function untilIdle(pids: readonly number[]): Promise<void> {
  const used = () => pids.reduce((sum, pid) => sum + (treeCpuMicros(pid) ?? 0), 0);
  const deadlineMs = performance.now() + patienceMs;
  let before = used();
  while (performance.now() < deadlineMs) {
    await wait(quietMs);
    const now = used();
    if (now - before < quietMs * 1000 * quietShare) return;
    before = now;
  }
}

/** What the work cost each process, its workers and what it left to do in the background included. */
export async function cpuOf<Result>(
  pids: readonly number[],
  work: () => Promise<Result>,
): Promise<{ result: Result; cpuUs: (number | undefined)[] }> {
  await untilIdle(pids);
  const before = pids.map(treeCpuMicros);
  const result = await work();
  await untilIdle(pids);
  const cpuUs = pids.map((pid, index) => {
    const after = treeCpuMicros(pid);
    return after === undefined || before[index] === undefined ? undefined : after - before[index];
  });
  return { result, cpuUs };
}
