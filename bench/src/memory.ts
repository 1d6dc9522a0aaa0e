/** Memory of another process over time, as the kernel counts it. */
import { readFileSync } from 'node:fs';

export interface Memory {
  /** Heap, buffers and stacks, in bytes: what the process holds by itself. */
  readonly anonymousBytes: number;
  /** With the files it has mapped. */
  readonly residentBytes: number;
}

/** Undefined where the system does not tell. */
export function memoryOf(pid: number): Memory | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
    const of = (name: string) => Number(new RegExp(`^${name}: +(\\d+) kB`, 'm').exec(text)![1]) * 1024;
    return { anonymousBytes: of('Anonymous'), residentBytes: of('Rss') };
  } catch {
    return undefined;
  }
}

const sampleMs = 200;

/** The highest values while the work runs. */
export async function peakMemoryOf<Result>(
  pid: number,
  work: () => Promise<Result>,
): Promise<{ result: Result; peak: Memory | undefined }> {
  let peak = memoryOf(pid);
  const sample = () => {
    const now = memoryOf(pid);
    if (!now || !peak) return;
    peak = {
      anonymousBytes: Math.max(now.anonymousBytes, peak.anonymousBytes),
      residentBytes: Math.max(now.residentBytes, peak.residentBytes),
    };
  };
  const timer = setInterval(sample, sampleMs);
  try {
    const result = await work();
    sample();
    return { result, peak };
  } finally {
    clearInterval(timer);
  }
}
