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
import { type BenchmarkContext, type BenchmarkReport, numberFlag, runBenchmark, say } from './src/frame.ts';
import type { LoadRead } from './src/load-client.ts';
import { memoryOf } from './src/memory.ts';
import { readOf, writeObjects } from './src/objects.ts';
import { type ForebayServer, startForebay, startUfs, targetOf, tempDirectory } from './src/servers.ts';
import { type SoakSample, soakLines, soakVerdict } from './src/soak-figures.ts';
import { timesOf, WireLoad } from './src/wire-load.ts';

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

async function measure({ quick, flags, stack }: BenchmarkContext): Promise<BenchmarkReport> {
  const seconds = numberFlag(flags, 'seconds', quick ? 40 : 600);
  const rate = numberFlag(flags, 'rate', 200);
  const cache = numberFlag(flags, 'cache', 48);
  const workers = numberFlag(flags, 'workers', 1);
  const directory = tempDirectory(stack);
  const ufs = await startUfs(stack, directory);
  say(`UFS: ${ufs.name}. Writing the objects.`);
  await writeObjects(ufs, { sizeBytes: MiB, count: largeCount });
  await writeObjects(ufs, { sizeBytes: smallBytes, count: smallCount });
  const size = ['--cache-size', `${cache}MiB`, '--memory-size', '16MiB', '--workers', String(workers)];
  const forebay = await startForebay(stack, { directory, ufs, mounts: [{ name: mountName }], flags: size });
  const idle = await startIdle(stack);
  const client = new WireLoad();
  stack.defer(() => client.stop());
  const job = {
    target: targetOf(forebay),
    reads: readsOfSoak(),
    connections: 32,
    durationMs: seconds * 1000,
    requestsPerSecond: rate,
    checkEvery: 10,
  };
  const over = client.run(job);
  const samples = await sampleUntil(over, { forebay, idle });
  const outcome = await over;
  const verdict = soakVerdict(samples);
  const times = timesOf([outcome]);
  const requests = `${outcome.requests} requests, p50 ${ms(times.quantile(0.5))}, p99 ${ms(times.quantile(0.99))}`;
  const failures = Object.entries(outcome.failures).map(([reason, count]) => `${count} failed: ${reason}`);
  return {
    lines: [
      `UFS: ${ufs.name}. ${seconds} s at ${rate} requests a second, --cache-size ${cache}MiB, ${workers} workers.`,
      `${[requests, ...failures].join('; ')}.`,
      '',
      ...soakLines(samples),
      '',
      `Longest pause: ${verdict.pauseMs.toFixed(1)} ms, idle ${verdict.idlePauseMs.toFixed(1)} ms: ${verdict.pauseOverIdleMs.toFixed(1)} ms over it (${judged(verdict.pauseOverIdleMs, pauseOverIdleMsMax)}).`,
      `Memory, last quarter to second: ${verdict.memoryGrowth.toFixed(2)} (${judged(verdict.memoryGrowth, growthMax)}).`,
      `Evictions: ${verdict.evictions}; from the UFS: ${formatSize(verdict.ufsBytes)}.`,
    ],
    figures: { ufs: ufs.name, seconds, rate, cache, workers, failures: outcome.failures, verdict, samples },
  };
}

function ms(us: number): string {
  return `${(us / 1000).toFixed(1)} ms`;
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
