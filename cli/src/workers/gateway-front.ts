/** The owner of the workers of a cluster's gateway: it speaks to the registry, and they to clients. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RemoteRegistry } from '@forebay/cluster/registry-client';
import type { Log, LogLevel } from '@forebay/core/log';
import type { Metrics } from '@forebay/core/metrics';
import { plainViewOf } from '@forebay/core/plain-view';
import { fileLocks } from '@forebay/ufs/file/file-locks';
import type { RootCredentials } from '../data-dir.ts';
import type { Front } from '../roles/front.ts';
import { checkPort, urlOf } from '../roles/listening.ts';
import type { Undoing } from '../roles/undoing.ts';
import type { GatewayRoleValues } from '../settings.ts';
import type { ToOwner } from './messages.ts';
import { reportOf } from './reports.ts';
import { LentLocks } from './shared-locks.ts';
import { forkWorkers, type WorkerHandle } from './worker-handle.ts';
import { planWorkers, valuesOfWorker } from './worker-limits.ts';
import { WorkerPool } from './worker-pool.ts';

export interface GatewayFrontOptions {
  /** As they were at the start: each worker follows the settings itself. */
  readonly values: GatewayRoleValues;
  readonly clusterSecret: string;
  readonly root: RootCredentials;
  readonly nodeId: string;
  readonly registry: RemoteRegistry;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly undoing: Undoing;
}

/**
 * Undefined where there is to be one process. Resolves when all workers serve.
 * @throws CommandError where the port is taken; Error where a worker cannot start
 */
export async function startGatewayWorkers(
  options: GatewayFrontOptions,
): Promise<{ readonly front: Front; readonly endpoint: string } | undefined> {
  const { values, registry, metrics, nodeId, clusterSecret, log, undoing } = options;
  if (values.workers === 1) return undefined;
  const directory = directoryOf(values.dataDir, undoing);
  const plan = planWorkers(values, join(directory, 'cells'));
  if (!plan.cells) {
    if (plan.reason) log.warn({ reason: plan.reason }, 'there is one process');
    return undefined;
  }
  const { workers, cellsPath } = plan;
  undoing.add(() => rmSync(cellsPath, { force: true }));
  const { host } = values;
  const port = await checkPort({ host, port: values.port, portFlag: '--port' });
  const kind = { role: 'gateway', codeCache: join(directory, 'code') } as const;
  const { accessKey, secretKey } = options.root;
  const locks = new LentLocks(fileLocks);
  const pool = await WorkerPool.start({
    forked: forkWorkers(workers, kind, undoing),
    kind,
    startOf: () => ({
      ...{ kind: 'start', role: 'gateway', host, port, workers, nodeId, cellsPath, clusterSecret },
      values: valuesOfWorker(values, workers),
      logLevel: log.level as LogLevel,
      rootUser: { accessKey, secretKey },
      view: plainViewOf(registry.view()),
    }),
    onMessage: (message, worker) => takeMessage(message, worker, { registry, locks }),
    ...{ metrics, log },
  });
  undoing.add(registry.watch((view) => pool.update(view)));
  // What changed while they started.
  await pool.update(registry.view());
  const front: Front = {
    read: () => pool.read(),
    report: async (question) => [
      reportOf(question, { log, traffic: undefined, reads: undefined }),
      ...(await pool.report(question)),
    ],
    drain: (deadlineMs) => pool.drain(deadlineMs),
    notReady: () => (pool.servingCount > 0 ? [] : ['no worker serves']),
  };
  return { front, endpoint: urlOf({ host, port }) };
}

/** For what the workers share, in memory and as code. */
function directoryOf(dataDir: string | undefined, undoing: Undoing): string {
  if (dataDir !== undefined) {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    return dataDir;
  }
  const directory = mkdtempSync(join(tmpdir(), 'forebay-gateway-'));
  undoing.add(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

interface AskedFor {
  readonly registry: RemoteRegistry;
  readonly locks: LentLocks;
}

function takeMessage(message: ToOwner, worker: WorkerHandle, { registry, locks }: AskedFor): void {
  if (message.kind === 'lock') locks.lend(worker, message.id, message.name);
  else if (message.kind === 'unlock') locks.takeBack(worker, message.id);
  else if (message.kind === 'renewWriter') {
    const { id, request } = message;
    const tell = (granted: boolean) => worker.send({ kind: 'renewedWriter', id, granted });
    registry.renewWriter(request).then(tell, () => tell(false));
  }
  if (message.kind !== 'refresh') return;
  const { id } = message;
  // Where no registry answers, the last view stays.
  const done = () => worker.send({ kind: 'refreshed', id });
  registry.refresh().then(done, done);
}
