/** CPU time of other processes, as the Linux scheduler counts it: all threads, in user and system mode. */
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';

/**
 * Microseconds since the process started; undefined where the system does not tell. schedstat counts
 * nanoseconds, /proc/PID/stat only ticks of 10 ms, which is more than many small requests cost. A thread
 * that has ended is no longer counted: neither Node nor Go ends threads while it is busy.
 */
export function cpuMicros(pid: number): number | undefined {
  try {
    let nanos = 0;
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      nanos += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]);
    }
    return nanos / 1000;
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
  const used = () => pids.reduce((sum, pid) => sum + (cpuMicros(pid) ?? 0), 0);
  const deadlineMs = performance.now() + patienceMs;
  let before = used();
  while (performance.now() < deadlineMs) {
    await wait(quietMs);
    const now = used();
    if (now - before < quietMs * 1000 * quietShare) return;
    before = now;
  }
}

/** What the work cost each process, what it left to do in the background included. */
export async function cpuOf<Result>(
  pids: readonly number[],
  work: () => Promise<Result>,
): Promise<{ result: Result; cpuUs: (number | undefined)[] }> {
  await untilIdle(pids);
  const before = pids.map(cpuMicros);
  const result = await work();
  await untilIdle(pids);
  const cpuUs = pids.map((pid, index) => {
    const after = cpuMicros(pid);
    return after === undefined || before[index] === undefined ? undefined : after - before[index];
  });
  return { result, cpuUs };
}
