/**
 * The dashboard as people meet it: a real browser, a real Forebay with real requests, each page with true
 * figures, no complaint of the browser, nothing in the way of who uses the keyboard or a screen reader.
 */
import { dashboardFiles } from '@forebay/registry/admin/dashboard';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { askAdmin } from '../support/admin.ts';
import { DashboardPage, startBrowser } from '../support/browser.ts';
import { type CachedBucket, startCachedBucket } from '../support/cached-bucket.ts';
import { contentOf } from '../support/content.ts';
import { dashboardPages } from '../support/dashboard-pages.ts';
import { untilQuiet } from '../support/metrics.ts';
import { undocumentedAnswers } from '../support/openapi.ts';
import { needs } from '../support/tools.ts';

const KiB = 1024;
const objects = 6;
const reads = 4;

const looks = [
  { colorScheme: 'dark', device: 'phone' },
  { colorScheme: 'light', device: 'desk' },
] as const;

describe('dashboard', await needs('chromium', 'versitygw'), () => {
  let lake: CachedBucket;
  let browser: Browser;
  let dashboard: DashboardPage;

  beforeAll(async () => {
    lake = await startCachedBucket({ flags: ['--workers', '2'] });
    browser = await startBrowser();
    for (let index = 0; index < objects; index += 1) {
      await lake.direct.put(`/lake/images/${index}.jpg`, contentOf(index + 1, 64 * KiB));
    }
    for (let read = 0; read < reads; read += 1) {
      for (let index = 0; index < objects; index += 1) {
        await lake.client.send({ path: `/lake/images/${index}.jpg` });
        await untilQuiet(lake.forebay);
      }
    }
    dashboard = await DashboardPage.open(browser, lake.forebay);
  });
  afterAll(async () => {
    await browser?.close();
    await lake?.stop();
  });

  const text = (selector: string) => dashboard.page.locator(selector).textContent();

  it('lets nobody in with wrong keys, and says so', async () => {
    const other = await DashboardPage.open(browser, lake.forebay);
    await other.page.getByLabel('Secret key or token').fill('not-the-secret');
    await other.page.getByRole('button', { name: 'Sign in' }).click();
    await other.page.getByText('These keys are not accepted.').waitFor();
    expect(await other.barriers()).toEqual([]);
    await other.close();
  });

  it('is there with few requests and little script', async ({ annotate }) => {
    const other = await DashboardPage.open(browser, lake.forebay);
    await other.page.getByRole('button', { name: 'Sign in' }).waitFor();
    const { requests, scriptBytes, firstPaintMs, loadedMs } = await other.cost();
    expect(requests).toBeLessThanOrEqual(dashboardFiles().size);
    expect(scriptBytes).toBeGreaterThan(50 * KiB);
    expect(scriptBytes).toBeLessThan(200 * KiB);
    await annotate(`first text after ${firstPaintMs} ms, loaded after ${loadedMs} ms`);
    await other.close();
  });

  it('shows what was really served', async () => {
    await dashboard.signIn(lake.forebay);
    const hits = objects * (reads - 1);
    await dashboard.page.getByText(`${hits} of ${objects * reads} reads`).waitFor();
    expect(await text('#hit-ratio')).toBe('75.0 %');
    expect(await text('#byte-ratio')).toBe('75.0 %');
    expect(Number(await text('#ufs-requests'))).toBe(lake.proxy.requests.length);
    await dashboard.page.getByRole('img', { name: /^Throughput by source: memory/ }).waitFor();
  });

  it('shows what share of a prefix and of an object is cached, and frees it', async () => {
    const { page } = dashboard;
    await lake.direct.put('/lake/images/unread.jpg', contentOf(100, 64 * KiB));
    await dashboard.visit('objects', 'Objects');
    await page.getByRole('link', { name: 'lake' }).click();
    const images = page.getByRole('row', { name: /^images\// });
    expect(await images.textContent()).toContain(`${objects} of ${objects + 1}`);
    expect(await images.textContent()).toContain('86 %');
    await page.getByRole('link', { name: 'images/' }).click();
    expect(await page.getByRole('row', { name: /^unread.jpg/ }).textContent()).toContain('0 %');
    await page.getByRole('link', { name: '3.jpg' }).click();
    await page.getByText('1 of 1 pages cached').first().waitFor();
    expect(await page.locator('.figure').textContent()).toBe('HIT');
    await page.getByRole('button', { name: 'Free from the cache' }).click();
    await page.getByRole('button', { name: 'Free', exact: true }).click();
    await page.getByText('1 pages, 64.0 KiB freed').waitFor();
    await page.getByText('MISS').waitFor();
  });

  it('shows what is asked for most, what was slow and why, and the log', async () => {
    const { page } = dashboard;
    await dashboard.visit('hot', 'Hot');
    const hot = page.getByRole('row', { name: /^s3:\/\/lake\/images\/ / });
    expect(await hot.textContent()).toContain(String(objects * reads));
    await dashboard.visit('slow', 'Slow requests');
    await page.getByText('it was not cached: the UFS had to answer first').first().waitFor();
    await dashboard.visit('logs', 'Logs');
    await page.getByRole('listitem').filter({ hasText: 'freed' }).waitFor();
    await page.getByLabel('With the words').fill('images/3.jpg');
    // What was freed, and that somebody asked for it.
    await expect.poll(() => page.locator('.log li').count()).toBe(2);
  });

  it('tells what caches of other sizes would have answered', async () => {
    await dashboard.visit('size', 'Cache size');
    await dashboard.page.getByText(`from ${objects * reads} of them`).waitFor();
    const now = dashboard.page.getByRole('row', { name: /as now/ });
    expect(await now.textContent()).toContain('75.0 %');
  });

  it('begins a job, follows it, and shows what came of it', async () => {
    const { page } = dashboard;
    await dashboard.visit('jobs', 'Jobs');
    await page.getByLabel('Keys').fill('s3://lake/images/');
    await page.getByRole('button', { name: 'Begin' }).click();
    await page.getByRole('row', { name: /^load .* done/ }).waitFor();
    expect(await dashboard.barriers()).toEqual([]);
    await page.getByRole('link', { name: /^load / }).click();
    await page.getByRole('heading', { name: 'load: done' }).waitFor();
    const facts = await page.getByRole('main').textContent();
    expect(facts).toContain('loaded2skipped');
    expect(facts).toContain(`skipped${objects - 1}failed0`);
    expect(await dashboard.barriers()).toEqual([]);
  });

  it('asks an API that answers as its OpenAPI document says', async () => {
    expect(await undocumentedAnswers((path) => askAdmin(lake.forebay, path))).toEqual([]);
  });

  it('shows the node, and that all is well', async () => {
    const { page } = dashboard;
    await dashboard.visit('nodes', 'Nodes');
    await page.getByText('100.0 %').waitFor();
    await dashboard.visit('alerts', 'Alerts');
    await page.getByText('All is well.').waitFor();
  });

  it('says what was saved, by prices that are set here, and keeps who set them', async () => {
    const { page } = dashboard;
    await dashboard.visit('overview', 'Overview');
    await page.getByText('Prices, in USD').click();
    await page.getByLabel('Per GiB read').fill('0');
    await page.getByLabel('Per GiB read').blur();
    await page.getByLabel('Per 1,000 reads').fill('1000');
    await page.getByLabel('Per 1,000 reads').blur();
    const avoided = page
      .locator('dt', { hasText: 'UFS requests avoided' })
      .locator('xpath=following-sibling::dd[1]');
    const requests = Number(await avoided.textContent());
    await page.getByText(`USD ${requests.toFixed(2)}`).waitFor();
    await dashboard.visit('settings', 'Settings');
    const change = page.getByRole('row', {
      name: new RegExp(`${lake.forebay.accessKey} setting.set priceThousandReads`),
    });
    await change.waitFor();
    await page.getByRole('button', { name: 'Take back priceThousandReads' }).click();
    await page.getByRole('button', { name: 'Take back priceThousandReads' }).waitFor({ state: 'detached' });
  });

  it('mounts and unmounts', async () => {
    await dashboard.visit('mounts', 'Mounts');
    const { page } = dashboard;
    await page.getByLabel('Path').fill('/more');
    await page.getByLabel('UFS URI').fill('nonsense://x');
    await page.getByRole('button', { name: 'Mount', exact: true }).click();
    await page.getByRole('alert').waitFor();
    await page.getByLabel('UFS URI').fill(`file://${lake.server.directory}`);
    await page.getByRole('button', { name: 'Mount', exact: true }).click();
    await page.getByRole('button', { name: 'Unmount /more' }).click();
    expect(await dashboard.barriers()).toEqual([]);
    await page.getByRole('dialog').getByRole('button', { name: 'Unmount' }).click();
    await page.getByRole('button', { name: 'Unmount /more' }).waitFor({ state: 'detached' });
  });

  it.each(looks)('has nothing in the way of anybody: $colorScheme, $device', async (look) => {
    const other = await DashboardPage.open(browser, lake.forebay, look);
    await other.signIn(lake.forebay);
    for (const [route, heading] of dashboardPages) {
      await other.visit(route, heading);
      expect(await other.barriers(), route).toEqual([]);
      expect(await other.overflowPx(), route).toBeLessThanOrEqual(0);
    }
    expect(other.complaints).toEqual([]);
    await other.close();
  });

  it('is used with the keyboard alone', async () => {
    const { page } = dashboard;
    await dashboard.visit('overview', 'Overview');
    await page.reload();
    await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Skip to the page');
    for (let presses = 0; presses < 3; presses += 1) await page.keyboard.press('Tab');
    await page.getByRole('link', { name: 'Mounts' }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'Mounts' }).waitFor();
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Mounts');
  });

  it('gave the browser nothing to complain of', () => {
    const refused = /status of 4(00|01)/;
    expect(dashboard.complaints.filter((text) => !refused.test(text))).toEqual([]);
  });
});
