/**
 * Several programs under one process, so that their CPU is counted together. As a program of its own: starts
 * what it is told to, waits, and takes all of it away at its end.
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { processTree } from 'forebay/bench/process-cpu';
import { atEnd } from '../../../test/support/at-end.ts';
import { startProcess } from '../../../test/support/process.ts';

export interface Program {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

const self = fileURLToPath(import.meta.url);

/** Stopped with the stack. */
export function startTogether(stack: AsyncDisposableStack, programs: readonly Program[]) {
  const parent = startProcess(process.execPath, [self, JSON.stringify(programs)], {});
  // Where this process ends at once, its child is killed, which could not take its own along.
  const takeBack = atEnd(() => {
    for (const pid of processTree(parent.pid)) process.kill(pid, 'SIGKILL');
  });
  stack.defer(async () => {
    await parent.stop();
    takeBack();
  });
  return parent;
}

if (process.argv[1] === self) {
  const programs = JSON.parse(process.argv[2]!) as Program[];
  const children = programs.map(({ command, args, env }) =>
    spawn(command, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'ignore', 'inherit'] }),
  );
  const stop = () => {
    for (const child of children) child.kill('SIGTERM');
    process.exit();
  };
  process.on('SIGTERM', stop);
  for (const child of children) child.on('exit', stop);
}
