/**
 * The info store's level two at scale: inserts, lookups, memory, disk and starts, at a tenth, a half and the
 * whole of `--entries`. `--compare` measures other embedded stores beside it, with the same records. It
 * judges nothing; the files it makes are as large as `--help` says.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { cpus, release, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { formatSize } from '@forebay/core/bytes';
import { fill, type Measured, type PhaseOptions, type Reopened, reopen } from './src/info-phases.ts';
import { type StoreName, storeNames } from './src/info-stores.ts';

const usage = `Usage: node bench/info-store.ts [--entries 4800000] [--directory DIR] [--compare MODULES]

Fills the info log with so many entries, about 260 bytes of disk each (48000000: 13 GB), and measures it at a
tenth, a half and all of them; then kills the process, and opens what it left.

  --entries N          how many; a tenth and a half of them are measured too
  --directory DIR      where the files go and are removed; default: a directory of the system's temporary one
  --compare MODULES    node:sqlite, lmdb and classic-level as well; MODULES is a directory with a
                       package.json where the latter two are installed
`;

const { values } = parseArgs({
  options: {
    entries: { type: 'string', default: '4800000' },
    directory: { type: 'string', default: join(tmpdir(), 'forebay-info-bench') },
    compare: { type: 'string' },
    help: { type: 'boolean' },
  },
});

/** A message from the process that measures. */
type Told = { readonly measured: Measured } | { readonly reopened: Reopened } | { readonly filled: true };

async function main(): Promise<void> {
  if (values.help) return say(usage);
  const total = Number(values.entries);
  const entries = [total / 10, total / 2, total].map(Math.round);
  say(environment());
  const stores = values.compare === undefined ? (['log'] as const) : storeNames;
  for (const store of stores) await measure(store, entries);
}

async function measure(store: StoreName, entries: readonly number[]): Promise<void> {
  const directory = join(values.directory, store);
  rmSync(directory, { recursive: true, force: true });
  const options = { store, directory, modules: values.compare, entries };
  try {
    say(`\n${store}`);
    for await (const told of run('fill', options)) if ('measured' in told) say(lineOf(told.measured));
    if (store !== 'log') return;
    for (const after of ['a kill', 'a clean close']) {
      for await (const told of run('reopen', options)) {
        if ('reopened' in told) say(openedLine(after, told.reopened));
      }
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** A process of its own, so that memory is its alone. Filled, it is killed. */
async function* run(phase: 'fill' | 'reopen', options: PhaseOptions): AsyncGenerator<Told> {
  const child = fork(import.meta.filename, { env: { ...process.env, BENCH_PHASE: phase } });
  const ended = once(child, 'exit');
  const told: Told[] = [];
  child.on('message', (message) => told.push(message as Told));
  child.send(options);
  while (child.exitCode === null && child.signalCode === null) {
    await Promise.race([ended, once(child, 'message')]);
    for (const message of told.splice(0)) {
      if ('filled' in message) child.kill('SIGKILL');
      else yield message;
    }
  }
  if (child.exitCode) throw new Error(`the measuring process failed: ${child.exitCode}`);
}

async function measuringProcess(phase: string): Promise<void> {
  const [options] = (await once(process, 'message')) as [PhaseOptions];
  const tell = (told: Told) => process.send!(told);
  if (phase === 'reopen') tell({ reopened: await reopen(options) });
  else {
    await fill(options, (measured) => tell({ measured }));
    tell({ filled: true });
  }
  if (phase === 'reopen') process.disconnect();
}

function lineOf(of: Measured): string {
  const lookup = ({ cpuUs, wallUs, p99Us }: Measured['present']) =>
    `${cpuUs.toFixed(2)} us CPU, ${wallUs.toFixed(2)} us wall, p99 ${p99Us.toFixed(1)} us`;
  return [
    `${(of.entries / 1e6).toFixed(2)} million entries`,
    `  inserts        ${Math.round(of.insertsPerSecond)}/s, ${of.insertCpuUs.toFixed(2)} us CPU each`,
    `  lookups        ${lookup(of.present)}`,
    `  absent         ${lookup(of.absent)}`,
    `  memory         ${formatSize(of.anonymousBytes)} anonymous, index ${(of.indexBytes / of.entries).toFixed(1)} bytes an entry`,
    `  disk           ${(of.diskBytes / of.entries).toFixed(0)} bytes an entry, ${formatSize(of.diskBytes)}`,
    `  longest turn   ${of.pauseMs.toFixed(1)} ms, most CPU in one ${of.pauseCpuMs.toFixed(1)} ms`,
  ].join('\n');
}

function openedLine(after: string, of: Reopened): string {
  const memory = formatSize(of.anonymousBytes);
  return `start after ${after}: ${(of.openMs / 1000).toFixed(2)} s (${(of.openCpuMs / 1000).toFixed(2)} s CPU), ${of.found} of 1000 keys there, ${memory} anonymous; close ${(of.closeMs / 1000).toFixed(2)} s`;
}

function environment(): string {
  const cpu = `${cpus().length} x ${cpus()[0]?.model.trim() ?? 'unknown'}`;
  return `${new Date().toISOString()}, Node ${process.versions.node}, ${cpu}, ${formatSize(totalmem())}, kernel ${release()}`;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

const phase = process.env.BENCH_PHASE;
if (phase === undefined) await main();
else await measuringProcess(phase);
