/** A disk that is full, and one that turns read-only: clients notice nothing, and it is used again after. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { MiB } from '@forebay/core/bytes';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { metric } from '../support/metrics.ts';
import { Random } from '../support/random.ts';
import { mountSmallDisk, type SmallDisk } from '../support/small-disk.ts';
import { pagesBelow } from '../support/stored-files.ts';
import { tempDir } from '../support/temp.ts';
import { needs } from '../support/tools.ts';
import { DiskTrial } from './disk-trial.ts';

const seed = Math.floor(Math.random() * 2 ** 31);
const diskBytes = 48 * MiB;

describe(`a small disk (seed ${seed})`, await needs('versitygw'), () => {
  let disk: SmallDisk;
  let trial: DiskTrial;

  async function start(below: string): Promise<void> {
    const dataDir = join(tempDir('small-disk'), 'data');
    mkdirSync(dataDir);
    disk = mountSmallDisk(join(dataDir, below), diskBytes);
    trial = await DiskTrial.start(new Random(seed), { dataDir });
  }

  async function stop(): Promise<void> {
    disk?.makeWritable();
    disk?.makeRoom();
    await trial?.stop().catch(() => undefined);
    disk?.unmount();
  }

  const objectsOfBothKinds = async () => [...(await trial.cachedObjects()), ...(await trial.coldObjects())];

  describe.each([
    ['the data directory', '.'],
    ['the cache', 'cache'],
  ])('for %s, filled by a stranger', (_, below) => {
    const notStored = () => metric(trial.lake.forebay, 'forebay_pages_not_stored_total');

    beforeAll(() => start(below));
    afterEach(() => disk?.makeRoom());
    afterAll(stop);

    it('while it runs, is read from, the rest comes from the UFS, and with room it is used again', async () => {
      const objects = await objectsOfBothKinds();
      const before = await notStored();
      disk.fillUp();
      await trial.traffic(objects);
      expect(await notStored()).toBeGreaterThan(before);
      disk.makeRoom();
      await trial.readAll(objects);
      await trial.untilStoring();
    });
  });

  // The registry's records are no cache: where these have no room, a start says so and ends.
  describe('for the cache, filled by a stranger before a start', () => {
    beforeAll(() => start('cache'));
    afterAll(stop);

    it('is read from, the rest comes from the UFS, and with room it is used again', async () => {
      const objects = await objectsOfBothKinds();
      disk.fillUp();
      await trial.traffic(objects, 20);
      await trial.lake.forebay.kill9();
      await trial.lake.forebay.restart();
      await trial.traffic(objects);
      disk.makeRoom();
      await trial.untilStoring();
    });
  });

  // While files are open for writing no file system turns read-only by remount: disk-errors.test.ts does it
  // then.
  describe.each([
    ['pages', pagesBelow],
    ['the cache', 'cache'],
  ])('for %s, read-only at the start', (_, below) => {
    beforeAll(() => start(below));
    afterAll(stop);

    it('is read from, the rest comes from the UFS, and once writable it is used again', async () => {
      const objects = await objectsOfBothKinds();
      await trial.lake.forebay.stop();
      disk.makeReadOnly();
      await trial.lake.forebay.restart();
      await trial.traffic(objects);
      disk.makeWritable();
      await trial.readAll(objects);
      await trial.untilStoring();
    });
  });
});
