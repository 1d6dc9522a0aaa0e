/**
 * `npm run screenshots`: pictures of the dashboard for the documentation, docs/images/*.png, of a real Forebay
 * with a sample lake behind it and requests of a minute.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Browser } from 'playwright-core';
import { DashboardPage, type Looks, startBrowser } from '../test/support/browser.ts';
import { type CachedBucket, startCachedBucket } from '../test/support/cached-bucket.ts';
import { contentOf } from '../test/support/content.ts';

const directory = join(import.meta.dirname, '../docs/images');
const KiB = 1024;
const MiB = 1024 * KiB;
const imageCount = 200;
const seconds = 60;
const requestsPerSecond = 40;

/** Name of the picture, route and heading. */
const pictures: readonly (readonly [name: string, route: string, heading: string, looks?: Looks])[] = [
  ['overview', 'overview', 'Overview'],
  ['overview-phone', 'overview', 'Overview', { colorScheme: 'dark', device: 'phone' }],
  ['object', 'objects?bucket=lake&object=models/weights.bin', 'Objects'],
  ['cache-size', 'size', 'Cache size'],
];

const lake = await startCachedBucket({ flags: ['--memory-size', '16MiB', '--cache-size', '40MiB'] });
const browser = await startBrowser();
try {
  await fill(lake);
  await ask(lake);
  mkdirSync(directory, { recursive: true });
  for (const picture of pictures) await take(browser, lake, picture);
} finally {
  await browser.close();
  await lake.stop();
}

async function fill({ direct }: CachedBucket): Promise<void> {
  for (let image = 0; image < imageCount; image += 1) {
    await direct.put(`/lake/images/${image}.jpg`, contentOf(image + 1, 256 * KiB));
  }
  await direct.put('/lake/models/weights.bin', contentOf(1000, 64 * MiB));
  await direct.put('/lake/tables/trips.parquet', contentOf(1001, 16 * MiB));
}

/** Images by an uneven choice, the table's end, and now and then a part of the model. */
async function ask({ client }: CachedBucket): Promise<void> {
  for (let second = 0; second < seconds; second += 1) {
    const startedMs = performance.now();
    for (let request = 0; request < requestsPerSecond; request += 1) {
      const image = Math.floor(imageCount * Math.random() ** 3);
      await client.send({ path: `/lake/images/${image}.jpg` });
    }
    await client.send({ path: '/lake/tables/trips.parquet', headers: { range: 'bytes=-65536' } });
    const start = Math.floor(Math.random() * 32) * MiB;
    const headers = { range: `bytes=${start}-${start + MiB - 1}` };
    await client.send({ path: '/lake/models/weights.bin', headers });
    await wait(Math.max(0, 1000 - (performance.now() - startedMs)));
  }
}

async function take(
  of: Browser,
  { forebay }: CachedBucket,
  [name, route, heading, looks]: (typeof pictures)[number],
): Promise<void> {
  const dashboard = await DashboardPage.open(of, forebay, looks);
  await dashboard.signIn(forebay);
  await dashboard.visit(route, heading);
  await wait(1500);
  const path = join(directory, `${name}.png`);
  await dashboard.page.screenshot({
    path,
    fullPage: name.startsWith('overview') && looks?.device !== 'phone',
  });
  console.log(path);
  await dashboard.close();
}
