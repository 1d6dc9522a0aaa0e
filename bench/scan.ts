/**
 * `npm run bench -- scan`: whether what is read again and again stays cached while ten times the cache is
 * read once beside it, through the front door.
 */
import { formatSize, KiB, MiB } from '@forebay/core/bytes';
import { table } from 'forebay/terminal';
import { cpuOf } from './src/cpu.ts';
import { type BenchmarkContext, type BenchmarkReport, numberFlag, runBenchmark, say } from './src/frame.ts';
import { LoadClient } from './src/load-client.ts';
import { writeObjects } from './src/objects.ts';
import { everyHot, hotReads, lruHitShare, type ScanShape, scanSteps } from './src/scan-plan.ts';
import { type Server, startForebay, startUfs, targetOf, tempDirectory } from './src/servers.ts';

const mountName = 'lake';
const scannedBytes = 64 * MiB;
const hotShare = 0.6;

await runBenchmark({
  usage: `Usage: npm run bench -- scan [--cache MIB] [--times N] [--every MIB]

Reads a hot set of 1 MiB objects, six tenths of the cache, until it is known; then the hot set and a scan of
large objects together: once in whole objects, once in ranges of 64 KiB.

  --cache MIB   --cache-size of Forebay (128)
  --times N     the scan in caches (10)
  --every MIB   one hot read for each so many MiB of the scan (2)
`,
  options: { cache: { type: 'string' }, times: { type: 'string' }, every: { type: 'string' } },
  run: measure,
});

interface Setting {
  readonly directory: string;
  readonly ufs: Server;
  readonly cacheBytes: number;
}

interface ScanRow {
  readonly scan: string;
  readonly scannedBytes: number;
  readonly requests: number;
  readonly hotReads: number;
  /** Shares of hot reads that were hits. */
  readonly withoutScan: number;
  readonly withScan: number;
  /** In the second half of the scan, when what was lost at its start is back. */
  readonly withScanLater: number;
  readonly lruWithScan: number;
  readonly elapsedMs: number;
}

async function measure({ quick, flags, stack }: BenchmarkContext): Promise<BenchmarkReport> {
  const cacheBytes = Math.max(64, numberFlag(flags, 'cache', quick ? 64 : 128)) * MiB;
  const times = numberFlag(flags, 'times', quick ? 4 : 10);
  const directory = tempDirectory(stack);
  const ufs = await startUfs(stack, directory);
  const scanned = { sizeBytes: scannedBytes, count: Math.ceil((cacheBytes * times) / scannedBytes) };
  const hotCount = Math.floor((cacheBytes * hotShare) / MiB);
  say(`UFS: ${ufs.name}. Writing the objects.`);
  await writeObjects(ufs, scanned);
  await writeObjects(ufs, { sizeBytes: MiB, count: hotCount });
  const shape = { mountName, hotCount, scanned, mibPerHotRead: numberFlag(flags, 'every', 2) };
  const setting: Setting = { directory, ufs, cacheBytes };
  const rows = [
    await run(setting, 'whole objects', { ...shape, stepBytes: undefined }),
    await run(setting, 'ranges of 64 KiB', { ...shape, stepBytes: 64 * KiB }),
  ];
  return {
    lines: [
      `UFS: ${ufs.name}. --cache-size ${formatSize(cacheBytes)}, hot set ${hotCount} MiB, a hot read for each ${shape.mibPerHotRead} MiB of the scan.`,
      'Hits: share of hot reads. LRU: computed for the same reads and as many whole pages.',
      '',
      ...scanLines(rows),
    ],
    figures: { ufs: ufs.name, cacheBytes, hotCount, rows },
  };
}

async function run(
  { directory, ufs, cacheBytes }: Setting,
  scan: string,
  shape: ScanShape,
): Promise<ScanRow> {
  say(`The scan in ${scan}.`);
  await using stack = new AsyncDisposableStack();
  const forebay = await startForebay(stack, {
    directory: tempDirectory(stack, directory),
    ufs,
    mounts: [{ name: mountName }],
    // The memory tier is not what this is about.
    flags: ['--cache-size', `${cacheBytes / MiB}MiB`, '--memory-size', '0'],
  });
  const client = new LoadClient();
  stack.defer(() => client.stop());
  const target = targetOf(forebay);
  // Known: read, stored, and read again at another time.
  const known = [...everyHot(shape), ...hotReads(shape, 3 * shape.hotCount, 3)];
  await cpuOf([forebay.pid], () => client.run({ target, reads: everyHot(shape) }));
  await client.run({ target, reads: known });
  const free = await client.run({ target, reads: hotReads(shape, 4 * shape.hotCount, 5) });
  const steps = scanSteps(shape);
  const { xCache, elapsedMs } = await client.run({ target, reads: steps.map(({ read }) => read) });
  const hot = xCache.filter((_, index) => steps[index]!.hot);
  return {
    scan,
    scannedBytes: shape.scanned.count * shape.scanned.sizeBytes,
    requests: steps.length,
    hotReads: hot.length,
    withoutScan: hitShare(free.xCache),
    withScan: hitShare(hot),
    withScanLater: hitShare(hot.slice(hot.length / 2)),
    lruWithScan: lruHitShare(known, steps, cacheBytes),
    elapsedMs,
  };
}

function hitShare(xCache: readonly string[]): number {
  return xCache.filter((name) => name === 'HIT').length / xCache.length;
}

function scanLines(rows: readonly ScanRow[]): string[] {
  const hits = ['hits without scan', 'with scan', 'second half', 'of scan-free', 'LRU'];
  return table([
    ['scan in', 'scanned', 'requests', 'hot reads', ...hits, 'time'],
    ...rows.map((row) => [
      row.scan,
      formatSize(row.scannedBytes),
      ...[row.requests, row.hotReads].map(String),
      ...[
        row.withoutScan,
        row.withScan,
        row.withScanLater,
        row.withScan / row.withoutScan,
        row.lruWithScan,
      ].map(percent),
      `${(row.elapsedMs / 1000).toFixed(1)} s`,
    ]),
  ]);
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)}%`;
}
