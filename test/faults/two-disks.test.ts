/**
 * Two page directories, of which one fails or is taken away while clients read: no answer is wrong, what is
 * read is kept in the other, and the first is used again once it is back.
 */
import { mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type FaultyDisk, faultyDisk } from '../support/faulty-disk.ts';
import { metric } from '../support/metrics.ts';
import { Random } from '../support/random.ts';
import { tempDir } from '../support/temp.ts';
import { needs } from '../support/tools.ts';
import { until } from '../support/until.ts';
import { DiskTrial } from './disk-trial.ts';

const seed = Math.floor(Math.random() * 2 ** 31);
/** A directory that failed again and again is tried less and less often. */
const comesBackMs = 150_000;

describe(`two page directories (seed ${seed})`, await needs('versitygw'), () => {
  let first: string;
  let second: string;
  let disk: FaultyDisk;
  let trial: DiskTrial;

  beforeAll(async () => {
    const root = tempDir('two-disks');
    [first, second] = [join(root, 'first'), join(root, 'second')];
    mkdirSync(first);
    disk = await faultyDisk(first);
    const flags = ['--cache-dir', `${first}=48MiB`, '--cache-dir', `${second}=48MiB`];
    trial = await DiskTrial.start(new Random(seed), { env: disk.env, flags });
  });
  afterEach(() => disk?.heal());
  afterAll(() => trial?.stop());

  const bytesIn = (directory: string) => metric(trial.lake.forebay, 'forebay_directory_bytes', { directory });
  const stateOf = (directory: string) => metric(trial.lake.forebay, 'forebay_directory_state', { directory });
  const untilFirst = (what: string, isIt: (state: number) => boolean) =>
    until(`the first is ${what}`, async () => isIt(await stateOf(first)), comesBackMs);

  async function untilFirstStores(): Promise<void> {
    await untilFirst('in use again', (state) => state === 1);
    const before = await bytesIn(first);
    const isStoring = async () => {
      await trial.cachedObjects();
      return (await bytesIn(first)) > before;
    };
    await until('pages are stored there', isStoring, comesBackMs);
  }

  it('one fails with I/O errors: the other is used, and it again once it is healthy', async () => {
    const objects = [...(await trial.cachedObjects()), ...(await trial.coldObjects())];
    disk.fail({ reads: 'EIO', writes: 'EIO', opens: 'EIO', removes: 'EIO' });
    await trial.traffic(objects);
    await untilFirst('out of use', (state) => state === 0);
    const before = await bytesIn(second);
    await trial.untilStoring();
    expect(await bytesIn(second)).toBeGreaterThan(before);
    expect(await stateOf(second)).toBe(1);
    disk.heal();
    await trial.readAll(objects);
    await untilFirstStores();
  });

  it('one is taken away: it is made anew, and all that was in the other is still there', async () => {
    const objects = [...(await trial.cachedObjects()), ...(await trial.coldObjects())];
    const before = await bytesIn(second);
    expect(before).toBeGreaterThan(0);
    renameSync(first, `${first}-away`);
    await trial.traffic(objects);
    await trial.readAll(objects);
    await trial.untilStoring();
    expect(await bytesIn(second)).toBeGreaterThanOrEqual(before);
    await untilFirstStores();
  });
});
