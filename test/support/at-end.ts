/** Work that is due when this process ends, also by a signal: test runners end their workers with one. */
const due = new Set<() => void>();
let listening = false;

/** `work` is synchronous and runs once. @returns a function that takes it back. */
export function atEnd(work: () => void): () => void {
  if (!listening) {
    listening = true;
    process.once('exit', runAll);
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, endBySignal);
  }
  due.add(work);
  return () => due.delete(work);
}

function runAll(): void {
  // The newest first: a process ends before the directory made for it goes.
  for (const work of [...due].reverse()) work();
  due.clear();
}

/** Without the listener the signal has its usual effect. */
function endBySignal(signal: NodeJS.Signals): void {
  runAll();
  process.kill(process.pid, signal);
}
