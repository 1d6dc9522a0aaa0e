/** The processes of `forebay bench`: started together, stopped together, their outcomes as one. */
import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import type { BenchPlan } from './bench-plan.ts';
import type { FromWorker, ToWorker, WorkerOutcome } from './load-protocol.ts';

export interface LoadEvents {
  /** The warm-up of the first process is over. */
  onMeasuring(): void;
  /** About once a second: what was measured so far, of all processes. */
  onProgress(sum: { requests: number; bytes: number; errors: number }): void;
}

interface Worker {
  readonly child: ChildProcess;
  progress: { requests: number; bytes: number; errors: number };
}

/**
 * @param signal ends it early: what was measured until then is the outcome
 * @throws Error where a process could not do its work
 */
export async function runWorkers(
  plan: BenchPlan,
  events: LoadEvents,
  signal: AbortSignal,
): Promise<WorkerOutcome[]> {
  const workers = Array.from({ length: plan.processes }, (): Worker => {
    const child = fork(join(import.meta.dirname, 'load-worker.ts'));
    return { child, progress: { requests: 0, bytes: 0, errors: 0 } };
  });
  const stop = () => {
    for (const { child } of workers) if (child.connected) child.send({ kind: 'stop' } satisfies ToWorker);
  };
  signal.addEventListener('abort', stop);
  try {
    await Promise.all(workers.map(({ child }) => messageOf(child, 'ready', () => undefined)));
    let measuring = false;
    const onMessage = (worker: Worker) => (message: FromWorker) => {
      if (message.kind === 'measuring' && !measuring) {
        measuring = true;
        events.onMeasuring();
      }
      if (message.kind !== 'progress') return;
      worker.progress = message;
      if (measuring && worker === workers[0]) events.onProgress(sumOf(workers));
    };
    const done = workers.map((worker) => messageOf(worker.child, 'done', onMessage(worker)));
    workers.forEach(({ child }, index) => {
      child.send({ kind: 'start', plan: { ...shareOf(plan, index), index } } satisfies ToWorker);
    });
    if (signal.aborted) stop();
    return (await Promise.all(done)).map(({ outcome }) => outcome);
  } finally {
    signal.removeEventListener('abort', stop);
    for (const { child } of workers) child.kill('SIGKILL');
  }
}

function sumOf(workers: readonly Worker[]) {
  const sum = { requests: 0, bytes: 0, errors: 0 };
  for (const { progress } of workers) {
    sum.requests += progress.requests;
    sum.bytes += progress.bytes;
    sum.errors += progress.errors;
  }
  return sum;
}

/** Connections and rate are divided; the first processes get what is left over. */
function shareOf(plan: BenchPlan, index: number): BenchPlan {
  const { concurrency, processes, requestsPerSecond } = plan;
  const rest = concurrency % processes;
  return {
    ...plan,
    concurrency: Math.floor(concurrency / processes) + (index < rest ? 1 : 0),
    ...(requestsPerSecond !== undefined && { requestsPerSecond: requestsPerSecond / processes }),
  };
}

type Message<Kind extends FromWorker['kind']> = Extract<FromWorker, { kind: Kind }>;

/** The first of its kind. @throws Error where the process fails or ends before. */
function messageOf<Kind extends FromWorker['kind']>(
  child: ChildProcess,
  kind: Kind,
  other: (message: FromWorker) => void,
): Promise<Message<Kind>> {
  return new Promise((resolve, reject) => {
    const onMessage = (message: FromWorker) => {
      if (message.kind === 'failed') reject(new Error(message.reason));
      else if (message.kind === kind) resolve(message as Message<Kind>);
      else other(message);
    };
    child.on('message', onMessage);
    child.once('error', reject);
    child.once('exit', (code, name) => reject(new Error(`a client process ended with ${code ?? name}`)));
  });
}
