/**
 * `registry`: the registry of a cluster as a process. Several of them share one Redis: one is active, the
 * others stand by (docs/cluster.md).
 */

import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { type Clock, systemClock } from '@forebay/core/clock';
import { type Log, tailOf } from '@forebay/core/log';
import type { MetricsReading } from '@forebay/core/metrics';
import { type MountInput, parseMount } from '@forebay/core/mount-uri';
import type { RegistryView } from '@forebay/core/registry';
import { createAdminApp } from '@forebay/registry/admin/app';
import { tokensOf } from '@forebay/registry/admin/auth';
import type { Insight } from '@forebay/registry/admin/insight/insight';
import { processName } from '@forebay/registry/admin/insight/traffic';
import { countMembers, type Status } from '@forebay/registry/admin/status';
import type { ActiveRegistry } from '@forebay/registry/cluster/active-registry';
import { ClusterRegistry } from '@forebay/registry/cluster/cluster-registry';
import type { Coordination } from '@forebay/registry/cluster/coordination';
import { declareRegistryMetrics } from '@forebay/registry/cluster/metrics';
import { type NodeView, nodeViews } from '@forebay/registry/cluster/node-views';
import { RedisCoordination } from '@forebay/registry/cluster/redis-coordination';
import { SqliteCoordination } from '@forebay/registry/cluster/sqlite-coordination';
import { declareJobMetrics, type JobMetrics } from '@forebay/registry/jobs/metrics';
import {
  keepRootCredentials,
  lockDataDir,
  makeRootCredentials,
  type RootCredentials,
  readRootCredentials,
} from '../data-dir.ts';
import { metricsOfProcess } from '../process-metrics.ts';
import { type RegistryRoleConfig, refuseOddPages } from '../role-config.ts';
import { serveSettings } from '../settings.ts';
import { version } from '../version.ts';
import { startAdminServer } from './admin-server.ts';
import { openBrowser } from './browse.ts';
import { clusterAnswers } from './cluster-browse.ts';
import { ClusterFront } from './cluster-front.ts';
import { followSettings } from './follow-settings.ts';
import { curveOf, openFigures, trafficOf } from './insight.ts';
import { startJobs } from './jobs.ts';
import { openRegistryNodes, type RegistryNodes } from './registry-nodes.ts';
import { createRoleLog, logLevelOf, runUntilStopped } from './role-process.ts';
import { mountFor } from './serve-mounts.ts';
import { clusterCache, countersOf } from './status.ts';
import { Undoing } from './undoing.ts';
import { makeUser, refuseRootKey } from './users.ts';

/** Every node and gateway keeps one open to wait for news, and has one for the rest. */
const connectionsMax = 20_000;

export interface RunningRegistry {
  /** `http://127.0.0.1:9001` */
  readonly adminUrl: string;
  readonly cluster: ClusterRegistry;
  /** May be called again. */
  stop(): Promise<void>;
}

interface Parts {
  readonly config: RegistryRoleConfig;
  readonly log: Log;
  readonly clock: Clock;
  readonly undoing: Undoing;
}

/** As `runUntilStopped`. */
export async function registryUntilStopped(config: RegistryRoleConfig): Promise<void> {
  const log = createRoleLog(config.values);
  await runUntilStopped(log, async () => {
    const running = await startRegistry({ config, log });
    const { adminUrl, cluster } = running;
    log.info({ version, adminUrl, active: cluster.active !== undefined }, 'ready');
    if (process.stdout.isTTY === true)
      process.stdout.write(`\n  Forebay ${version} registry at ${adminUrl}\n`);
    return running;
  });
}

/** @throws CommandError where the data directory is in use, a port is taken, and the like */
export async function startRegistry({
  config,
  log,
  clock = systemClock,
}: {
  readonly config: RegistryRoleConfig;
  readonly log: Log;
  readonly clock?: Clock;
}): Promise<RunningRegistry> {
  return Undoing.around(log, (undoing) => start({ config, log, clock, undoing }));
}

async function start(parts: Parts): Promise<RunningRegistry> {
  const { config, log, clock, undoing } = parts;
  const { values, dataDir } = config;
  undoing.add(lockDataDir(dataDir));
  const place = { host: values.host, port: values.adminPort, portFlag: '--admin-port' };
  const admin = await startAdminServer(place, undoing, connectionsMax);
  const shared = await openShared(parts);
  undoing.add(() => shared.close());
  const metrics = metricsOfProcess(undoing, 'registry');
  let cluster: ClusterRegistry | undefined;
  const counters = declareRegistryMetrics(metrics, () => gaugesOf(cluster?.active, clock));
  const view = () => cluster!.active!.registry.view();
  const known = () => membersOf(cluster?.active, clock);
  const front = new ClusterFront({
    nodes: known,
    ...{ clusterSecret: config.clusterSecret, metrics, nowMs: () => clock.monotonicMs() },
  });
  const membership = () => cluster?.active?.registry.view().membership;
  const { clusterSecret } = config;
  const nodes = openRegistryNodes({ clusterSecret, membership, known, metrics, clock, undoing });
  const insight = insightOf({ front, view, nodes, active: () => cluster?.active }, parts);
  const notReady = () => (cluster?.trouble === undefined ? [] : [cluster.trouble]);
  const jobMetrics = declareJobMetrics(metrics);
  const told = { metrics, front, insight, nodes, notReady, jobMetrics };
  const sources = { ...parts, ...told, startedAtMs: clock.wallMs() };
  cluster = await ClusterRegistry.start({
    ...{ shared, counters, clock, log, clusterSecret },
    ...{ mounts: config.mounts, rules: config.rules, users: config.users },
    root: config.root,
    makeRoot: () => readRootCredentials(dataDir) ?? makeRootCredentials(dataDir),
    segmentBytes: values.segmentSizeBytes,
    restoreMount: ({ path, uri, createdAtMs }) => mountFor({ path, uri }, config, createdAtMs),
    candidate: { token: randomBytes(16).toString('hex'), address: addressOf(values, admin.url) },
    adminApp: (active) => adminAppOf(active, sources),
    tokens: tokensOf(values),
    metricsText: () => metrics.text(),
    onRoot: (root) => {
      for (const user of config.users) refuseRootKey(user, root);
      if (!config.root) keepRootCredentials(dataDir, root);
    },
  });
  const running = cluster;
  undoing.add(() => running.stop());
  admin.open(running);
  return { adminUrl: admin.url, cluster: running, stop: () => undoing.run() };
}

/** A wildcard says nothing to others: the host's name then. */
function addressOf({ host, registryAdvertise }: RegistryRoleConfig['values'], adminUrl: string): string {
  if (registryAdvertise !== undefined) return registryAdvertise;
  const { host: shown, port } = new URL(adminUrl);
  return host === '0.0.0.0' || host === '::' ? `${hostname()}:${port}` : shown;
}

function openShared({ config: { values, dataDir } }: Parts): Promise<Coordination> | Coordination {
  if (values.state !== undefined) return RedisCoordination.open(values.state);
  return SqliteCoordination.open(dataDir.statePath);
}

function gaugesOf(active: ActiveRegistry | undefined, clock: Clock) {
  return {
    isActive: active !== undefined,
    membership: active?.machine.membership(),
    nodes: active ? nodeViews({ machine: active.machine, members: [], nowMs: clock.monotonicMs() }) : [],
    leases: active?.machine.leases().length ?? 0,
    softMembers: active?.members.all(clock.monotonicMs()).length ?? 0,
  };
}

interface AdminSources extends Parts {
  readonly startedAtMs: number;
  readonly metrics: MetricsReading;
  readonly front: ClusterFront;
  readonly insight: Insight;
  readonly nodes: RegistryNodes;
  readonly jobMetrics: JobMetrics;
  readonly notReady: () => readonly string[];
}

async function adminAppOf(active: ActiveRegistry, sources: AdminSources) {
  const { config, clock, log, metrics, insight, nodes, jobMetrics } = sources;
  const { root, registry, state } = active;
  registry.watch(() => nodes.membershipChanged());
  const { cacheNode, placementOf, workers } = nodes;
  const { values } = followSettings(serveSettings, config.values, { registry, log, logLevelOf });
  const jobDeps = await startJobs({
    ...{ state, registry, cacheNode, workers, jobMetrics, values, clock, log },
  });
  void active.closed.then(() => {
    jobMetrics.follow(() => []);
    return jobDeps.jobs.stop();
  });
  return createAdminApp({
    ...{ registry, version, insight, log },
    ...{ cacheNode, placementOf },
    credentials: { ...(root satisfies RootCredentials), ...tokensOf(config.values) },
    status: async () => statusOf(active, sources),
    notReady: sources.notReady,
    metricsText: () => metrics.text(),
    makeMount: async (input) => newMount(input, sources),
    makeUser: (input) => makeUser(input, root, clock.wallMs()),
    nodes: {
      list: () => nodesOf(active, clock),
      drain: (nodeId, wish) => active.drain(nodeId, wish),
    },
    jobDeps,
    settings: { declared: serveSettings, values: config.values },
    nowMs: () => clock.wallMs(),
  });
}

/** Not tried: the store and its credentials are a matter of gateways and cache nodes. @throws ConfigError */
function newMount(input: MountInput, { config, clock }: AdminSources) {
  const { pageSizeBytes, segmentSizeBytes } = config.values;
  const mount = parseMount(input, { pageSizeBytes, createdAtMs: clock.wallMs() });
  refuseOddPages(mount, segmentSizeBytes);
  return mount;
}

/** Of the cluster: what its gateways and nodes count, and sums over what nodes say with their renewals. */
async function statusOf(
  active: ActiveRegistry,
  { front, startedAtMs, clock }: AdminSources,
): Promise<Status> {
  const nodes = nodesOf(active, clock);
  const gateway = nodes.find(({ role }) => role === 'gateway');
  const endpoint = gateway ? `http://${gateway.address}` : '';
  return {
    ...{ version, nodeId: 'registry', members: countMembers(nodes), endpoint },
    ...{ startedAt: new Date(startedAtMs).toISOString() },
    uptimeMs: Math.round(clock.wallMs() - startedAtMs),
    ...(await countersOf(await front.read())),
    cache: clusterCache(active.machine.leases()),
  };
}

interface InsightParts {
  readonly front: ClusterFront;
  readonly view: () => RegistryView;
  readonly nodes: RegistryNodes;
  readonly active: () => ActiveRegistry | undefined;
}

/** Of the whole cluster, as far as its gateways and nodes answer. */
function insightOf({ front, view, nodes, active }: InsightParts, { clock, log, undoing }: Parts): Insight {
  const registry = { view };
  const members = () => membersOf(active(), clock);
  const watched = () => ({
    silent: members().flatMap(({ id, state }) => (state === 'silent' ? [id] : [])),
    unanswered: front.unanswered(),
  });
  const read = () => front.read();
  const sources = () => front.sources;
  const traffic = trafficOf(front);
  const own = { member: 'registry', pid: process.pid };
  return {
    unanswered: () => front.unanswered(),
    ...openFigures({ read, sources, members: watched, registry, clock, undoing }),
    ...traffic,
    curve: curveOf({ front, clock, undoing }, () => cacheBytesMaxOf(active())),
    logs: async (after) => [
      { ...own, lines: tailOf(log)?.after(after[processName(own)] ?? 0) ?? [] },
      ...(await traffic.logs(after)),
    ],
    ...openBrowser({
      ...{ registry, cacheNode: nodes.cacheNode },
      answers: clusterAnswers({ front, nodes: members, registry }),
    }),
  };
}

function membersOf(active: ActiveRegistry | undefined, clock: Clock): NodeView[] {
  return active ? nodesOf(active, clock) : [];
}

function nodesOf({ machine, members }: ActiveRegistry, clock: Clock): NodeView[] {
  const nowMs = clock.monotonicMs();
  return nodeViews({ machine, members: members.all(nowMs), nowMs });
}

function cacheBytesMaxOf(active: ActiveRegistry | undefined): number {
  const all = active?.machine.leases().flatMap(({ request }) => request?.stats ?? []) ?? [];
  return all.reduce((total, { diskBytesMax }) => total + diskBytesMax, 0);
}
