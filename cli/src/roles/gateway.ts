/**
 * `gateway`: speaks S3 for a cluster. What is mounted and who may use it the registry tells, objects the
 * cache nodes; writes, lists, and what no node can answer go to the UFSs. It keeps nothing that its end could
 * lose.
 */

import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { RemoteRegistry } from '@forebay/cluster/registry-client';
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
import type { RootCredentials } from '../data-dir.ts';
import { metricsOfProcess } from '../process-metrics.ts';
import type { GatewayRoleConfig } from '../role-config.ts';
import { type GatewayRoleValues, gatewayRoleSettings } from '../settings.ts';
import { openTracer } from '../tracing/open-tracer.ts';
import { version } from '../version.ts';
import { startGatewayWorkers } from '../workers/gateway-front.ts';
import { reportOf } from '../workers/reports.ts';
import { startAdminServer } from './admin-server.ts';
import { openLevels } from './browse-answers.ts';
import { followSettings } from './follow-settings.ts';
import type { Front } from './front.ts';
import { listen } from './listening.ts';
import { reachableHost } from './own-address.ts';
import { reportRoutes } from './report-routes.ts';
import { createRoleLog, logLevelOf, runUntilStopped } from './role-process.ts';
import { openNodes } from './routed-node.ts';
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
  return Undoing.around(log, (undoing) => start({ config, log, undoing }, signal));
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
  const { clusterSecret } = config;
  const cacheNode = openNodes({ registry, nodeId, metrics, pool, clusterSecret, values, log, undoing });
  const served = { values: config.values, clusterSecret, root, nodeId, registry, metrics, log, undoing };
  const { front, endpoint } =
    (await startGatewayWorkers(served)) ??
    (await openFront({ values, root, nodeId, registry, metrics, pool, cacheNode }, parts));
  undoing.add(() => front.drain(values.drainTimeoutMs));
  const startedAtMs = systemClock.wallMs();
  const ownHost = await reachableHost(values.host, config.registries);
  const at = (url: string) => `${ownHost}:${new URL(url).port}`;
  const reached = { address: at(endpoint), adminAddress: at(admin.url) };
  await registry.join({ nodeId, role: 'gateway', ...reached, startedAtMs, version });
  undoing.add(() => registry.leave(nodeId));
  const readiness = new Readiness(cacheNode, front);
  undoing.add(() => readiness.stop());
  admin.open(
    createRoleAdminApp({
      credentials: { ...root, ...tokensOf(values) },
      notReady: () => readiness.reasons(),
      metricsText: async () => (await front.read()).text(),
      clusterSecret,
      clusterRoutes: (app) =>
        reportRoutes(app, {
          ...{ values: async () => (await front.read()).values(), report: front.report },
          browse: openLevels({ registry, ufsOf: (mount) => pool.ufsOf(mount) }),
        }),
      log,
    }),
  );
  return { endpoint, adminUrl: admin.url, nodeId, stop: () => undoing.run() };
}

interface FrontParts {
  readonly values: GatewayRoleValues;
  readonly root: RootCredentials;
  readonly nodeId: string;
  readonly registry: RemoteRegistry;
  readonly metrics: Metrics;
  readonly pool: UfsPool;
  readonly cacheNode: RoutedCacheNode;
}

/** In this process. */
async function openFront(
  { values, root, nodeId, registry, metrics, pool, cacheNode }: FrontParts,
  { log, undoing }: Parts,
): Promise<{ readonly front: Front; readonly endpoint: string }> {
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
  const front: Front = {
    read: async () => metrics,
    report: async (question) => [reportOf(question, { log, traffic: gateway.traffic, reads: undefined })],
    drain: async (deadlineMs) => void (await gateway.drain(deadlineMs)),
    notReady: () => [],
  };
  return { front, endpoint };
}

/**
 * Ready from the first time that a node could be reached until it stops: without nodes reads go on, and a
 * load balancer that left out every gateway would end them.
 */
class Readiness {
  readonly #cacheNode: RoutedCacheNode;
  readonly #front: Pick<Front, 'notReady'>;
  #state: 'starting' | 'ready' | 'stopping' = 'starting';

  constructor(cacheNode: RoutedCacheNode, front: Pick<Front, 'notReady'>) {
    this.#cacheNode = cacheNode;
    this.#front = front;
  }

  stop(): void {
    this.#state = 'stopping';
  }

  async reasons(): Promise<readonly string[]> {
    if (this.#state === 'stopping') return ['stopping'];
    if (this.#state === 'ready') return this.#front.notReady();
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
