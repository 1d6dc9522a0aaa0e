/**
 * `cache-node`: a node of a cluster. It holds pages, and the info of those objects whose home the ring makes
 * it while its lease lasts. Gateways and other nodes reach it over the data plane, operators over its admin
 * port.
 */

import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { LocalCacheNode } from '@forebay/cache-node/local-cache-node';
import { pageDirectoriesOf } from '@forebay/cache-node/page-store/directory-settings';
import { HandOff } from '@forebay/cluster/hand-off/hand-off';
import { jobCalls } from '@forebay/cluster/jobs/job-calls';
import { declareLeaseMetrics } from '@forebay/cluster/lease-metrics';
import { LeaseRenewal } from '@forebay/cluster/lease-renewal';
import { NodeLease } from '@forebay/cluster/node-lease';
import { placementCalls } from '@forebay/cluster/placement/placement-calls';
import { RemoteRegistry } from '@forebay/cluster/registry-client';
import { RemoteNodes } from '@forebay/cluster/remote-nodes';
import type { CacheNode } from '@forebay/core/cache-node';
import { CachePolicies } from '@forebay/core/cache-policy';
import { systemClock as clock } from '@forebay/core/clock';
import type { Log } from '@forebay/core/log';
import type { Metrics } from '@forebay/core/metrics';
import { type Mount, MountTable } from '@forebay/core/mount';
import type { RegistryView } from '@forebay/core/registry';
import type { Tracer } from '@forebay/core/tracing';
import { CacheNodeServer } from '@forebay/data-plane/cache-node-server';
import { tokensOf } from '@forebay/registry/admin/auth';
import { nodeStateRoutes } from '@forebay/registry/admin/node-state';
import { createRoleAdminApp } from '@forebay/registry/admin/role-app';
import type { UfsPool } from '@forebay/ufs/ufs-pool';
import { lockDataDir, nodeIdIn } from '../data-dir.ts';
import { metricsOfProcess } from '../process-metrics.ts';
import type { CacheNodeRoleConfig } from '../role-config.ts';
import { cacheNodeRoleSettings } from '../settings.ts';
import { openTracer } from '../tracing/open-tracer.ts';
import { version } from '../version.ts';
import { reportOf } from '../workers/reports.ts';
import { startAdminServer } from './admin-server.ts';
import { followPolicies, forgetUnmounted } from './follow-registry.ts';
import { followSettings } from './follow-settings.ts';
import type { Front } from './front.ts';
import { nodeWorker } from './jobs.ts';
import { checkPort } from './listening.ts';
import { nodeAnswers } from './node-answers.ts';
import { reportRoutes } from './report-routes.ts';
import { createRoleLog, logLevelOf, runUntilStopped } from './role-process.ts';
import { openRoutedNode } from './routed-node.ts';
import { openUfsClients } from './ufs-clients.ts';
import { Undoing } from './undoing.ts';
import { startCleanup } from './upload-cleanup.ts';

/** The home of it is the one node that aborts what was given up. */
const cleanupKey = 'abandoned uploads';
const noMounts = new MountTable([]);

export interface RunningCacheNode {
  readonly nodeId: string;
  /** HOST:PORT by which others reach it. */
  readonly address: string;
  /** `http://127.0.0.1:9101` */
  readonly adminUrl: string;
  /** Gives its lease up, lets requests under way end, then frees everything. */
  stop(): Promise<void>;
}

interface Parts {
  readonly config: CacheNodeRoleConfig;
  readonly log: Log;
  readonly undoing: Undoing;
}

/** Resolves once it has stopped. @throws CommandError where it cannot start */
export async function runCacheNode(config: CacheNodeRoleConfig): Promise<void> {
  const log = createRoleLog(config.values);
  await runUntilStopped(log, async (signal) => {
    const running = await startCacheNode(config, log, signal);
    const { nodeId, address, adminUrl } = running;
    log.info({ version, role: 'cache-node', nodeId, address, adminUrl }, 'started');
    return running;
  });
}

/**
 * Waits for a registry where none was ever heard of.
 * @throws CommandError where the data directory is in use, a port is taken, and the like; the signal's
 * reason. Nothing is left then
 */
export async function startCacheNode(
  config: CacheNodeRoleConfig,
  log: Log,
  signal: AbortSignal,
): Promise<RunningCacheNode> {
  return Undoing.around(log, (undoing) => start({ config, log, undoing }, signal));
}

async function start(started: Parts, signal: AbortSignal): Promise<RunningCacheNode> {
  const { config, log, undoing } = started;
  const { dataDir } = config;
  undoing.add(lockDataDir(dataDir));
  const nodeId = nodeIdIn(dataDir);
  const { host } = config.values;
  const adminPlace = { host, port: config.values.adminPort, portFlag: '--admin-port' };
  const admin = await startAdminServer(adminPlace, undoing);
  const port = await checkPort({ host, port: config.values.port, portFlag: '--port' });
  const { registries: addresses, clusterSecret, root, advertise } = config;
  const viewPath = join(dataDir.path, 'view.json');
  const registry = await RemoteRegistry.open({ addresses, clusterSecret, viewPath, log, signal });
  undoing.add(() => registry.close());
  const { values, stop } = followSettings(cacheNodeRoleSettings, config.values, {
    registry,
    log,
    logLevelOf,
  });
  undoing.add(stop);
  const parts = { ...started, config: { ...config, values } };
  const metrics = metricsOfProcess(undoing, 'cache-node');
  const { pool, ufsMetrics } = openUfsClients({ registry, metrics, values, log, undoing });
  const address = addressOf(advertise ?? host, advertise === undefined ? port : undefined);
  const adminPort = Number(new URL(admin.url).port);
  const adminAddress = addressOf(hostOf(address), adminPort);
  const countLapse = declareLeaseMetrics(metrics, () => ({ lease, streamCount: server.streamCount }));
  const lease = leaseOf({ nodeId, address, adminAddress }, parts, () => {
    countLapse();
    cacheNode.forgetInfo();
  });
  const node = await openNode({ lease, nodeId, registry, metrics, pool }, parts);
  const { cacheNode, handOff } = node;
  const tracer = await openTracer({ values, role: 'cache-node', nodeId, log, undoing });
  const server = await serve({ ...node, registry, pool, port, tracer }, parts);
  const stats = async () => ({ ...(await cacheNode.stats()), handOff: handOff.progress });
  followMembership({ registry, lease, handOff, stats }, parts);
  const mounts = () => (lease.isHome(cleanupKey) ? registry.view().mounts : noMounts);
  const ufsOf = (mount: Mount) => pool.ufsOf(mount);
  startCleanup({ ufsOf, aborted: ufsMetrics.uploadsAborted, mounts }, { clock, log, undoing });
  const report: Front['report'] = async (question) => [
    reportOf(question, { log, traffic: undefined, reads: cacheNode.reads }),
  ];
  admin.open(
    createRoleAdminApp({
      credentials: { ...(root ?? registry.root()), ...tokensOf(values) },
      notReady: () => (lease.reason === undefined ? [] : [lease.reason]),
      metricsText: () => metrics.text(),
      clusterSecret: config.clusterSecret,
      clusterRoutes: (app) => {
        nodeStateRoutes(app, { registry, cacheNode, lease, stats });
        const browse = nodeAnswers({ registry, cacheNode, lease, ufsOf });
        reportRoutes(app, { values: () => metrics.values(), report, browse });
      },
      log,
    }),
  );
  return { nodeId, address, adminUrl: admin.url, stop: () => undoing.run() };
}

function leaseOf(
  member: { readonly nodeId: string; readonly address: string; readonly adminAddress: string },
  { config: { values, dataDir }, log }: Parts,
  forget: () => void,
): NodeLease {
  const directories = pageDirectoriesOf(values, dataDir.cachePath);
  const bytes = directories.reduce((sum, { sizeBytesMax }) => sum + sizeBytesMax, 0);
  const weight = Math.max(1, Math.round(bytes / 2 ** 30));
  const lease: NodeLease = new NodeLease({
    member: { ...member, version, weight, incarnation: randomUUID(), holdsLock: true },
    clock,
    onLapse: (reason) => {
      forget();
      if (lease.wish === 'leaving') return;
      log.warn({ reason }, 'the lease has lapsed: what was known of objects is forgotten');
    },
  });
  return lease;
}

interface NodeParts {
  readonly lease: NodeLease;
  readonly nodeId: string;
  readonly registry: RemoteRegistry;
  readonly metrics: Metrics;
  readonly pool: UfsPool;
}

/** The node, with others behind it that had its pages before. */
async function openNode({ lease, nodeId, registry, metrics, pool }: NodeParts, parts: Parts) {
  const { config, log, undoing } = parts;
  const { values, dataDir, clusterSecret } = config;
  const nodes = new RemoteNodes({ secret: clusterSecret, settings: values });
  undoing.add(() => nodes.close());
  const shared = { nodeId, metrics, clock, log };
  const bytesPerSecond = values.handOffBytesPerSecond;
  const handOff = new HandOff({ ...shared, peerOf: nodes.nodeOf, bytesPerSecond });
  const policies = new CachePolicies(registry.view());
  const cacheNode = await LocalCacheNode.open({
    ...{ ...shared, dataDir: dataDir.cachePath, settings: values, policies },
    ...{ homes: lease, placement: lease, mounts: () => registry.view().mounts },
    ufsOf: async (mount: Mount) => handOff.ufsOf(mount, await pool.ufsOf(mount)),
    openedUfsOf: (mount) => {
      const ufs = pool.openedUfsOf(mount);
      return ufs && handOff.ufsOf(mount, ufs);
    },
  });
  undoing.add(() => cacheNode.close());
  undoing.add(forgetUnmounted(registry, cacheNode));
  undoing.add(followPolicies(registry, { policies, cacheNode }));
  undoing.add(registry.watch(() => nodes.retain(handOff.peers)));
  handOff.start(cacheNode.pages);
  undoing.add(() => handOff.close());
  // What jobs write is fenced at the homes, wherever those are, as a gateway does it.
  const fences = openRoutedNode({
    ...{ nodeId, metrics, nodeOf: nodes.nodeOf, registry, log, undoing },
    ufsOf: (mount) => pool.ufsOf(mount),
    onUfsBytes: () => undefined,
  });
  return { cacheNode, handOff, fences };
}

interface ServerParts {
  readonly cacheNode: LocalCacheNode;
  readonly handOff: HandOff;
  readonly fences: CacheNode;
  readonly registry: RemoteRegistry;
  readonly pool: UfsPool;
  readonly port: number;
  readonly tracer: Tracer | undefined;
}

async function serve(
  { cacheNode, handOff, registry, pool, port, fences, tracer }: ServerParts,
  parts: Parts,
) {
  const { config, log, undoing } = parts;
  const { values, clusterSecret: secret } = config;
  const mounts = () => registry.view().mounts;
  const worker = nodeWorker(cacheNode, { fences, ufsOf: (mount) => pool.ufsOf(mount) });
  const server = new CacheNodeServer({
    ...{ node: cacheNode, mounts, secret, log, tracer },
    calls: {
      ...handOff.calls,
      ...jobCalls({ worker, mounts }),
      ...placementCalls({ node: cacheNode, mounts }),
    },
    connectionsMax: values.dataPlaneConnectionsMax,
    streamsPerConnectionMax: values.dataPlaneStreamsMax,
    handshakeTimeoutMs: values.dataPlaneHandshakeTimeoutMs,
  });
  undoing.add(() => server.close());
  await server.listen({ host: values.host, port });
  undoing.add(() => server.drained(values.drainTimeoutMs));
  return server;
}

interface MembershipParts {
  readonly registry: RemoteRegistry;
  readonly lease: NodeLease;
  readonly handOff: HandOff;
  readonly stats: () => ReturnType<LocalCacheNode['stats']>;
}

/** From here on it asks for a lease: it serves. */
function followMembership({ registry, lease, handOff, stats }: MembershipParts, { log, undoing }: Parts) {
  const renewal = new LeaseRenewal({ lease, renew: (request) => registry.renew(request), stats, log });
  const follow = ({ membership }: RegistryView) => {
    if (!membership) return;
    if (lease.take(membership)) renewal.renewNow();
    handOff.follow(membership);
  };
  follow(registry.view());
  undoing.add(registry.watch(follow));
  renewal.start();
  undoing.add(() => renewal.leave());
}

/** HOST:PORT, an IPv6 host in brackets; `port` undefined: the host has one already. */
function addressOf(host: string, port: number | undefined): string {
  if (port === undefined) return host;
  return `${host.includes(':') && !host.startsWith('[') ? `[${host}]` : host}:${port}`;
}

function hostOf(address: string): string {
  return address.slice(0, address.lastIndexOf(':'));
}
