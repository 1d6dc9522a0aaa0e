/**
 * The dashboard of a cluster: a real browser at the registry, requests through two gateways to three nodes,
 * and every page with the true figures of all of them together.
 */
import type { NodeView } from '@forebay/registry/cluster/node-views';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DashboardPage, startBrowser } from '../support/browser.ts';
import { Cluster, clusterKeys } from '../support/cluster/cluster.ts';
import { contentOf } from '../support/content.ts';
import { type CountingProxy, startCountingProxy } from '../support/counting-proxy.ts';
import { dashboardPages } from '../support/dashboard-pages.ts';
import { s3Mount } from '../support/forebay-process.ts';
import { undocumentedAnswers } from '../support/openapi.ts';
import { type S3Server, startVersitygw } from '../support/servers.ts';
import { needs } from '../support/tools.ts';
import { until } from '../support/until.ts';
import { WireClient } from '../support/wire-client.ts';

const KiB = 1024;
const MiB = 1024 * KiB;
const images = 6;
const rounds = 4;
const segments = 6;
const reads = images * rounds + 1;
/** Pages that show more of a cluster than of one process. */
const differs = /^(overview|objects\?|nodes|slow|logs)/;
const hits = images * (rounds - 1);

describe('dashboard of a cluster', await needs('chromium', 'versitygw'), () => {
  let server: S3Server;
  let proxy: CountingProxy;
  let cluster: Cluster;
  let browser: Browser;
  let dashboard: DashboardPage;
  let direct: WireClient;
  const admin = () => ({ admin: cluster.registries[0]!.adminUrl });
  const nodesNow = () => cluster.ask<NodeView[]>('GET', '/api/v1/nodes');

  beforeAll(async () => {
    server = await startVersitygw();
    await server.createBucket('lake');
    proxy = await startCountingProxy({ target: server });
    direct = new WireClient(server);
    for (let image = 0; image < images; image += 1) {
      await direct.send({
        method: 'PUT',
        path: `/lake/images/${image}.jpg`,
        body: contentOf(image, 64 * KiB),
      });
    }
    await direct.send({ method: 'PUT', path: '/lake/large.bin', body: contentOf(9, segments * MiB) });
    const { mount, env } = s3Mount('/lake', proxy, 'lake');
    cluster = await Cluster.start({
      ...{ nodes: 3, gateways: 2, env, networkKind: 'proxies' },
      flags: { registry: ['--segment-size', '1MiB'] },
      mounts: [{ path: '/lake', ufs: `${mount.slice('/lake='.length)}&ttl=1h&hedge=off` }],
    });
    const clients = [0, 1].map((gateway) => new WireClient(cluster.endpoint(gateway)));
    const get = async (read: number, path: string) =>
      expect((await clients[read % 2]!.send({ path })).status).toBe(200);
    for (let round = 0; round < rounds; round += 1) {
      for (let image = 0; image < images; image += 1) await get(round + image, `/lake/images/${image}.jpg`);
    }
    await get(0, '/lake/large.bin');
    for (const client of clients) client.close();
    browser = await startBrowser();
    dashboard = await DashboardPage.open(browser, admin());
    await dashboard.signIn(clusterKeys);
  });
  afterAll(async () => {
    await browser?.close();
    direct?.close();
    await cluster?.stop();
    await proxy?.stop();
    await server?.stop();
  });

  it('adds up what all gateways and nodes did', async () => {
    await dashboard.page.getByText(`${hits} of ${reads} reads`).waitFor();
    const asked = Number(await dashboard.page.locator('#ufs-requests').textContent());
    expect(asked).toBe(proxy.requests.length);
  });

  it('browses what all nodes have, and says which of them has which part', async () => {
    const { page } = dashboard;
    await direct.send({ method: 'PUT', path: '/lake/images/unread.jpg', body: contentOf(100, 64 * KiB) });
    await dashboard.visit('objects', 'Objects');
    await page.getByRole('link', { name: 'lake' }).click();
    expect(await page.getByRole('row', { name: /^images\// }).textContent()).toContain(
      `86 %384 KiB${images} of ${images + 1}`,
    );
    expect(await page.getByRole('row', { name: /^large.bin/ }).textContent()).toContain('100 %');
    await page.getByRole('link', { name: 'large.bin' }).click();
    await page.getByText(`${segments} of ${segments} pages cached`).first().waitFor();
    const rows = await page
      .getByRole('region', { name: 'Pages by node' })
      .locator('tbody tr')
      .allTextContents();
    const ids = (await nodesNow()).filter(({ role }) => role === 'cache-node').map(({ id }) => id);
    const byNode = rows.map((row) => row.slice(0, ids[0]!.length));
    expect(byNode.length).toBeGreaterThan(1);
    expect(ids).toEqual(expect.arrayContaining(byNode));
    expect(await page.locator('.segments > span').count()).toBe(segments);
  });

  it('tells what is hot and slow through any gateway, and how large the cache should be', async () => {
    const { page } = dashboard;
    await dashboard.visit('hot', 'Hot');
    const hot = page.getByRole('row', { name: /^s3:\/\/lake\/images\/ / });
    expect(await hot.textContent()).toContain(String(images * rounds));
    await dashboard.visit('slow', 'Slow requests');
    const gateways = (await nodesNow()).filter(({ role }) => role === 'gateway');
    for (const { id } of gateways) await page.getByText(id).first().waitFor();
    await dashboard.visit('size', 'Cache size');
    const words = await page.getByText('Share of page reads').textContent();
    // One that was late, and was sent to another node as well, counts at both.
    expect(Number(/from (\d+) of them/.exec(words!)![1])).toBeGreaterThanOrEqual(images * rounds + segments);
  });

  it('shows the logs of all members, and of one', async () => {
    const { page } = dashboard;
    await dashboard.visit('logs', 'Logs');
    const from = page.getByLabel('From');
    const members = (await nodesNow()).map(({ id }) => id);
    await expect
      .poll(() => from.locator('option').allTextContents())
      .toEqual(['all of the cluster', ...[...members, 'registry'].sort()]);
    await from.selectOption(members[0]!);
    expect(new Set(await page.locator('.log li > :last-child').allTextContents())).toEqual(
      new Set([members[0]]),
    );
  });

  it('begins a job, which the nodes do', async () => {
    const { page } = dashboard;
    await dashboard.visit('jobs', 'Jobs');
    await page.getByLabel('Keys').fill('s3://lake/images/');
    await page.getByRole('button', { name: 'Begin' }).click();
    await page.getByRole('row', { name: /^load .* done/ }).waitFor();
    await page.getByRole('link', { name: /^load / }).click();
    const facts = page.getByRole('main');
    await facts.getByText('load: done').waitFor();
    // Images that were cached are read again where a lease has lapsed on a busy machine.
    const counts = /total(\d+)loaded(\d+)skipped(\d+)failed0/.exec((await facts.textContent())!)!;
    const [total, loaded, skipped] = counts.slice(1).map(Number);
    expect(total).toBe(images + 1);
    expect(loaded! + skipped!).toBe(total);
  });

  it('answers as its OpenAPI document says', async () => {
    expect(await undocumentedAnswers((path) => cluster.ask('GET', path))).toEqual([]);
  });

  it('has nothing in the way of anybody, on a phone in the dark', async () => {
    const phone = await DashboardPage.open(browser, admin(), { colorScheme: 'dark', device: 'phone' });
    await phone.signIn(clusterKeys);
    for (const [route, heading] of dashboardPages.filter(([name]) => differs.test(name))) {
      await phone.visit(route, heading);
      expect(await phone.barriers(), route).toEqual([]);
      expect(await phone.overflowPx(), route).toBeLessThanOrEqual(0);
    }
    expect(phone.complaints).toEqual([]);
    await phone.close();
  });

  it('drains a node, and has it back', async () => {
    const { page } = dashboard;
    await dashboard.visit('nodes', 'Nodes');
    const [node] = (await nodesNow()).filter(({ role }) => role === 'cache-node');
    await page.getByRole('button', { name: `Drain ${node!.id}` }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Drain', exact: true }).click();
    await page.getByRole('button', { name: `Take ${node!.id} back` }).click();
    await page.getByRole('button', { name: `Drain ${node!.id}` }).waitFor();
  });

  it('goes on without a node that was killed, says so, and shows it as silent', async () => {
    const { page } = dashboard;
    const killed = cluster.nodes[0]!;
    const { id } = (await nodesNow()).find(({ adminAddress }) => killed.adminUrl.endsWith(adminAddress!))!;
    await killed.kill9();
    await dashboard.visit('hot', 'Hot');
    await dashboard.visit('overview', 'Overview');
    await page.getByText(`Without what ${id} would tell`).waitFor();
    await until('its lease is over', async () =>
      (await nodesNow()).some((node) => node.id === id && node.state === 'silent'),
    );
    await dashboard.visit('nodes', 'Nodes');
    await page.locator('section', { hasText: id }).getByText('silent', { exact: true }).waitFor();
    await dashboard.visit('alerts', 'Alerts');
    await page.getByText(`The cache node ${id} is silent`).waitFor();
    expect(await dashboard.barriers()).toEqual([]);
  });

  it('gave the browser nothing to complain of', () => expect(dashboard.complaints).toEqual([]));
});
