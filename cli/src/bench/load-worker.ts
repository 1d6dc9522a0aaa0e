/** One process of `forebay bench`: told what to do by load-workers.ts. */
import { readAccessLog } from './access-log.ts';
import type { FromWorker, ToWorker, WorkerPlan } from './load-protocol.ts';
import { LoadRun } from './load-run.ts';

const progressMs = 1000;
let run: LoadRun | undefined;

// Ctrl-C reaches the whole group of processes; it is the parent that says when to stop.
process.on('SIGINT', () => undefined);
process.on('disconnect', () => process.exit(1));
process.on('message', (message: ToWorker) => {
  if (message.kind === 'stop') run?.stop();
  else void start(message.plan).catch((error: Error) => tell({ kind: 'failed', reason: error.message }));
});
tell({ kind: 'ready' });

function tell(message: FromWorker): void {
  process.send?.(message);
}

async function start(plan: WorkerPlan): Promise<void> {
  const all = plan.replay ? (await readAccessLog(plan.replay.file)).reads : [];
  const loading = new LoadRun(
    plan,
    all.filter((_, index) => index % plan.processes === plan.index),
  );
  run = loading;
  const timer = setInterval(() => {
    const { requests, bytes, errors } = loading.tally;
    tell({ kind: 'progress', requests, bytes, errors });
  }, progressMs);
  const tally = await loading.run(() => tell({ kind: 'measuring' }));
  clearInterval(timer);
  tell({ kind: 'done', outcome: tally.outcome() });
}
