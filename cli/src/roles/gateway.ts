/**
 * `gateway`: speaks S3 for a cluster. What is mounted and who may use it the registry tells, objects the
 * cache nodes; writes, lists, and what no node can answer go to the UFSs. It keeps nothing that its end could
 * lose.
 */

import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { servedMetrics } from '@forebay/cache-node/metrics';
import { RemoteRegistry } from '@forebay/cluster/registry-client';
import { RemoteNodes } from '@forebay/cluster/remote-nodes';
import type { RoutedCacheNode } from '@forebay/cluster/routed-cache-node';
import { systemClock } from '@forebay/core/clock';
import type { Log } from '@forebay/core/log';
import type { Metrics } from '@forebay/core/metrics';
import { declareRingEpoch } from '@forebay/core/ring-metrics';
import { createGateway } from '@forebay/gateway/app';
import { tokensOf } from '@forebay/registry/admin/auth';
import { createRoleAdminApp } from '@forebay/registry/admin/role-app';
import type { UfsPool } from '@forebay/ufs/ufs-pool';
import { accessLinesOf } from '../access-lines.ts';
import { metricsOfProcess } from '../process-metrics.ts';
import type { GatewayRoleConfig } from '../role-config.ts';
import { gatewayRoleSettings } from '../settings.ts';
import { openTracer } from '../tracing/open-tracer.ts';
import { version } from '../version.ts';
import { reportOf } from '../workers/reports.ts';
import { startAdminServer } from './admin-server.ts';
import { openLevels } from './browse-answers.ts';
import { followSettings } from './follow-settings.ts';
import type { Front } from './front.ts';
import { listen } from './listening.ts';
import { reachableHost } from './own-address.ts';
import { reportRoutes } from './report-routes.ts';
import { createRoleLog, logLevelOf, runUntilStopped } from './role-process.ts';
import { openRoutedNode } from './routed-node.ts';
import { openUfsClients } from './ufs-clients.ts';
import { Undoing } from './undoing.ts';
import { credentialsOf } from './users.ts';

export interface RunningGateway {
  /** `http://127.0.0.1:9000` */
  readonly endpoint: string;
  /** `http://127.0.0.1:9002` */
  readonly adminUrl: string;
  readonly nodeId: string;
  /** Lets requests under way end, then frees everything. */
  stop(): Promise<void>;
}

interface Parts {
  readonly config: GatewayRoleConfig;
  readonly log: Log;
  readonly undoing: Undoing;
}

/** Resolves once it has stopped. @throws CommandError where it cannot start */
export async function runGateway(config: GatewayRoleConfig): Promise<void> {
  const log = createRoleLog(config.values);
  await runUntilStopped(log, async (signal) => {
    const running = await startGateway(config, log, signal);
    const { endpoint, adminUrl, nodeId } = running;
    log.info({ version, role: 'gateway', endpoint, adminUrl, nodeId }, 'ready');
    return running;
  });
}

/**
 * Waits for a registry where none was ever heard of.
 * @throws CommandError where a port is taken, and the like; the signal's reason. Nothing is left then
 */
export async function startGateway(
  config: GatewayRoleConfig,
  log: Log,
  signal: AbortSignal,
): Promise<RunningGateway> {
  const undoing = new Undoing(log);
  try {
    return await start({ config, log, undoing }, signal);
  } catch (error) {
    await undoing.run();
    throw error;
  }
}

async function start(parts: Parts, signal: AbortSignal): Promise<RunningGateway> {
  const { config, log, undoing } = parts;
  const { host, adminPort } = config.values;
  const admin = await startAdminServer({ host, port: adminPort, portFlag: '--admin-port' }, undoing);
  const registry = await openRegistry(parts, signal);
  const { values, stop } = followSettings(gatewayRoleSettings, config.values, { registry, log, logLevelOf });
  undoing.add(stop);
  const root = config.root ?? registry.root();
  const nodeId = `gateway-${randomBytes(4).toString('hex')}`;
  const metrics = metricsOfProcess(undoing, 'gateway');
  declareRingEpoch(metrics, () => registry.view().membership?.epoch.number ?? 0);
  const { pool } = openUfsClients({ registry, metrics, values, log, undoing });
  const cacheNode = openCacheNode({ registry, nodeId, metrics, pool }, parts);
  const tracer = await openTracer({ values, role: 'gateway', nodeId, log, undoing });
  const gateway = createGateway({
    ...{ settings: values, registry, cacheNode, metrics, tracer, clock: systemClock, log },
    openAccessLines: accessLinesOf({ values, log, undoing }),
    credentials: credentialsOf(root, registry),
    ufsOf: (mount) => pool.ufsOf(mount),
    serviceOf: (pattern) => pool.serviceOf(pattern),
  });
  const place = { host: values.host, port: values.port, portFlag: '--port' };
  const endpoint = await listen(gateway.createServer(), place);
  undoing.add(() => gateway.drain(values.drainTimeoutMs));
  const startedAtMs = systemClock.wallMs();
  const ownHost = await reachableHost(values.host, config.registries);
  const at = (url: string) => `${ownHost}:${new URL(url).port}`;
  const reached = { address: at(endpoint), adminAddress: at(admin.url) };
  await registry.join({ nodeId, role: 'gateway', ...reached, startedAtMs, version });
  undoing.add(() => registry.leave(nodeId));
  const readiness = new Readiness(cacheNode);
  undoing.add(() => readiness.stop());
  const report: Front['report'] = async (question) => [
    reportOf(question, { log, traffic: gateway.traffic, reads: undefined }),
  ];
  admin.open(
    createRoleAdminApp({
      credentials: { ...root, ...tokensOf(values) },
      notReady: () => readiness.reasons(),
      metricsText: () => metrics.text(),
      clusterSecret: config.clusterSecret,
      clusterRoutes: (app) =>
        reportRoutes(app, {
          ...{ values: () => metrics.values(), report },
          browse: openLevels({ registry, ufsOf: (mount) => pool.ufsOf(mount) }),
        }),
      log,
    }),
  );
  return { endpoint, adminUrl: admin.url, nodeId, stop: () => undoing.run() };
}

/**
 * Ready from the first time that a node could be reached until it stops: without nodes reads go on, and a
 * load balancer that left out every gateway would end them.
 */
class Readiness {
  readonly #cacheNode: RoutedCacheNode;
  #state: 'starting' | 'ready' | 'stopping' = 'starting';

  constructor(cacheNode: RoutedCacheNode) {
    this.#cacheNode = cacheNode;
  }

  stop(): void {
    this.#state = 'stopping';
  }

  async reasons(): Promise<readonly string[]> {
    if (this.#state === 'stopping') return ['stopping'];
    if (this.#state === 'ready') return [];
    const reasons = await this.#cacheNode.notReady();
    if (reasons.length === 0 && this.#state === 'starting') this.#state = 'ready';
    return reasons;
  }
}

async function openRegistry({ config, log, undoing }: Parts, signal: AbortSignal): Promise<RemoteRegistry> {
  const { registries: addresses, clusterSecret, values } = config;
  const dataDir = values.dataDir === undefined ? undefined : resolve(values.dataDir);
  if (dataDir !== undefined) mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const viewPath = dataDir && join(dataDir, 'view.json');
  const registry = await RemoteRegistry.open({ addresses, clusterSecret, viewPath, log, signal });
  undoing.add(() => registry.close());
  return registry;
}

interface CacheNodeParts {
  readonly registry: RemoteRegistry;
  readonly nodeId: string;
  readonly metrics: Metrics;
  readonly pool: UfsPool;
}

function openCacheNode(
  { registry, nodeId, metrics, pool }: CacheNodeParts,
  { config, undoing }: Parts,
): RoutedCacheNode {
  const nodes = new RemoteNodes({ secret: config.clusterSecret });
  undoing.add(() => nodes.close());
  const { bytesServed } = servedMetrics(metrics);
  const membersNow = () => registry.view().membership?.epoch.members ?? [];
  undoing.add(registry.watch(() => nodes.retain(membersNow())));
  return openRoutedNode({
    ...{ nodeId, metrics, nodeOf: nodes.nodeOf, registry, undoing },
    ufsOf: (mount) => pool.ufsOf(mount),
    onUfsBytes: (count) => bytesServed.inc({ source: 'ufs' }, count),
  });
}
