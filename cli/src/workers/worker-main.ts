/** The entry of a worker process: loads its libraries, waits for its start, and ends with its owner. */
import { enableCompileCache, flushCompileCache } from 'node:module';
import type { ToWorker } from './messages.ts';

// The owner says when to stop. Where it has gone there is nobody to write through, and no info is good.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => {});
process.on('disconnect', () => process.exit(0));

// Most of a start is reading code: what it was made into is kept for the next one, in the owner's directory.
const [, , role, codeCache] = process.argv;
if (codeCache !== undefined) enableCompileCache(codeCache);
// While the owner loads what it keeps.
const loading = role === 'gateway' ? import('./gateway-worker.ts') : import('./worker.ts');

const flushAfterMs = 5_000;

process.once('message', (start: ToWorker) => {
  if (start.kind !== 'start') process.exit(1);
  const early: ToWorker[] = [];
  const keep = (message: ToWorker) => void early.push(message);
  process.on('message', keep);
  loading
    .then(({ runWorker }) => runWorker(start as never))
    .then((onMessage) => {
      process.off('message', keep);
      process.on('message', onMessage);
      for (const message of early) onMessage(message);
      setTimeout(flushCompileCache, flushAfterMs).unref();
    })
    .catch((error: unknown) => {
      process.stderr.write(`forebay: a worker cannot start: ${String(error)}\n`);
      process.exit(1);
    });
});
