/**
 * The dashboard as people meet it: a real browser, a real Forebay with real requests, each page with true
 * figures, no complaint of the browser, nothing in the way of who uses the keyboard or a screen reader.
 */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DashboardPage, startBrowser } from '../support/browser.ts';
import { type CachedBucket, startCachedBucket } from '../support/cached-bucket.ts';
import { contentOf } from '../support/content.ts';
import { untilQuiet } from '../support/metrics.ts';
import { needs } from '../support/tools.ts';

const KiB = 1024;
const objects = 6;
const reads = 4;

/** Route and heading of each page. */
const pages = [
  ['overview', 'Overview'],
  ['mounts', 'Mounts'],
] as const;

describe('dashboard', await needs('chromium', 'versitygw'), () => {
  let lake: CachedBucket;
  let browser: Browser;
  let dashboard: DashboardPage;

  beforeAll(async () => {
    lake = await startCachedBucket();
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

  it('shows what was really served', async () => {
    await dashboard.signIn(lake.forebay);
    const hits = objects * (reads - 1);
    await dashboard.page.getByText(`${hits} of ${objects * reads} reads`).waitFor();
    expect(await text('#hit-ratio')).toBe('75.0 %');
    expect(await text('#byte-ratio')).toBe('75.0 %');
    expect(Number(await text('#ufs-requests'))).toBe(lake.proxy.requests.length);
    await dashboard.page.getByRole('img', { name: /^Throughput by source: memory/ }).waitFor();
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

  it.each(pages)('has nothing in the way at %s, in dark, light and on a phone', async (route, heading) => {
    for (const looks of [{ colorScheme: 'dark', device: 'phone' }, { colorScheme: 'light' }] as const) {
      const other = await DashboardPage.open(browser, lake.forebay, looks);
      await other.signIn(lake.forebay);
      await other.visit(route, heading);
      expect(await other.barriers()).toEqual([]);
      expect(await other.overflowPx()).toBeLessThanOrEqual(0);
      expect(other.complaints).toEqual([]);
      await other.close();
    }
  });

  it('is used with the keyboard alone', async () => {
    const { page } = dashboard;
    await page.goto(`${lake.forebay.admin}/#/overview`);
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
