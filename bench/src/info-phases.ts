/** What a process of the info store's benchmark does: fill and look up at several sizes, or open and look. */
import { closeSync, openSync, readdirSync, readFileSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { MiB } from '@forebay/core/bytes';
import { placementKeyOf, recordOf } from './info-records.ts';
import { type BenchStore, openStore, type StoreName } from './info-stores.ts';

export interface PhaseOptions {
  readonly store: StoreName;
  readonly directory: string;
  readonly modules: string | undefined;
  /** Sizes at which it is measured, ascending. */
  readonly entries: readonly number[];
}

export interface Measured {
  readonly entries: number;
  /** Since the size before. */
  readonly insertsPerSecond: number;
  readonly insertCpuUs: number;
  readonly present: Lookups;
  readonly absent: Lookups;
  readonly anonymousBytes: number;
  readonly indexBytes: number;
  readonly diskBytes: number;
  /** The longest turn of the event loop, in which 100 puts were made and some work in the background. */
  readonly pauseMs: number;
  /** The most CPU that a turn took of its thread: what it would have been on a machine of its own. */
  readonly pauseCpuMs: number;
}

interface Lookups {
  readonly cpuUs: number;
  readonly wallUs: number;
  readonly p99Us: number;
}

const lookupsPerSize = 200_000;
const putsPerTurn = 100;

export async function fill(options: PhaseOptions, report: (of: Measured) => void): Promise<void> {
  const store = await openStore(options.store, options);
  const generationUs = generationCpuUs();
  let done = 0;
  for (const entries of options.entries) {
    const inserted = await insert(store, done, entries);
    report({
      entries,
      insertsPerSecond: (entries - done) / (inserted.wallMs / 1000),
      insertCpuUs: inserted.cpuUs / (entries - done) - generationUs,
      ...lookups(store, options.directory, entries),
      anonymousBytes: anonymousBytes(),
      indexBytes: store.indexBytes(),
      diskBytes: sizeOf(options.directory),
      pauseMs: inserted.pauseMs,
      pauseCpuMs: inserted.pauseCpuMs,
    });
    done = entries;
  }
}

async function insert(store: BenchStore, from: number, to: number) {
  const cpu = process.cpuUsage();
  const startedAtMs = performance.now();
  let pauseMs = 0;
  let pauseCpuMs = 0;
  for (let number = from; number < to; ) {
    const turnAtMs = performance.now();
    const turnAtCpuMs = threadCpuMs();
    for (let turn = 0; turn < putsPerTurn && number < to; turn += 1, number += 1) {
      store.put(placementKeyOf(number), recordOf(number, 'tenure'));
    }
    if (number % 1000 === 0) await store.commit();
    else await new Promise(setImmediate);
    pauseMs = Math.max(pauseMs, performance.now() - turnAtMs);
    pauseCpuMs = Math.max(pauseCpuMs, threadCpuMs() - turnAtCpuMs);
  }
  const { user, system } = process.cpuUsage(cpu);
  return { wallMs: performance.now() - startedAtMs, cpuUs: user + system, pauseMs, pauseCpuMs };
}

function threadCpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

function lookups(store: BenchStore, directory: string, entries: number) {
  readThrough(directory);
  // Beyond them nothing was put.
  return { present: look(store, entries, 0), absent: look(store, entries, 1e9) };
}

/** So that lookups find the files in the system's page cache, whoever else used it meanwhile. */
function readThrough(directory: string): void {
  const chunk = Buffer.allocUnsafe(4 * MiB);
  for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' })) {
    const path = join(directory, name);
    if (!statSync(path).isFile()) continue;
    const descriptor = openSync(path, 'r');
    while (readSync(descriptor, chunk) > 0);
    closeSync(descriptor);
  }
}

/** Random ones of the keys; the first tenth warms up. */
function look(store: BenchStore, entries: number, beyond: number): Lookups {
  const keys = Array.from({ length: lookupsPerSize }, () =>
    placementKeyOf(beyond + Math.floor(Math.random() * entries)),
  );
  const times = new Float64Array(lookupsPerSize);
  const warm = lookupsPerSize / 10;
  let cpu = process.cpuUsage();
  let startedAtMs = performance.now();
  for (const [at, key] of keys.entries()) {
    if (at === warm) {
      cpu = process.cpuUsage();
      startedAtMs = performance.now();
    }
    const beganAtMs = performance.now();
    const found = store.get(key) !== undefined;
    times[at] = performance.now() - beganAtMs;
    if (found !== (beyond === 0)) throw new Error(`${key} is ${found ? '' : 'not '}there`);
  }
  const { user, system } = process.cpuUsage(cpu);
  const count = lookupsPerSize - warm;
  const sorted = times.subarray(warm).sort();
  return {
    cpuUs: (user + system) / count,
    wallUs: ((performance.now() - startedAtMs) * 1000) / count,
    p99Us: sorted[Math.floor(count * 0.99)]! * 1000,
  };
}

/** CPU of making a key and a record up, which is no part of any store. */
function generationCpuUs(): number {
  const count = 300_000;
  let cpu = process.cpuUsage();
  for (let number = -count / 3; number < count; number += 1) {
    if (number === 0) cpu = process.cpuUsage();
    placementKeyOf(number + 1e8);
    recordOf(number + 1e8, 'tenure');
  }
  const { user, system } = process.cpuUsage(cpu);
  return (user + system) / count;
}

export interface Reopened {
  readonly openMs: number;
  readonly openCpuMs: number;
  readonly closeMs: number;
  readonly anonymousBytes: number;
  /** Of a thousand keys, spread evenly. */
  readonly found: number;
}

export async function reopen(options: PhaseOptions): Promise<Reopened> {
  const startedAtMs = performance.now();
  const cpu = process.cpuUsage();
  const store = await openStore(options.store, options);
  const openMs = performance.now() - startedAtMs;
  const { user, system } = process.cpuUsage(cpu);
  const entries = options.entries.at(-1)!;
  let found = 0;
  for (let at = 0; at < 1000; at += 1) {
    if (store.get(placementKeyOf(Math.floor((at * entries) / 1000)))) found += 1;
  }
  const closingAtMs = performance.now();
  const anonymous = anonymousBytes();
  await store.close();
  const openCpuMs = (user + system) / 1000;
  return { openMs, openCpuMs, closeMs: performance.now() - closingAtMs, anonymousBytes: anonymous, found };
}

/** Memory of its own, without files that are mapped; 0 where the system does not say. */
function anonymousBytes(): number {
  try {
    const kibibytes = /^RssAnon:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
    return Number(kibibytes ?? 0) * 1024;
  } catch {
    return 0;
  }
}

function sizeOf(directory: string): number {
  const names = readdirSync(directory, { recursive: true, encoding: 'utf8' });
  return names.reduce((sum, name) => {
    const stat = statSync(join(directory, name));
    return stat.isFile() ? sum + stat.size : sum;
  }, 0);
}
