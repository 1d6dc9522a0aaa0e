/** Directories of the cache that are removed or exchanged while it runs: clients notice nothing. */
import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DiskTrial } from '../faults/disk-trial.ts';
import { Random } from '../support/random.ts';
import { filesBelow, pagesBelow } from '../support/stored-files.ts';
import { needs } from '../support/tools.ts';

const seed = Math.floor(Math.random() * 2 ** 31);
let moved = 0;

const ways: readonly (readonly [string, (directory: string) => void])[] = [
  ['removed', (directory) => rmSync(directory, { recursive: true, force: true })],
  [
    'exchanged for an empty one',
    (directory) => {
      moved += 1;
      renameSync(directory, `${directory}-${moved}`);
      mkdirSync(directory);
    },
  ],
];

describe(`a directory that goes (seed ${seed})`, await needs('versitygw'), () => {
  let trial: DiskTrial;
  const pathOf = (below: string) => join(trial.lake.forebay.dataDir, below);

  beforeAll(async () => {
    trial = await DiskTrial.start(new Random(seed));
  });
  afterAll(() => trial?.stop());

  describe.each(ways)('because it is %s', (_, take) => {
    it.each([
      ['pages', pagesBelow],
      ['the whole cache', 'cache'],
    ])('that of %s, harms no answer, and what is read is stored again', async (_of, below) => {
      const objects = [...(await trial.cachedObjects()), ...(await trial.coldObjects())];
      expect(filesBelow(pathOf(below)).length).toBeGreaterThan(0);
      const traffic = trial.traffic(objects, 200);
      take(pathOf(below));
      await traffic;
      await trial.readAll(objects);
      await trial.untilStoring();
      expect(filesBelow(pathOf(pagesBelow)).length).toBeGreaterThan(0);
      await trial.lake.forebay.kill9();
      await trial.lake.forebay.restart();
      await trial.readAll(objects);
      await trial.traffic(objects);
    });
  });
});
