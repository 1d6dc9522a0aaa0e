/**
 * What every trial of a failing disk does: traffic while it fails, in which each answer is right, and the
 * proof that the disk is used again once it is healthy. Nothing is kept in memory, so that every hit comes
 * from the disk.
 */
import { KiB, MiB } from '@forebay/core/bytes';
import { postAdmin } from '../support/admin.ts';
import { type CachedBucket, type CachedBucketOptions, startCachedBucket } from '../support/cached-bucket.ts';
import { untilQuiet } from '../support/metrics.ts';
import type { Random } from '../support/random.ts';
import { until } from '../support/until.ts';
import { faultsOfAll, storeAll, type TestObject, testObjects } from './objects.ts';
import { Traffic } from './traffic.ts';

const kinds = [
  { count: 20, sizeBytes: 4 * KiB },
  { count: 6, sizeBytes: 100 * KiB + 1 },
  { count: 6, sizeBytes: 200 * KiB },
  { count: 2, sizeBytes: 2 * MiB + 777 },
];

export class DiskTrial {
  readonly lake: CachedBucket;
  readonly random: Random;
  #count = 0;

  private constructor(lake: CachedBucket, random: Random) {
    this.lake = lake;
    this.random = random;
  }

  static async start(random: Random, options: CachedBucketOptions = {}): Promise<DiskTrial> {
    const flags = ['--memory-size', '0', '--info-memory-entries-max', '16', ...(options.flags ?? [])];
    return new DiskTrial(await startCachedBucket({ ...options, flags }), random);
  }

  /** Objects of all sizes, in the UFS. */
  async coldObjects(): Promise<TestObject[]> {
    this.#count += 1;
    const objects = testObjects(`lake/${this.#count}`, kinds);
    await storeAll(this.lake.server, objects);
    return objects;
  }

  /** The same, read once and stored. */
  async cachedObjects(): Promise<TestObject[]> {
    const objects = await this.coldObjects();
    await this.readAll(objects);
    await untilQuiet(this.lake.forebay);
    return objects;
  }

  /** @throws Error with what was wrong about an answer */
  async readAll(objects: readonly TestObject[]): Promise<void> {
    refuse(await faultsOfAll(this.lake.client, objects));
  }

  /** Reads and writes all of them for a while. @throws Error with what was wrong about an answer */
  async traffic(objects: readonly TestObject[], readsMin = 100): Promise<void> {
    const traffic = new Traffic({ server: this.lake.forebay, objects, random: this.random }).start();
    await until(
      'enough was read and written',
      () => traffic.faults.length > 0 || (traffic.reads >= readsMin && traffic.writes >= 5),
      60_000,
    );
    await traffic.stop();
    refuse(traffic.faults);
  }

  /** Frees what is cached of the first of these objects and those made with it, as far as it can go. */
  async free([first]: readonly TestObject[]): Promise<void> {
    const [, bucket, made] = first!.path.split('/');
    await postAdmin(this.lake.forebay, '/api/v1/free', { keys: `s3://${bucket}/${made}/` });
  }

  /** Resolves once what is read is stored and then comes from the disk: no byte of it from the UFS. */
  async untilStoring(): Promise<void> {
    const { proxy, forebay } = this.lake;
    const isStoring = async () => {
      const objects = (await this.cachedObjects()).slice(-10);
      proxy.reset();
      await this.readAll(objects);
      await untilQuiet(forebay);
      return proxy.count(({ method }) => method === 'GET') === 0;
    };
    // A directory that failed again and again is tried less and less often.
    await until('pages are stored again', isStoring, 150_000);
  }

  stop(): Promise<void> {
    return this.lake.stop();
  }
}

function refuse(faults: readonly string[]): void {
  if (faults.length > 0) throw new Error(faults.slice(0, 5).join('\n'));
}
