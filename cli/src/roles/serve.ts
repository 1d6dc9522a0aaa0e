/**
 * `serve`: gateway, cache node and registry in one process, meeting as plain objects; with several workers
 * the gateways are processes of their own (docs/decisions/0015-workers.md). Starts in an order in which a
 * mistake shows before anything is changed, and stops in the reverse one.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { LocalCacheNode } from '@forebay/cache-node/local-cache-node';
import { CachePolicies } from '@forebay/core/cache-policy';
import { type Clock, systemClock } from '@forebay/core/clock';
import { ConfigError } from '@forebay/core/config';
import type { Log } from '@forebay/core/log';
import type { Metrics } from '@forebay/core/metrics';
import { isPattern, type Mount } from '@forebay/core/mount';
import { type MountInput, parseMount } from '@forebay/core/mount-uri';
import { createGateway } from '@forebay/gateway/app';
import { createAdminApp } from '@forebay/registry/admin/app';
import { LocalRegistry } from '@forebay/registry/local-registry';
import { SecretBox } from '@forebay/registry/secret-box';
import { openState, type State } from '@forebay/registry/state-store';
import { UploadCleanup, type UploadCleanupOptions } from '@forebay/ufs/abandoned-uploads';
import { openUfs } from '@forebay/ufs/open-ufs';
import type { UfsPool } from '@forebay/ufs/ufs-pool';
import {
  lockDataDir,
  makeRootCredentials,
  type RootCredentials,
  readRootCredentials,
  sealKeyIn,
} from '../data-dir.ts';
import { metricsOfProcess } from '../event-loop-delay.ts';
import { refuseDataDir, type ServeConfig } from '../serve-config.ts';
import { version } from '../version.ts';
import { forkWorkers, startWorkers } from '../workers/start-workers.ts';
import type { WorkerHandle } from '../workers/worker-handle.ts';
import { planWorkers, valuesOfOwner, type WorkersPlan } from '../workers/worker-limits.ts';
import { startAdminServer } from './admin-server.ts';
import type { Front } from './front.ts';
import { checkPort, listen, urlOf } from './listening.ts';
import { readStatus } from './status.ts';
import { openUfsClients } from './ufs-clients.ts';
import { Undoing } from './undoing.ts';
import { credentialsOf, makeUser, refuseRootKey } from './users.ts';

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
  /** Lets requests under way end, then frees everything. May be called again. */
  stop(): Promise<void>;
}

export interface ServeOptions {
  readonly config: ServeConfig;
  readonly log: Log;
  readonly clock?: Clock;
}

interface Parts {
  readonly config: ServeConfig;
  readonly log: Log;
  readonly clock: Clock;
  readonly undoing: Undoing;
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
  const undoing = new Undoing(log);
  try {
    return await start({ config, log, clock, undoing });
  } catch (error) {
    await undoing.run();
    throw error;
  }
}

async function start(parts: Parts): Promise<RunningForebay> {
  const { config, log, clock, undoing } = parts;
  const { values, dataDir } = config;
  const startedAtMs = clock.wallMs();
  undoing.add(lockDataDir(dataDir));
  const rootUser = rootUserOf(config);
  for (const user of config.users) refuseRootKey(user, rootUser);
  const adminPlace = { host: values.host, port: values.adminPort, portFlag: '--admin-port' };
  const admin = await startAdminServer(adminPlace, undoing);
  const port = await checkPort({ host: values.host, port: values.port, portFlag: '--port' });
  const plan = planWorkers(values, join(dataDir.path, 'cells'));
  if (plan.reason) log.warn({ reason: plan.reason }, 'there is one process');
  const forked = plan.cells ? forkWorkers(plan.workers, dataDir, undoing) : [];
  const state = openState(dataDir.statePath);
  undoing.add(() => state.disconnect());
  const registry = await openRegistry(state, parts);
  const nodeId = await nodeIdIn(state);
  const metrics = metricsOfProcess(undoing);
  const ownValues = plan.cells ? valuesOfOwner(values) : values;
  const { pool, ufsMetrics } = openUfsClients({ registry, metrics, values: ownValues, log, undoing });
  await openMounts(pool, parts);
  const ufsOf = (mount: Mount) => pool.ufsOf(mount);
  const openedUfsOf = (mount: Mount) => pool.openedUfsOf(mount);
  const policies = new CachePolicies(registry.view());
  const cacheNode = await LocalCacheNode.open({
    ...{ nodeId, dataDir: dataDir.cachePath, mounts: () => registry.view().mounts },
    ...{ settings: values, ufsOf, openedUfsOf, policies, metrics, clock, log, cells: plan.cells },
  });
  undoing.add(() => cacheNode.close());
  undoing.add(forgetUnmounted(registry, cacheNode));
  undoing.add(followPolicies(registry, { policies, cacheNode }));
  const front = await openFront({ plan, forked, port, pool, rootUser, registry, cacheNode, metrics }, parts);
  undoing.add(() => front.drain(values.drainTimeoutMs));
  const endpoint = urlOf({ host: values.host, port });
  await registry.join({ nodeId, role: 'serve', address: new URL(endpoint).host, startedAtMs });
  undoing.add(() => registry.leave(nodeId));
  startCleanup(registry, { ufsOf, aborted: ufsMetrics.uploadsAborted }, parts);
  let stopping = false;
  undoing.add(() => {
    stopping = true;
  });
  admin.open(
    createAdminApp({
      registry,
      cacheNode,
      credentials: { ...rootUser, token: values.token },
      version,
      status: async () =>
        readStatus({ metrics: await front.read(), cacheNode, clock, endpoint, startedAtMs }),
      notReady: () => (stopping ? ['stopping'] : []),
      metricsText: async () => (await front.read()).text(),
      makeMount: (input) => usableMount(input, parts),
      makeUser: (input) => makeUser(input, rootUser, clock.wallMs()),
      nowMs: () => clock.wallMs(),
      log,
    }),
  );
  const { mounts } = registry.view().mounts;
  return { endpoint, adminUrl: admin.url, nodeId, rootUser, mounts, stop: () => undoing.run() };
}

interface FrontParts {
  readonly plan: WorkersPlan;
  readonly forked: readonly WorkerHandle[];
  readonly port: number;
  readonly pool: UfsPool;
  readonly rootUser: RootUser;
  readonly registry: LocalRegistry;
  readonly cacheNode: LocalCacheNode;
  readonly metrics: Metrics;
}

async function openFront(of: FrontParts, { config, clock, log, undoing }: Parts): Promise<Front> {
  const { plan, forked, port, pool, rootUser, registry, cacheNode, metrics } = of;
  const { values, dataDir } = config;
  const place = { host: values.host, port };
  if (plan.cells) {
    const { cellsPath } = plan;
    return startWorkers({
      ...{ ...place, forked, values, dataDir, cellsPath, rootUser, registry, cacheNode },
      ...{ metrics, log, undoing },
    });
  }
  const gateway = createGateway({
    ...{ settings: values, registry, cacheNode, metrics, clock, log },
    credentials: credentialsOf(rootUser, registry),
    ufsOf: (mount) => pool.ufsOf(mount),
    serviceOf: (pattern) => pool.serviceOf(pattern),
  });
  await listen(gateway.createServer(), { ...place, portFlag: '--port' });
  return { read: async () => metrics, drain: (deadlineMs) => gateway.drain(deadlineMs) };
}

function rootUserOf({ values, dataDir }: ServeConfig): RootUser {
  const { accessKey, secretKey } = values;
  if (accessKey !== undefined && secretKey !== undefined)
    return { accessKey, secretKey, from: 'environment' };
  const kept = readRootCredentials(dataDir);
  return kept ? { ...kept, from: 'kept' } : { ...makeRootCredentials(dataDir), from: 'made' };
}

/** What a mount's objects were is not known any more when it comes back. */
function forgetUnmounted(registry: LocalRegistry, cacheNode: LocalCacheNode): () => void {
  let paths = registry.view().mounts.mounts.map(({ path }) => path);
  return registry.watch(({ mounts }) => {
    const now = mounts.mounts.map(({ path }) => path);
    if (paths.some((path) => !now.includes(path))) cacheNode.forgetInfo();
    paths = now;
  });
}

/** What is stored follows rules and pins as they are now, also where they changed while nothing ran. */
function followPolicies(
  registry: LocalRegistry,
  { policies, cacheNode }: { policies: CachePolicies; cacheNode: LocalCacheNode },
): () => void {
  void cacheNode.applyPolicies();
  return registry.watch((view) => {
    policies.update(view);
    void cacheNode.applyPolicies();
  });
}

/** Aborts uploads that nobody goes on with, where a mount says so. */
function startCleanup(
  registry: LocalRegistry,
  of: Pick<UploadCleanupOptions, 'ufsOf' | 'aborted'>,
  { clock, log, undoing }: Parts,
): void {
  const cleanup = new UploadCleanup({ ...of, mounts: () => registry.view().mounts, clock, log });
  cleanup.start();
  undoing.add(() => cleanup.stop());
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

/** @throws ConfigError */
function mountFor(input: MountInput, { values, dataDir }: ServeConfig, createdAtMs: number): Mount {
  const mount = parseMount(input, { pageSizeBytes: values.pageSizeBytes, createdAtMs });
  refuseDataDir(mount, dataDir);
  return mount;
}

/**
 * Opens the UFSs of the mounts that were asked for, so that what is missing shows at the start. No store is
 * asked over the network: it may come later.
 * @throws ConfigError where a mount cannot be used as it is (its credentials are not set).
 */
async function openMounts(pool: UfsPool, { config, log }: Parts): Promise<void> {
  for (const mount of config.mounts) {
    try {
      await (isPattern(mount) ? pool.serviceOf(mount) : pool.ufsOf(mount));
      if (mount.ufs.scheme === 'file') statSync(mount.ufs.directory);
      const { path, listTtlMs } = mount;
      if (listTtlMs !== undefined) log.info({ mount: path, listTtlMs }, 'lists of this mount may lag');
    } catch (error) {
      const { cause } = error as Error;
      if (cause instanceof ConfigError) {
        throw new ConfigError(`mount ${mount.path}: ${cause.message}`, { cause });
      }
      log.warn({ mount: mount.path, reason: String(error) }, 'the UFS of a mount cannot be reached now');
    }
  }
}

/** @throws ConfigError */
async function usableMount(input: MountInput, { config, clock, log }: Parts): Promise<Mount> {
  const mount = mountFor(input, config, clock.wallMs());
  const probe = await openUfs(mount.ufs, { env: process.env, log });
  await probe.close();
  return mount;
}
