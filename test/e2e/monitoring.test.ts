/**
 * A real Prometheus reads one `forebay serve` and a small cluster with the configurations, rules and
 * dashboards of deploy/. The rules wait for nothing here (`for` is left out), so that they fire at once.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { declaredBy } from '../../scripts/docs-metrics.ts';
import { allRules, prometheusDirectory, ruleGroups } from '../../scripts/rules.ts';
import { Cluster, clusterKeys } from '../support/cluster/cluster.ts';
import { type ForebayProcess, s3Mount, startForebay } from '../support/forebay-process.ts';
import { type MemoryS3, startMemoryS3 } from '../support/memory-s3.ts';
import { metricsText } from '../support/metrics.ts';
import { type Prometheus, promtool, startPrometheus } from '../support/prometheus.ts';
import { panelExpressions } from '../support/promql.ts';
import { type S3Endpoint, s3ClientFor } from '../support/servers.ts';
import { tempDir } from '../support/temp.ts';
import { needs } from '../support/tools.ts';
import { until } from '../support/until.ts';

const metricsToken = 'a-token-for-prometheus-alone';
const every = '1s';

interface ScrapeConfig {
  readonly job_name: string;
  authorization?: { credentials_file: string };
  basic_auth?: { username: string; password_file: string };
  static_configs: { targets: string[]; labels?: Record<string, string> }[];
}

/** The configuration as it stands in deploy/, for the processes of this test. */
function configFor(serve: ForebayProcess, cluster: Cluster): string {
  const directory = tempDir('monitoring');
  const write = (name: string, text: string) => {
    writeFileSync(join(directory, name), text);
    return join(directory, name);
  };
  const jobsOf = (name: string) => {
    const text = readFileSync(new URL(name, prometheusDirectory), 'utf8');
    return (parse(text) as { scrape_configs: ScrapeConfig[] }).scrape_configs;
  };
  const targets: Record<string, readonly string[]> = {
    forebay: [serve.admin],
    'forebay-registry': cluster.registries.map(({ adminUrl }) => adminUrl),
    'forebay-cache-node': cluster.nodes.map(({ adminUrl }) => adminUrl),
    'forebay-gateway': cluster.gateways.map(({ adminUrl }) => adminUrl),
  };
  const jobs = [...jobsOf('serve.yml'), ...jobsOf('prometheus.yml')];
  for (const job of jobs) {
    const [place] = job.static_configs;
    place!.targets = targets[job.job_name]!.map((url) => new URL(url).host);
    if (job.authorization) job.authorization.credentials_file = write('token', metricsToken);
    if (job.basic_auth) {
      job.basic_auth = { username: serve.accessKey, password_file: write('secret', serve.secretKey) };
    }
  }
  const groups = ruleGroups().groups.map(({ name, rules }) => ({
    ...{ name, interval: every },
    rules: rules.map(({ for: _, ...rule }) => rule),
  }));
  return stringify({
    global: { scrape_interval: every, scrape_timeout: every, evaluation_interval: every },
    rule_files: [write('rules.yml', stringify({ groups }))],
    scrape_configs: jobs,
  });
}

/** Writes, misses, hits and lists. */
async function useIt(endpoint: S3Endpoint, prefix: string): Promise<void> {
  const client = s3ClientFor(endpoint);
  const Bucket = 'lake';
  for (let index = 0; index < 5; index += 1) {
    const Key = `${prefix}/${index}`;
    await client.send(new PutObjectCommand({ Bucket, Key, Body: Buffer.alloc(100_000, index) }));
    for (let read = 0; read < 3; read += 1) {
      const { Body } = await client.send(new GetObjectCommand({ Bucket, Key }));
      await Body!.transformToByteArray();
    }
  }
  await client.send(new ListObjectsV2Command({ Bucket, Prefix: prefix }));
  client.destroy();
}

describe('monitoring', await needs('prometheus'), () => {
  let ufs: MemoryS3;
  let serve: ForebayProcess;
  let cluster: Cluster;
  let prometheus: Prometheus;

  beforeAll(async () => {
    ufs = await startMemoryS3({});
    const { mount, env } = s3Mount('/lake', ufs, 'lake');
    const [path, uri] = mount.split(/=(.*)/s) as [string, string];
    [serve, cluster] = await Promise.all([
      startForebay({
        mounts: [mount],
        flags: ['--ufs-circuit-failures-max', '1', '--ufs-circuit-backoff', '30s', '--workers', '2'],
        env,
      }),
      Cluster.start({
        ...{ nodes: 1, gateways: 1, networkKind: 'proxies', mounts: [{ path, ufs: uri }] },
        env: { ...env, FOREBAY_METRICS_TOKEN: metricsToken },
      }),
    ]);
    prometheus = await startPrometheus(configFor(serve, cluster));
    await until('all is scraped', async () => (await prometheus.query('count(up == 1)'))[0]?.value === 4);
    // A rate wants two samples that differ, and a series begins with its first use.
    for (const [round, reads] of [
      ['first', 'sum by (instance) (forebay_requests_total{op="GetObject"}) > 0'],
      ['second', 'sum by (instance) (rate(forebay_requests_total{op="GetObject"}[1m])) > 0'],
    ] as const) {
      await useIt(serve, `alone/${round}`);
      await useIt(cluster.endpoint(0), `together/${round}`);
      await until('both gateways are seen', async () => (await prometheus.query(reads)).length === 2);
    }
    await cluster.ask('POST', '/api/v1/jobs', { kind: 'load', keys: 's3://lake/together' });
    await until('a job is seen', async () => {
      const seen = await prometheus.query('sum(rate(forebay_job_objects_total[1m])) > 0');
      return seen.length > 0;
    });
  });
  afterAll(async () => {
    await prometheus?.stop();
    await cluster?.stop();
    await serve?.remove();
    await ufs?.stop();
  });

  const firing = async (name: string) => {
    const alerts = await prometheus.alerts();
    return alerts.filter(({ labels, state }) => labels.alertname === name && state === 'firing');
  };

  it('has every target up, by the token of metrics and by the key pair', async () => {
    const up = await until('all are up', async () => {
      const targets = await prometheus.targets();
      return targets.every(({ health }) => health === 'up') && targets.map(({ labels }) => labels.job!);
    });
    expect(up.sort()).toEqual(['forebay', 'forebay-cache-node', 'forebay-gateway', 'forebay-registry']);
  });

  it.each(['serve', 'registry', 'gateway', 'cache-node'] as const)(
    '%s shows just what the docs say, and promtool finds no fault with it',
    async (role) => {
      const members = {
        registry: cluster.registries,
        gateway: cluster.gateways,
        'cache-node': cluster.nodes,
      };
      const of = role === 'serve' ? serve : { admin: members[role][0]!.adminUrl, ...clusterKeys };
      const text = await metricsText(of);
      const shown = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => `${name} ${type}`);
      expect(shown.sort()).toEqual(
        declaredBy(role)
          .map(({ name, type }) => `${name} ${type}`)
          .sort(),
      );
      expect(await promtool(['check', 'metrics'], text)).toBe('');
    },
  );

  it('answers every expression of the dashboards, and those of the main panels with data', async () => {
    const empty = async () => {
      const panels: string[] = [];
      for (const { panel, expr } of panelExpressions()) {
        const samples = await prometheus.query(expr);
        const isEmpty = !samples.some(({ value }) => Number.isFinite(value));
        if (isEmpty) panels.push(panel.replace('Forebay / ', ''));
      }
      return panels.filter((panel) => !quiet.has(panel));
    };
    // Recorded ratios follow with the next evaluation.
    await expect.poll(empty, { timeout: 30_000, interval: 1000 }).toEqual([]);
  });

  it('is silent while all is well', async () => {
    expect(allRules().map(({ alert }) => alert)).toEqual(expect.arrayContaining([...silent]));
    const alerts = (await prometheus.alerts()).map(({ labels }) => labels.alertname!);
    expect(alerts.filter((name) => silent.has(name))).toEqual([]);
  });

  it('tells of a UFS that does not answer, of its mount, and of a registry that is gone', async () => {
    await ufs.stop();
    await cluster.registries[0]!.kill9();
    const client = s3ClientFor(serve);
    await expect(client.send(new GetObjectCommand({ Bucket: 'lake', Key: 'new' }))).rejects.toThrow();
    client.destroy();
    const [unanswering] = await until('the UFS is told of', async () => {
      const alerts = await firing('ForebayUfsNotAnswering');
      return alerts.length > 0 && alerts;
    });
    expect(unanswering!.labels).toMatchObject({ mount: '/lake', severity: 'critical' });
    expect(unanswering!.annotations.summary).toBe('The UFS of /lake does not answer');
    const [gone] = await until('the registry is told of', async () => {
      const alerts = await firing('ForebayNoActiveRegistry');
      return alerts.length > 0 && alerts;
    });
    expect(gone!.labels).toMatchObject({ cluster: 'main', severity: 'critical' });
    const [down] = await firing('ForebayProcessDown');
    expect(down!.labels).toMatchObject({ job: 'forebay-registry', cluster: 'main' });
  });
});

/** Panels of what does not happen here. */
const quiet = new Set([
  'Overview: Errors',
  'Overview: Evictions',
  'Nodes: Pages not stored',
  'Nodes: Pages from other nodes',
  'Nodes: Questions to other nodes',
  'Mounts: Answers that are not ok',
  'Mounts: Fills that ended early',
  'Mounts: Retries',
  'Mounts: Hedges',
  'Mounts: Pages of lists',
  'Mounts: Abandoned uploads',
  'Jobs: Bytes from the UFS by kind',
]);

/** Others may be right on a busy machine. */
const silent = new Set([
  'ForebayUfsNotAnswering',
  'ForebayUfsRefuses',
  'ForebayConnectionsNearLimit',
  'ForebayFilesNearLimit',
  'ForebayDiskOut',
  'ForebayDiskErrors',
  'ForebayPagesRot',
  'ForebayRestarts',
  'ForebayNoActiveRegistry',
  'ForebayVersionsDiffer',
  'ForebayJobFailed',
  'ForebayJobObjectsFailed',
]);
