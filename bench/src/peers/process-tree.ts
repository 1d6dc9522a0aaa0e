/** A server with all of its processes: their CPU, their memory, and the CPU they may run on. */
import { readdirSync, readFileSync } from 'node:fs';
import { run } from '../../../test/support/process.ts';
import { cpuMicros } from '../cpu.ts';
import { memoryOf } from '../memory.ts';

/** The process and all below it. Empty where the system does not tell. */
export function processTree(pid: number): number[] {
  try {
    const children = readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
      readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
    );
    return [pid, ...children.flatMap(processTree)];
  } catch {
    return [];
  }
}

export function treeCpuMicros(pid: number): number | undefined {
  const all = processTree(pid).map(cpuMicros);
  return all.length === 0 || all.includes(undefined)
    ? undefined
    : all.reduce<number>((sum, us) => sum + us!, 0);
}

/** Resident, files that are mapped included. */
export function treeResidentBytes(pid: number): number {
  return processTree(pid).reduce((sum, one) => sum + (memoryOf(one)?.residentBytes ?? 0), 0);
}

/** Does nothing where there is no taskset. */
export async function bindToCpu(pid: number, cpu: number): Promise<void> {
  for (const one of processTree(pid))
    await run('taskset', ['-a', '-c', '-p', String(cpu), String(one)]).catch(() => {});
}
