/** One run of `forebay bench`: prepare, load, measure the servers meanwhile, clean up. */
import { formatSize } from '@forebay/core/bytes';
import { readAccessLog } from './access-log.ts';
import type { BenchPlan } from './bench-plan.ts';
import { type BenchResult, resultOf, type ServerCpu } from './bench-result.ts';
import { runWorkers } from './load-workers.ts';
import { prepareObjects, removeObjects } from './prepare.ts';
import { listenersOn, treeCpuMicros } from './process-cpu.ts';

export interface BenchRun {
  readonly plan: BenchPlan;
  readonly cleanup: boolean;
  /** Whose CPU is measured; without them those that listen on the endpoint's port, if it is this machine. */
  readonly serverPids: readonly number[];
  readonly signal: AbortSignal;
  /** Progress, for people. */
  say(text: string): void;
}

/** @throws Error where nothing could be measured */
export async function runBench(run: BenchRun): Promise<BenchResult> {
  const { plan, signal, say } = run;
  await prepare(run);
  const pids = run.serverPids.length > 0 ? run.serverPids : localServers(plan.target.endpoint);
  const cpuOf = () => pids.map((pid) => treeCpuMicros(pid));
  let before = cpuOf();
  let [sinceMs, last] = [0, 0];
  const events = {
    onMeasuring: () => {
      before = cpuOf();
      sinceMs = performance.now();
      say(plan.warmUpMs > 0 && !plan.replay ? 'warmed up, measuring' : 'measuring');
    },
    onProgress: (sum: { requests: number; bytes: number; errors: number }) => {
      const seconds = (performance.now() - sinceMs) / 1000;
      const rate = `${sum.requests - last} requests in the last second`;
      last = sum.requests;
      const errors = sum.errors > 0 ? `, ${sum.errors} ERRORS` : '';
      say(`${seconds.toFixed(0)} s: ${rate}, ${formatSize(sum.bytes)} in all${errors}`);
    },
  };
  try {
    const outcomes = await runWorkers(plan, events, signal);
    const after = cpuOf();
    const servers: ServerCpu[] = pids.map((pid, index) => ({
      pid,
      cpuUs: between(before[index], after[index]),
    }));
    return resultOf({ plan, outcomes, servers, stopped: signal.aborted });
  } finally {
    if (run.cleanup && !plan.replay) await cleanUp(run);
  }
}

async function prepare({ plan, signal, say }: BenchRun): Promise<void> {
  if (plan.replay) {
    const { reads, passedOver } = await readAccessLog(plan.replay.file);
    if (reads.length === 0) throw new Error(`${plan.replay.file} holds no reads that could be replayed`);
    say(`${reads.length} reads to replay; ${passedOver} other requests are passed over`);
    return;
  }
  if (plan.workload === 'write') return;
  say(`${plan.objects} objects of ${formatSize(plan.sizeBytes)} under ${plan.bucket}/${plan.prefix}`);
  await prepareObjects({ plan, signal, onProgress: everyTenth(plan.objects, say, 'written or found') });
}

async function cleanUp({ plan, say }: BenchRun): Promise<void> {
  const onProgress = everyTenth(plan.objects, say, 'removed');
  await removeObjects({ plan, signal: new AbortController().signal, onProgress });
}

function everyTenth(total: number, say: (text: string) => void, what: string): (done: number) => void {
  const step = Math.max(1, Math.ceil(total / 10));
  return (done) => {
    if (done % step === 0 || done === total) say(`${done} of ${total} ${what}`);
  };
}

function between(before: number | undefined, after: number | undefined): number | undefined {
  return before === undefined || after === undefined ? undefined : after - before;
}

function localServers(endpoint: string): number[] {
  const { hostname, port, protocol } = new URL(endpoint);
  if (!/^(127\.|localhost$|\[::1\]$)/.test(hostname)) return [];
  return listenersOn(Number(port || (protocol === 'https:' ? 443 : 80)));
}
