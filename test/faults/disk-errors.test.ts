/**
 * A disk that answers with errors, with less than was asked or with wrong bits: clients notice nothing, and
 * the disk is used again once it is healthy.
 */
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type CachedBucket, startCachedBucket } from '../support/cached-bucket.ts';
import { type DiskFaults, type FaultyDisk, faultyDisk } from '../support/faulty-disk.ts';
import { metric, untilQuiet } from '../support/metrics.ts';
import { Random } from '../support/random.ts';
import { tempDir } from '../support/temp.ts';
import { needs } from '../support/tools.ts';
import { DiskTrial } from './disk-trial.ts';
import { faultsOfAll, storeAll, testObjects } from './objects.ts';

const troubles: readonly (readonly [string, DiskFaults])[] = [
  ['reads fail', { reads: 'EIO' }],
  ['reads bring wrong bits', { reads: 'flipped' }],
  ['reads and writes move half of what was asked', { reads: 'half', writes: 'half' }],
  ['writes fail', { writes: 'EIO' }],
  ['writes find no space', { writes: 'ENOSPC' }],
  ['no file can be opened', { opens: 'EIO' }],
  ['nothing can be removed or renamed', { removes: 'EIO' }],
  ['all is read-only', { writes: 'EROFS', opens: 'EROFS', removes: 'EROFS' }],
  ['everything fails', { reads: 'EIO', writes: 'EIO', opens: 'EIO', removes: 'EIO' }],
];
/** Those under which what was known of an object cannot be taken off the disk as usual. */
const lasting = troubles.filter(([what]) => /^(writes fail|no file|nothing|all is|everything)/.test(what));
const seed = Math.floor(Math.random() * 2 ** 31);

describe(`a disk that fails (seed ${seed})`, await needs('versitygw'), () => {
  let disk: FaultyDisk;
  let trial: DiskTrial;

  beforeAll(async () => {
    const dataDir = join(tempDir('faulty'), 'data');
    disk = await faultyDisk(join(dataDir, 'cache'));
    trial = await DiskTrial.start(new Random(seed), { dataDir, env: disk.env });
  });
  afterEach(() => disk?.heal());
  afterAll(() => trial?.stop());

  it.each(troubles)('while %s, every answer is right, and it is used again after', async (_, faults) => {
    const objects = [...(await trial.cachedObjects()), ...(await trial.coldObjects())];
    disk.fail(faults);
    await trial.traffic(objects);
    // Traffic alone may remove nothing.
    await trial.free(objects);
    expect(disk.heal()).toBeGreaterThan(0);
    await trial.readAll(objects);
    await trial.untilStoring();
  });

  it('errors are counted', async () => {
    expect(await metric(trial.lake.forebay, 'forebay_disk_errors_total')).toBeGreaterThan(0);
    expect(await metric(trial.lake.forebay, 'forebay_page_corruptions_total')).toBeGreaterThan(0);
  });

  describe('under a mount whose info is taken to hold for ever', () => {
    let lake: CachedBucket;
    let ownDisk: FaultyDisk;

    beforeAll(async () => {
      const dataDir = join(tempDir('faulty'), 'data');
      ownDisk = await faultyDisk(join(dataDir, 'cache'));
      lake = await startCachedBucket({ dataDir, env: ownDisk.env, freshness: 'freshness=immutable' });
    });
    afterAll(() => lake?.stop());

    it.each(lasting)('what is written while %s is what is read after a restart', async (_, faults) => {
      const { forebay } = lake;
      const objects = testObjects('lake/written', [{ count: 6, sizeBytes: 5000 }]);
      await storeAll(forebay, objects);
      expect(await faultsOfAll(lake.client, objects)).toEqual([]);
      // Another life: it finds what the first one knew in the info store, as after the faults.
      await untilQuiet(forebay);
      await forebay.restart();
      lake.proxy.reset();
      expect(await faultsOfAll(lake.client, objects)).toEqual([]);
      expect(lake.proxy.requests).toEqual([]);
      ownDisk.fail(faults);
      for (const object of objects) {
        const { status, code } = await lake.client.send(object.beginWrite());
        // Who cannot forget what was known may refuse to write, and then has not written.
        if (status === 200) object.settle();
        else expect([status, code, object.settleAs(object.settled)]).toEqual([503, 'SlowDown', true]);
      }
      expect(await faultsOfAll(lake.client, objects.slice(3))).toEqual([]);
      await forebay.kill9();
      ownDisk.heal();
      await forebay.restart();
      expect(await faultsOfAll(lake.client, objects)).toEqual([]);
    });
  });
});
