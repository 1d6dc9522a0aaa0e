/** A server with all of its processes: their memory, and the CPU they may run on. */
import { processTree } from 'forebay/bench/process-cpu';
import { run } from '../../../test/support/process.ts';
import { memoryOf } from '../memory.ts';

/** Resident, files that are mapped included. */
export function treeResidentBytes(pid: number): number {
  return processTree(pid).reduce((sum, one) => sum + (memoryOf(one)?.residentBytes ?? 0), 0);
}

/** Does nothing where there is no taskset. */
export async function bindToCpu(pid: number, cpu: number): Promise<void> {
  for (const one of processTree(pid))
    await run('taskset', ['-a', '-c', '-p', String(cpu), String(one)]).catch(() => {});
}
