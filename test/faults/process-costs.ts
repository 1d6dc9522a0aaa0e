/** CPU and memory of processes that are killed and started again meanwhile. */
import { readFileSync } from 'node:fs';
import { cpuMicros } from 'forebay/bench/process-cpu';

export interface Costs {
  readonly cpuSeconds: number;
  /** The most that one process held, in MiB, pages of files left out. */
  readonly anonymousMiB: number;
}

const sampleMs = 200;

export class ProcessCosts {
  readonly #pids: () => readonly number[];
  readonly #timer: NodeJS.Timeout;
  readonly #before = new Map<number, number>();
  readonly #cpu = new Map<number, number>();
  #anonymousKiB = 0;

  /** Of the processes that there are at any time; what one did before it was seen is left out. */
  constructor(pids: () => readonly number[]) {
    this.#pids = pids;
    this.#sample();
    this.#timer = setInterval(() => this.#sample(), sampleMs);
  }

  stop(): Costs {
    clearInterval(this.#timer);
    this.#sample();
    const micros = [...this.#cpu].reduce((sum, [pid, cpu]) => sum + cpu - this.#before.get(pid)!, 0);
    return {
      cpuSeconds: Math.round(micros / 1e5) / 10,
      anonymousMiB: Math.round(this.#anonymousKiB / 1024),
    };
  }

  #sample(): void {
    for (const pid of this.#pids()) {
      const cpu = cpuMicros(pid);
      if (cpu === undefined || cpu === 0) continue;
      if (!this.#before.has(pid)) this.#before.set(pid, cpu);
      this.#cpu.set(pid, cpu);
      this.#anonymousKiB = Math.max(this.#anonymousKiB, anonymousKiB(pid));
    }
  }
}

function anonymousKiB(pid: number): number {
  try {
    return Number(/^RssAnon:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}
