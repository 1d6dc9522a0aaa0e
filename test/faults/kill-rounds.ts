/**
 * kill -9 at random instants of a server that fills, writes and evicts all the time, or is just starting.
 * After each kill: no more on the disk than the budget. After each start: warm, every byte right, nothing
 * torn.
 */
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { KiB, MiB } from '@forebay/core/bytes';
import { type CachedBucket, startCachedBucket } from '../support/cached-bucket.ts';
import { metric } from '../support/metrics.ts';
import { Random } from '../support/random.ts';
import { diskUseOf, pagesBelow } from '../support/stored-files.ts';
import { WireClient } from '../support/wire-client.ts';
import { faultsOfAll, inParallel, storeAll, testObjects } from './objects.ts';
import { Traffic } from './traffic.ts';

export interface KillOptions {
  readonly seed: number;
  readonly rounds: number;
  readonly onRound?: (round: number, faults: readonly string[]) => void;
}

export interface KillReport {
  readonly seed: number;
  readonly rounds: number;
  /** Answers that were judged while it ran, without those of the reading after each start. */
  readonly reads: number;
  readonly writes: number;
  readonly evictions: number;
  readonly diskBytesMax: number;
  readonly startMsMedian: number;
  readonly startMsMax: number;
  /** What was wrong, in words; empty where nothing was. */
  readonly faults: readonly string[];
}

const cacheBytes = 16 * MiB;
/** About twice the cache. */
const kinds = [
  { count: 150, sizeBytes: 4 * KiB },
  { count: 40, sizeBytes: 100 * KiB },
  { count: 30, sizeBytes: 200 * KiB },
  { count: 6, sizeBytes: 2 * MiB + 777 },
  { count: 2, sizeBytes: 5 * MiB + 1 },
];

export async function killRounds(options: KillOptions): Promise<KillReport> {
  const flags = ['--cache-size', String(cacheBytes), '--memory-size', '1MiB'];
  const lake = await startCachedBucket({ flags });
  try {
    const run = new KillRun(lake, options);
    await storeAll(lake.server, run.objects);
    for (let round = 0; round < options.rounds && run.faults.length === 0; round += 1) {
      await run.round(round);
      options.onRound?.(round, run.faults);
    }
    return run.report();
  } finally {
    await lake.stop();
  }
}

class KillRun {
  readonly objects = testObjects('lake', kinds);
  readonly faults: string[] = [];
  readonly #lake: CachedBucket;
  readonly #options: KillOptions;
  readonly #random: Random;
  readonly #startsMs: number[] = [];
  /** Before the process was killed. */
  #pagesKnown = 0;
  #counts = { rounds: 0, reads: 0, writes: 0, evictions: 0, diskBytesMax: 0 };

  constructor(lake: CachedBucket, options: KillOptions) {
    this.#lake = lake;
    this.#options = options;
    this.#random = new Random(options.seed);
  }

  async round(round: number): Promise<void> {
    const before = this.faults.length;
    await this.#killInTraffic();
    this.#lookAtDisk();
    if (this.#random.chance(0.2)) {
      await this.#lake.forebay.dieStarting(200 + this.#random.int(1200));
      this.#lookAtDisk();
    }
    await this.#restart();
    await this.#settle();
    await this.#readAll();
    this.#counts.rounds += 1;
    const where = `seed ${this.#options.seed}, round ${round}: `;
    for (let at = before; at < this.faults.length; at += 1) this.faults[at] = where + this.faults[at];
  }

  async #killInTraffic(): Promise<void> {
    const { forebay, proxy } = this.#lake;
    const traffic = new Traffic({ server: forebay, objects: this.objects, random: this.#random }).start();
    await wait(this.#random.int(1000));
    this.#counts.evictions += await metric(forebay, 'forebay_evictions_total', { reason: 'disk_budget' });
    this.#pagesKnown = await metric(forebay, 'forebay_pages');
    await wait(this.#random.int(30));
    traffic.expectBreaks();
    await forebay.kill9();
    await traffic.stop();
    await proxy.idle();
    this.faults.push(...traffic.faults);
    this.#counts.reads += traffic.reads;
    this.#counts.writes += traffic.writes;
  }

  /** The dead write nothing: what lies there now is what lay there at the worst moment. */
  #lookAtDisk(): void {
    const diskBytes = diskUseOf(join(this.#lake.forebay.dataDir, pagesBelow));
    this.#counts.diskBytesMax = Math.max(this.#counts.diskBytesMax, diskBytes);
    if (diskBytes > cacheBytes) this.faults.push(`${diskBytes} bytes on the disk, of ${cacheBytes}`);
  }

  async #restart(): Promise<void> {
    const startedMs = performance.now();
    await this.#lake.forebay.restart();
    this.#startsMs.push(performance.now() - startedMs);
    this.#lake.proxy.reset();
    const pages = await metric(this.#lake.forebay, 'forebay_pages');
    // On a busy machine the first may not have come to be when it is killed.
    if (pages === 0 && this.#pagesKnown > 0) this.faults.push('a cold start: no page was found');
  }

  /** What became of writes whose outcome nobody was told: the store knows. */
  async #settle(): Promise<void> {
    const { direct } = this.#lake;
    const open = this.objects.filter(({ isUnsettled }) => isUnsettled);
    await inParallel(open, async (object) => {
      const { status, body } = await direct.send({ path: object.path });
      if (!object.settleAs(body)) this.faults.push(`${object.path}: ${status}, what nobody wrote`);
    });
  }

  async #readAll(): Promise<void> {
    const { forebay } = this.#lake;
    const client = new WireClient(forebay);
    try {
      this.faults.push(...(await faultsOfAll(client, this.objects)));
    } finally {
      client.close();
    }
    const torn = await metric(forebay, 'forebay_page_corruptions_total');
    if (torn > 0) this.faults.push(`${torn} pages failed their checksum`);
    const diskBytes = await metric(forebay, 'forebay_cache_bytes', { tier: 'disk' });
    if (diskBytes > cacheBytes) this.faults.push(`${diskBytes} bytes counted, of ${cacheBytes}`);
  }

  report(): KillReport {
    const startsMs = this.#startsMs.map(Math.round).sort((a, b) => a - b);
    return {
      seed: this.#options.seed,
      ...this.#counts,
      startMsMedian: startsMs[startsMs.length >> 1] ?? 0,
      startMsMax: startsMs.at(-1) ?? 0,
      faults: this.faults,
    };
  }
}
