/**
 * `npm run bench -- soak`: ten minutes of reads with fills and evictions going on. How late the event loop
 * is, beside that of a Node process that does nothing, and whether memory stays.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { formatSize, KiB, MiB } from '@forebay/core/bytes';
import { processTree } from 'forebay/bench/process-cpu';
import { seededRandom } from 'forebay/bench/random';
import type { LoopDelay } from 'forebay/event-loop-delay';
import { metric } from '../test/support/metrics.ts';
import { queuedMicros } from './src/cpu.ts';
import { type BenchmarkContext, type BenchmarkReport, numberFlag, runBenchmark, say } from './src/frame.ts';
import type { LoadRead } from './src/load-client.ts';
import { memoryOf } from './src/memory.ts';
import { readOf, writeObjects } from './src/objects.ts';
import { type ForebayServer, startForebay, startUfs, targetOf, tempDirectory } from './src/servers.ts';
import { type SoakSample, soakLines, soakVerdict } from './src/soak-figures.ts';
import { timesOf, WireLoad, type WireOutcome } from './src/wire-load.ts';

const mountName = 'soak';
const largeCount = 96;
const smallCount = 2000;
const smallBytes = 4 * KiB;
const rangeBytes = 64 * KiB;
const readsInPlan = 20_000;
const sampleMs = 5000;
/** Above this, over an idle process, a pause is too long; and so is memory that grows by more. */
const pauseOverIdleMsMax = 20;
const growthMax = 1.1;

await runBenchmark({
  usage: `Usage: npm run bench -- soak [--seconds N] [--rate N] [--cache MIB]

Reads of 4 KiB objects, of 1 MiB objects and of ranges of them, at a fixed rate, from a cache that holds half
of them. Pauses are the longest delays of the event loop (forebay_event_loop_delay_seconds).

  --seconds N   (600; quick: 40)
  --rate N      requests a second (200)
  --cache MIB   (48)
  --workers N   (1)
`,
  options: {
    seconds: { type: 'string' },
    rate: { type: 'string' },
    cache: { type: 'string' },
    workers: { type: 'string' },
  },
  run: measure,
});

interface Plan {
  readonly seconds: number;
  readonly rate: number;
  readonly cache: number;
  readonly workers: number;
}

async function measure({ quick, flags, stack }: BenchmarkContext): Promise<BenchmarkReport> {
  const plan: Plan = {
    seconds: numberFlag(flags, 'seconds', quick ? 40 : 600),
    rate: numberFlag(flags, 'rate', 200),
    cache: numberFlag(flags, 'cache', 48),
    workers: numberFlag(flags, 'workers', 1),
  };
  const directory = tempDirectory(stack);
  const ufs = await startUfs(stack, directory);
  say(`UFS: ${ufs.name}. Writing the objects.`);
  await writeObjects(ufs, { sizeBytes: MiB, count: largeCount });
  await writeObjects(ufs, { sizeBytes: smallBytes, count: smallCount });
  const size = ['--cache-size', `${plan.cache}MiB`, '--memory-size', '16MiB'];
  const flagsOfServe = [...size, '--workers', String(plan.workers)];
  const mounts = [{ name: mountName }];
  const forebay = await startForebay(stack, { directory, ufs, mounts, flags: flagsOfServe });
  const idle = await startIdle(stack);
  const client = new WireLoad();
  stack.defer(() => client.stop());
  const queuedUs = queuedMicros(forebay.pid);
  const over = client.run({
    target: targetOf(forebay),
    reads: readsOfSoak(),
    connections: 32,
    durationMs: plan.seconds * 1000,
    requestsPerSecond: plan.rate,
    checkEvery: 10,
  });
  const samples = await sampleUntil(over, { forebay, idle });
  const outcome = await over;
  const queuedShare = queuedShareOf(queuedUs, queuedMicros(forebay.pid), outcome.elapsedMs);
  return reportOf(plan, { ufsName: ufs.name, samples, outcome, queuedShare });
}

interface Measured {
  readonly ufsName: string;
  readonly samples: readonly SoakSample[];
  readonly outcome: WireOutcome;
  /** Share of the time that the main thread could have run and got no CPU. */
  readonly queuedShare: number | null;
}

function reportOf(plan: Plan, { ufsName, samples, outcome, queuedShare }: Measured): BenchmarkReport {
  const verdict = soakVerdict(samples);
  const { pauseMs, idlePauseMs, pauseOverIdleMs, memoryGrowth, evictions, ufsBytes } = verdict;
  const times = timesOf([outcome]);
  const { seconds, rate, cache, workers } = plan;
  const p50 = ms(times.quantile(0.5) / 1000);
  const requests = `${outcome.requests} requests, p50 ${p50}, p99 ${ms(times.quantile(0.99) / 1000)}`;
  const failures = Object.entries(outcome.failures).map(([reason, count]) => `${count} failed: ${reason}`);
  const queued = ((queuedShare ?? Number.NaN) * 100).toFixed(1);
  return {
    lines: [
      `UFS: ${ufsName}. ${seconds} s at ${rate} requests a second, --cache-size ${cache}MiB, ${workers} workers.`,
      `${[requests, ...failures].join('; ')}.`,
      '',
      ...soakLines(samples),
      '',
      `Longest pause: ${ms(pauseMs)}, idle ${ms(idlePauseMs)}.`,
      `Over it: ${ms(pauseOverIdleMs)} (${judged(pauseOverIdleMs, pauseOverIdleMsMax)}).`,
      ...(queuedShare === null ? [] : [`The main thread waited for a CPU ${queued}% of the time.`]),
      `Memory, last quarter to second: ${memoryGrowth.toFixed(2)} (${judged(memoryGrowth, growthMax)}).`,
      `Evictions: ${evictions}; from the UFS: ${formatSize(ufsBytes)}.`,
    ],
    figures: {
      ...{ ufs: ufsName, plan, requests: outcome.requests, failures: outcome.failures },
      ...{ p50Us: times.quantile(0.5), p99Us: times.quantile(0.99), verdict, queuedShare, samples },
    },
  };
}

function queuedShareOf(
  before: number | undefined,
  after: number | undefined,
  elapsedMs: number,
): number | null {
  return before === undefined || after === undefined ? null : (after - before) / 1000 / elapsedMs;
}

function ms(value: number): string {
  return `${value.toFixed(1)} ms`;
}

function judged(value: number, max: number): string {
  return `at most ${max}: ${value <= max ? 'reached' : 'missed'}`;
}

/** Half of them small; of the large ones a third whole. In the same order in every run. */
function readsOfSoak(): LoadRead[] {
  const random = seededRandom(7);
  return Array.from({ length: readsInPlan }, () => {
    const kind = random(6);
    if (kind < 3) return readOf(mountName, smallBytes, random(smallCount));
    const object = random(largeCount);
    if (kind === 3) return readOf(mountName, MiB, object);
    const start = random(MiB / rangeBytes) * rangeBytes;
    return readOf(mountName, MiB, object, { start, endExclusive: start + rangeBytes });
  });
}

interface Idle {
  read(): Promise<LoopDelay>;
}

async function startIdle(stack: AsyncDisposableStack): Promise<Idle> {
  const child = fork(join(import.meta.dirname, 'src/idle-process.ts'));
  stack.defer(() => void child.kill());
  await once(child, 'message');
  return {
    read: async () => {
      child.send('read');
      return ((await once(child, 'message')) as [LoopDelay])[0];
    },
  };
}

async function sampleUntil(
  over: Promise<unknown>,
  { forebay, idle }: { forebay: ForebayServer; idle: Idle },
): Promise<SoakSample[]> {
  const scraped = { ...forebay, admin: forebay.adminUrl };
  const startedMs = performance.now();
  const samples: SoakSample[] = [];
  let running = true;
  const ended = over.finally(() => {
    running = false;
  });
  while (running) {
    await Promise.race([wait(sampleMs), ended]);
    const name = 'forebay_event_loop_delay_seconds';
    const memories = processTree(forebay.pid).flatMap((pid) => memoryOf(pid) ?? []);
    samples.push({
      second: (performance.now() - startedMs) / 1000,
      forebay: {
        maxSeconds: await metric(scraped, name, { stat: 'max' }),
        p99Seconds: await metric(scraped, name, { stat: 'p99' }),
      },
      idle: await idle.read(),
      anonymousBytes: memories.reduce((sum, { anonymousBytes }) => sum + anonymousBytes, 0),
      residentBytes: memories.reduce((sum, { residentBytes }) => sum + residentBytes, 0),
      evictions: await metric(scraped, 'forebay_evictions_total'),
      ufsBytes: await metric(scraped, 'forebay_ufs_bytes_total'),
    });
    const last = samples.at(-1)!;
    const pauses = [last.forebay, last.idle].map(({ maxSeconds }) => `${(maxSeconds * 1000).toFixed(1)} ms`);
    say(
      `${last.second.toFixed(0)} s: pause ${pauses.join(', idle ')}, memory ${formatSize(last.anonymousBytes)}`,
    );
  }
  return samples;
}
