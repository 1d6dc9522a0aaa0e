/**
 * The owner's side of several workers: the data plane that they reach its cache node by, answers to what they
 * ask, and what they are told.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { LocalCacheNode } from '@forebay/cache-node/local-cache-node';
import type { Log, LogLevel } from '@forebay/core/log';
import type { Metrics } from '@forebay/core/metrics';
import type { ObjectRef } from '@forebay/core/mount';
import { plainViewOf } from '@forebay/core/plain-view';
import type { Registry, RegistryView } from '@forebay/core/registry';
import type { Tracer } from '@forebay/core/tracing';
import { CacheNodeServer } from '@forebay/data-plane/cache-node-server';
import { fileLocks } from '@forebay/ufs/file/file-locks';
import type { DataDir, RootCredentials } from '../data-dir.ts';
import type { Front } from '../roles/front.ts';
import type { Undoing } from '../roles/undoing.ts';
import type { ServeValues } from '../settings.ts';
import type { PlainQuestion, ToOwner } from './messages.ts';
import { reportOf } from './reports.ts';
import { LentLocks } from './shared-locks.ts';
import type { WorkerHandle, WorkerKind } from './worker-handle.ts';
import { ufsShare, valuesOfWorker } from './worker-limits.ts';
import { WorkerPool } from './worker-pool.ts';

export interface StartWorkersOptions {
  readonly forked: readonly WorkerHandle[];
  readonly host: string;
  readonly port: number;
  readonly values: ServeValues;
  readonly dataDir: DataDir;
  readonly cellsPath: string;
  readonly rootUser: RootCredentials;
  readonly registry: Registry;
  readonly cacheNode: LocalCacheNode;
  readonly metrics: Metrics;
  readonly tracer: Tracer | undefined;
  readonly log: Log;
  readonly undoing: Undoing;
}

/**
 * TCP also within this machine: pages of files go through it by reference, where a Unix socket has them
 * copied. Who does not have the secret is told nothing there.
 */
const anyLocalPort = { host: '127.0.0.1', port: 0 };

/** Resolves when all workers serve. @throws Error where one cannot start; nothing is left then */
export async function startWorkers(options: StartWorkersOptions): Promise<Front> {
  const { forked, host, port, values, registry, cacheNode, metrics, log, undoing } = options;
  const secret = randomBytes(32).toString('base64url');
  const mounts = () => registry.view().mounts;
  const dataPlane = new CacheNodeServer({ node: cacheNode, mounts, secret, log, tracer: options.tracer });
  undoing.add(() => dataPlane.close());
  const address = await dataPlane.listen(anyLocalPort);
  const locks = new LentLocks(fileLocks);
  const pool = await WorkerPool.start({
    forked,
    kind: serveWorkers(options.dataDir),
    startOf: () => ({
      kind: 'start',
      role: 'serve',
      host,
      port,
      values: valuesOfWorker(values, forked.length, ufsShare),
      workers: forked.length,
      logLevel: log.level as LogLevel,
      nodeId: cacheNode.nodeId,
      rootUser: { accessKey: options.rootUser.accessKey, secretKey: options.rootUser.secretKey },
      cellsPath: options.cellsPath,
      dataPlane: { address, secret },
      view: plainViewOf(registry.view()),
    }),
    onMessage: (message, worker) => takeMessage(message, worker, { cacheNode, registry, locks }),
    metrics,
    log,
  });
  undoing.add(registry.watch((view: RegistryView) => pool.update(view)));
  return {
    read: () => pool.read(),
    report: async (question) => [
      reportOf(question, { log, traffic: undefined, reads: cacheNode.reads }),
      ...(await pool.report(question)),
    ],
    drain: (deadlineMs) => pool.drain(deadlineMs),
    notReady: () => (pool.servingCount > 0 ? [] : ['no worker serves']),
  };
}

export function serveWorkers({ path }: DataDir): WorkerKind {
  return { role: 'serve', codeCache: join(path, 'code') };
}

interface AskedFor {
  readonly cacheNode: LocalCacheNode;
  readonly registry: Registry;
  readonly locks: LentLocks;
}

function takeMessage(message: ToOwner, worker: WorkerHandle, { cacheNode, registry, locks }: AskedFor): void {
  if (message.kind === 'uses') cacheNode.noteUses(message.uses);
  else if (message.kind === 'lock') locks.lend(worker, message.id, message.name);
  else if (message.kind === 'unlock') locks.takeBack(worker, message.id);
  if (message.kind !== 'ask') return;
  const { id, question } = message;
  const { first, endExclusive } = question;
  const object = objectOf(question, registry.view());
  const facts = object && cacheNode.factsOf({ object, first, endExclusive });
  worker.send({ kind: 'facts', id, facts });
}

function objectOf(question: PlainQuestion, { mounts }: RegistryView): ObjectRef | undefined {
  const { mountPath, bucket, ufsKey, versionId } = question;
  const mount = mounts.ofBucket(bucket).find(({ path }) => path === mountPath);
  return mount && { mount, ufsKey, versionId };
}
