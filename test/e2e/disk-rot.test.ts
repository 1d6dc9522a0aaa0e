/**
 * Files of the cache that rot: flipped bits, lost blocks, cut, exchanged and removed files, while it runs and
 * across restarts, after good ends and bad ones. Every answer is right, and what was spoilt is good again
 * afterwards.
 */
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DiskTrial } from '../faults/disk-trial.ts';
import { metric, untilQuiet } from '../support/metrics.ts';
import { Random } from '../support/random.ts';
import { filesBelow, flipBit, pagesBelow, sizeOf, wound } from '../support/stored-files.ts';
import { needs } from '../support/tools.ts';

const seed = Math.floor(Math.random() * 2 ** 31);

describe(`files of the cache that rot (seed ${seed})`, await needs('versitygw'), () => {
  const random = new Random(seed);
  let trial: DiskTrial;

  beforeAll(async () => {
    trial = await DiskTrial.start(random);
  });
  afterAll(() => trial?.stop());

  const cacheFiles = () => filesBelow(join(trial.lake.forebay.dataDir, 'cache'));
  const pageFiles = () => filesBelow(join(trial.lake.forebay.dataDir, pagesBelow));
  const corruptions = () => metric(trial.lake.forebay, 'forebay_page_corruptions_total');

  /** One wound in every file, or in a few. */
  function spoil(files: readonly string[], share: number): void {
    const spoilt = files.filter(() => random.chance(share)).map((path) => wound(path, files, random));
    expect(spoilt.filter((what) => what !== undefined).length).toBeGreaterThan(0);
  }

  it('a bit flipped in every file of pages is found before a byte is sent, counted, and made good', async () => {
    const objects = await trial.cachedObjects();
    const flipped = pageFiles().filter((path) => flipBit(path, random));
    expect(flipped.length).toBeGreaterThan(0);
    await trial.readAll(objects);
    const found = await corruptions();
    expect(found).toBeGreaterThan(0);
    await untilQuiet(trial.lake.forebay);
    trial.lake.proxy.reset();
    await trial.readAll(objects);
    expect(await corruptions()).toBe(found);
    expect(trial.lake.proxy.requests).toEqual([]);
  });

  it('wounds of all kinds while it reads and writes harm no answer', async () => {
    const objects = await trial.cachedObjects();
    for (let round = 0; round < 3; round += 1) {
      const traffic = trial.traffic(objects, 200);
      spoil(cacheFiles(), 0.3);
      await traffic;
      await trial.readAll(objects);
    }
    await trial.untilStoring();
  });

  it.each([
    ['stops', () => trial.lake.forebay.stop()],
    ['is killed', () => trial.lake.forebay.kill9()],
  ])('wounds of all kinds after it %s harm no answer, and it starts', async (_, end) => {
    for (const share of [0.2, 1]) {
      const objects = await trial.cachedObjects();
      await end();
      spoil(cacheFiles(), share);
      await trial.lake.forebay.restart();
      await trial.readAll(objects);
      await trial.traffic(objects);
      await trial.untilStoring();
    }
  });

  it('files that are no files of a cache do no harm', async () => {
    const objects = await trial.cachedObjects();
    await trial.lake.forebay.kill9();
    const files = cacheFiles();
    for (const path of files)
      if (random.chance(0.5)) plant(`${path}${random.pick(['.tmp', '~', '.1'])}`, path);
    await trial.lake.forebay.restart();
    await trial.readAll(objects);
    await trial.untilStoring();
  });
});

/** A stranger's file, or a copy of one of ours under another name. */
function plant(path: string, ours: string): void {
  if (sizeOf(ours) % 2 === 0) copyFileSync(ours, path);
  else writeFileSync(path, 'not ours');
}
