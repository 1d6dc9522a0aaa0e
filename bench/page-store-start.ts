/**
 * How long a page store takes to open with many pages, by the clock and in CPU of all threads: after a clean
 * stop, after SIGKILL, and with its journal lost. The pages are tiny and packed, so that they fit a small
 * disk. Run: node bench/page-store-start.ts [--pages 10000000] [--directory DIR]
 */
import { fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { declareCacheNodeMetrics } from '../cache-node/src/metrics.ts';
import { PageStore } from '../cache-node/src/page-store/page-store.ts';
import { formatSize, GiB, MiB } from '../core/src/bytes.ts';
import { systemClock } from '../core/src/clock.ts';
import { silentLog } from '../core/src/log.ts';
import { Metrics } from '../core/src/metrics.ts';

const { values } = parseArgs({
  options: {
    pages: { type: 'string', default: '10000000' },
    directory: { type: 'string' },
    /** Of the processes that this one starts. */
    step: { type: 'string' },
  },
});
const pageCount = Number(values.pages);
const lengthBytes = 16;
const batch = 2000;
/** How often it is looked whether there are more pages. */
const lookMs = 2000;
const policy = {
  rule: 'mount /lake',
  scope: '/lake',
  quotaBytes: undefined,
  priority: 'normal',
  pinned: false,
  minUses: 1,
  cacheTtlMs: undefined,
  maxObjectSizeBytes: GiB,
} as const;

function setOf(page: number): string {
  return createHash('md5').update(`object ${page}`).digest('hex');
}

function open(directory: string): Promise<PageStore> {
  return PageStore.open({
    directories: [{ path: directory, sizeBytesMax: 1024 * GiB }],
    memorySizeBytes: 0,
    diskWriteQueueBytesMax: 64 * MiB,
    evictionHighPercent: 95,
    evictionLowPercent: 90,
    metrics: declareCacheNodeMetrics(new Metrics()),
    clock: systemClock,
    log: silentLog,
  });
}

async function fill(store: PageStore, from: number, count: number): Promise<void> {
  for (let at = from; at < from + count; at += batch) {
    const puts = Array.from({ length: Math.min(batch, from + count - at) }, (_, next) => {
      const path = `lake/objects/${at + next}`;
      const of = { path, version: `"${at + next}"|16|`, sizeBytes: lengthBytes, pageSizeBytes: MiB };
      const page = { set: setOf(at + next), index: 0 };
      return store.put(page, Buffer.alloc(lengthBytes, at + next), { ...of, mountPath: '/lake', policy });
    });
    const stored = (await Promise.all(puts)).filter(Boolean).length;
    if (stored < puts.length) throw new Error(`${puts.length - stored} pages were not stored`);
  }
}

/** In a process of its own, so that every start is a cold one but for the system's page cache. */
async function step(what: string, directory: string): Promise<void> {
  const [startedMs, cpuBefore] = [performance.now(), process.cpuUsage()];
  const cpuMs = () => {
    const { user, system } = process.cpuUsage(cpuBefore);
    return (user + system) / 1000;
  };
  const store = await open(directory);
  const [openMs, openCpuMs] = [performance.now() - startedMs, cpuMs()];
  const usage = () => store.usage().directories[0]!;
  const atOnce = usage().pages;
  let [loadedMs, loadedCpuMs] = [openMs, openCpuMs];
  if (what === 'lost') {
    for (let before = -1; usage().pages !== before; ) {
      before = usage().pages;
      await new Promise((resolve) => setTimeout(resolve, lookMs));
    }
    [loadedMs, loadedCpuMs] = [performance.now() - startedMs - lookMs, cpuMs()];
  }
  const { rss } = process.memoryUsage();
  const { pages } = usage();
  process.send?.({ openMs, openCpuMs, loadedMs, loadedCpuMs, atOnce, pages, rss } satisfies Figures);
  if (what === 'fill') await fill(store, 0, pageCount);
  if (what === 'clean') await fill(store, pageCount, 20_000);
  if (what === 'clean') process.kill(process.pid, 'SIGKILL');
  await store.close();
}

interface Figures {
  readonly openMs: number;
  readonly openCpuMs: number;
  /** Until no page more was found. */
  readonly loadedMs: number;
  readonly loadedCpuMs: number;
  readonly atOnce: number;
  readonly pages: number;
  readonly rss: number;
}

function run(what: string, directory: string): Promise<Figures> {
  return new Promise((resolve, reject) => {
    let figures: Figures | undefined;
    const options = ['--step', what, '--pages', String(pageCount), '--directory', directory];
    const child = fork(import.meta.filename, options);
    child.on('message', (message) => {
      figures = message as Figures;
    });
    child.on('error', reject);
    child.on('exit', () => (figures ? resolve(figures) : reject(new Error(`${what}: no figures`))));
  });
}

async function main(): Promise<void> {
  const directory = mkdtempSync(join(values.directory ?? tmpdir(), 'forebay-bench-'));
  try {
    const startedMs = performance.now();
    await run('fill', directory);
    const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((one) =>
      one.isFile(),
    );
    const bytes = files.reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
    const rate = Math.round(pageCount / ((performance.now() - startedMs) / 1000));
    console.log(`filled at ${rate} pages/s; ${files.length} files, ${formatSize(bytes)}`);
    console.log(
      '| start | opened after | CPU | all pages after | CPU | pages at once | pages | RSS |\n' +
        '|---|---|---|---|---|---|---|---|',
    );
    for (const [what, name] of [
      ['clean', 'after a clean stop'],
      ['killed', 'after SIGKILL in the middle of writes'],
      ['lost', 'with the journal lost'],
    ] as const) {
      if (what === 'lost') rmSync(join(directory, 'journal'), { recursive: true });
      const of = await run(what, directory);
      const times = [of.openMs, of.openCpuMs, of.loadedMs, of.loadedCpuMs].map(seconds);
      console.log(`| ${[name, ...times, of.atOnce, of.pages, formatSize(of.rss)].join(' | ')} |`);
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

if (values.step && values.directory) await step(values.step, values.directory);
else await main();
