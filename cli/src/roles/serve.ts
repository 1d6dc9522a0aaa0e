/**
 * `serve`: gateway, cache node and registry in one process, meeting as plain objects; with several workers
 * the gateways are processes of their own (docs/decisions/0015-workers.md). Starts in an order in which a
 * mistake shows before anything is changed, and stops in the reverse one.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { LocalCacheNode } from '@forebay/cache-node/local-cache-node';
import { CachePolicies } from '@forebay/core/cache-policy';
import { type Clock, systemClock } from '@forebay/core/clock';
import type { Log } from '@forebay/core/log';
import type { Metrics } from '@forebay/core/metrics';
import type { Mount } from '@forebay/core/mount';
import { SecretBox } from '@forebay/core/secret-box';
import type { Tracer } from '@forebay/core/tracing';
import { createGateway } from '@forebay/gateway/app';
import { LocalRegistry } from '@forebay/registry/local-registry';
import { openState, type State } from '@forebay/registry/state-store';
import type { UfsPool } from '@forebay/ufs/ufs-pool';
import { accessLinesOf } from '../access-lines.ts';
import {
  lockDataDir,
  makeRootCredentials,
  type RootCredentials,
  readRootCredentials,
  sealKeyIn,
} from '../data-dir.ts';
import { metricsOfProcess } from '../process-metrics.ts';
import type { ServeConfig } from '../serve-config.ts';
import { type ServeValues, serveSettings } from '../settings.ts';
import { openTracer } from '../tracing/open-tracer.ts';
import { reportOf } from '../workers/reports.ts';
import { serveWorkers, startWorkers } from '../workers/start-workers.ts';
import { forkWorkers, type WorkerHandle } from '../workers/worker-handle.ts';
import { planWorkers, valuesOfOwner, type WorkersPlan } from '../workers/worker-limits.ts';
import { startAdminServer } from './admin-server.ts';
import { followPolicies, forgetUnmounted } from './follow-registry.ts';
import { followSettings } from './follow-settings.ts';
import type { Front } from './front.ts';
import { openJobs } from './jobs.ts';
import { checkPort, listen, urlOf } from './listening.ts';
import type { Parts } from './parts.ts';
import { logLevelOf } from './role-process.ts';
import { openServeAdmin } from './serve-admin.ts';
import { mountFor, openMounts } from './serve-mounts.ts';
import { openUfsClients } from './ufs-clients.ts';
import { Undoing } from './undoing.ts';
import { startCleanup } from './upload-cleanup.ts';
import { credentialsOf, refuseRootKey } from './users.ts';

const orphansEndMs = 3_000;

export interface RootUser extends RootCredentials {
  /** Whether this start made the pair, found it in the data directory, or was given it by the environment. */
  readonly from: 'made' | 'kept' | 'environment';
}

export interface RunningForebay {
  /** `http://127.0.0.1:9000` */
  readonly endpoint: string;
  /** `http://127.0.0.1:9001` */
  readonly adminUrl: string;
  readonly nodeId: string;
  readonly rootUser: RootUser;
  readonly mounts: readonly Mount[];
  /** Processes that serve clients; 1: this one does. */
  readonly workers: number;
  /** Lets requests under way end, then frees everything. May be called again. */
  stop(): Promise<void>;
}

export interface ServeOptions {
  readonly config: ServeConfig;
  readonly log: Log;
  readonly clock?: Clock;
}

/**
 * @throws CommandError where the data directory is in use, a port is taken, and the like; nothing is left
 * then.
 */
export async function startServe({
  config,
  log,
  clock = systemClock,
}: ServeOptions): Promise<RunningForebay> {
  return Undoing.around(log, (undoing) => start({ config, log, clock, undoing }));
}

async function start(given: Parts): Promise<RunningForebay> {
  const { config, log, clock, undoing } = given;
  const { dataDir } = config;
  const startedAtMs = clock.wallMs();
  undoing.add(lockDataDir(dataDir));
  const rootUser = rootUserOf(config);
  for (const user of config.users) refuseRootKey(user, rootUser);
  const { host, adminPort } = config.values;
  const admin = await startAdminServer({ host, port: adminPort, portFlag: '--admin-port' }, undoing);
  const { port, plan, forked } = await planProcesses(given);
  const state = openState(dataDir.statePath);
  undoing.add(() => state.disconnect());
  const registry = await openRegistry(state, given);
  const followed = followSettings(serveSettings, config.values, { registry, log, logLevelOf });
  undoing.add(followed.stop);
  const { values } = followed;
  const parts = { ...given, config: { ...config, values } };
  const nodeId = await nodeIdIn(state);
  const metrics = metricsOfProcess(undoing, 'serve');
  const ownValues = plan.cells ? valuesOfOwner(values) : values;
  const { pool, ufsMetrics } = openUfsClients({ registry, metrics, values: ownValues, log, undoing });
  await openMounts(pool, parts);
  const ufsOf = (mount: Mount) => pool.ufsOf(mount);
  const policies = new CachePolicies(registry.view());
  const cacheNode = await LocalCacheNode.open({
    ...{ nodeId, dataDir: dataDir.cachePath, mounts: () => registry.view().mounts },
    ...{
      settings: values,
      ufsOf,
      openedUfsOf: (mount) => pool.openedUfsOf(mount),
      policies,
      metrics,
      clock,
      log,
      cells: plan.cells,
    },
  });
  undoing.add(() => cacheNode.close());
  undoing.add(forgetUnmounted(registry, cacheNode));
  undoing.add(followPolicies(registry, { policies, cacheNode }));
  const tracer = await openTracer({ values, role: 'serve', nodeId, log, undoing });
  const front = await openFront(
    { tracer, plan, forked, port, pool, rootUser, registry, cacheNode, metrics, startValues: config.values },
    parts,
  );
  undoing.add(() => front.drain(values.drainTimeoutMs));
  const endpoint = urlOf({ host, port });
  await registry.join({ nodeId, role: 'serve', address: new URL(endpoint).host, startedAtMs });
  undoing.add(() => registry.leave(nodeId));
  startCleanup({ ufsOf, aborted: ufsMetrics.uploadsAborted, mounts: () => registry.view().mounts }, parts);
  const jobDeps = await openJobs({ state, registry, cacheNode, ufsOf, metrics }, parts);
  const adminAddress = new URL(admin.url).host;
  const sources = {
    ...{ registry, cacheNode, front, ufsOf, rootUser, endpoint, adminAddress, startedAtMs, jobDeps },
  };
  admin.open(openServeAdmin({ ...sources, startValues: config.values }, parts));
  const { mounts } = registry.view().mounts;
  const { workers } = plan;
  return { endpoint, adminUrl: admin.url, nodeId, rootUser, mounts, workers, stop: () => undoing.run() };
}

/** Which port, which processes; those that will be workers load from now on. @throws CommandError */
async function planProcesses({ config: { values, dataDir }, log, undoing }: Parts) {
  const cellsPath = join(dataDir.path, 'cells');
  const place = { host: values.host, port: values.port, portFlag: '--port' };
  // Where the cells are left, an owner was killed: its workers may need a moment to see that.
  const port = await checkPort(place, existsSync(cellsPath) ? orphansEndMs : 0);
  const plan = planWorkers(values, cellsPath);
  undoing.add(() => rmSync(cellsPath, { force: true }));
  if (plan.reason) log.warn({ reason: plan.reason }, 'there is one process');
  const forked = plan.cells ? forkWorkers(plan.workers, serveWorkers(dataDir), undoing) : [];
  return { port, plan, forked };
}

interface FrontParts {
  readonly tracer: Tracer | undefined;
  readonly plan: WorkersPlan;
  readonly forked: readonly WorkerHandle[];
  readonly port: number;
  readonly pool: UfsPool;
  readonly rootUser: RootUser;
  readonly registry: LocalRegistry;
  readonly cacheNode: LocalCacheNode;
  readonly metrics: Metrics;
  /** Before what was set at run time: each worker follows that by itself. */
  readonly startValues: ServeValues;
}

async function openFront(of: FrontParts, { config, clock, log, undoing }: Parts): Promise<Front> {
  const { tracer, plan, forked, port, pool, rootUser, registry, cacheNode, metrics } = of;
  const { values, dataDir } = config;
  const place = { host: values.host, port };
  if (plan.cells) {
    const { cellsPath } = plan;
    return startWorkers({
      ...{ ...place, forked, values: of.startValues, dataDir, cellsPath, rootUser, registry, cacheNode },
      ...{ metrics, tracer, log, undoing },
    });
  }
  const gateway = createGateway({
    ...{ settings: values, registry, cacheNode, metrics, tracer, clock, log },
    openAccessLines: accessLinesOf({ values, log, undoing }),
    credentials: credentialsOf(rootUser, registry),
    ufsOf: (mount) => pool.ufsOf(mount),
    serviceOf: (pattern) => pool.serviceOf(pattern),
  });
  await listen(gateway.createServer(), { ...place, portFlag: '--port' });
  const drain = (deadlineMs: number) => gateway.drain(deadlineMs);
  const report: Front['report'] = async (question) => [
    reportOf(question, { log, traffic: gateway.traffic, reads: cacheNode.reads }),
  ];
  return { read: async () => metrics, report, drain, notReady: () => [] };
}

function rootUserOf({ values, dataDir }: ServeConfig): RootUser {
  const { accessKey, secretKey } = values;
  if (accessKey !== undefined && secretKey !== undefined)
    return { accessKey, secretKey, from: 'environment' };
  const kept = readRootCredentials(dataDir);
  return kept ? { ...kept, from: 'kept' } : { ...makeRootCredentials(dataDir), from: 'made' };
}

/** The name of this node, the same after each restart. */
async function nodeIdIn(state: State): Promise<string> {
  const kept = await state.get<string>('node-id');
  if (kept !== undefined) return kept;
  const made = `node-${randomBytes(4).toString('hex')}`;
  await state.set('node-id', made);
  return made;
}

function openRegistry(state: State, { config, log, clock }: Parts): Promise<LocalRegistry> {
  const { dataDir, mounts, rules, users } = config;
  const servesLocal = mounts.some(({ ufs }) => ufs.scheme === 'file' && ufs.directory === dataDir.localPath);
  if (servesLocal) mkdirSync(dataDir.localPath, { recursive: true });
  return LocalRegistry.open({
    state,
    clock,
    log,
    mounts,
    rules,
    users,
    secrets: new SecretBox(sealKeyIn(dataDir)),
    restoreMount: ({ path, uri, createdAtMs }) => mountFor({ path, uri }, config, createdAtMs),
  });
}
