/**
 * A worker: a whole gateway, with its own clients for what it sends to UFSs itself, and hot objects in front
 * of the cache node that the owner is. It holds nothing that its end could lose.
 */
import { HotCacheNode } from '@forebay/cache-node/hot/hot-cache-node';
import type { HotFacts, HotQuestion } from '@forebay/cache-node/hot/hot-facts';
import { HotObjects } from '@forebay/cache-node/hot/hot-objects';
import { declareCacheNodeMetrics } from '@forebay/cache-node/metrics';
import { systemClock as clock } from '@forebay/core/clock';
import { createLog } from '@forebay/core/log';
import type { Metrics } from '@forebay/core/metrics';
import type { Mount } from '@forebay/core/mount';
import { RemoteCacheNode } from '@forebay/data-plane/remote-cache-node';
import { createGateway } from '@forebay/gateway/app';
import { fileLocks } from '@forebay/ufs/file/file-locks';
import { accessLinesOf } from '../access-lines.ts';
import { metricsOfProcess } from '../process-metrics.ts';
import { followSettings } from '../roles/follow-settings.ts';
import { openUfsClients } from '../roles/ufs-clients.ts';
import { Undoing } from '../roles/undoing.ts';
import { credentialsOf } from '../roles/users.ts';
import { serveSettings } from '../settings.ts';
import { openTracer } from '../tracing/open-tracer.ts';
import type { ServeWorkerStart, ToWorker } from './messages.ts';
import { OwnerCacheNode } from './owner-cache-node.ts';
import { RegistryReplica } from './registry-replica.ts';
import { openCells } from './shared-cells.ts';
import { AskedLocks } from './shared-locks.ts';
import { ufsShare, valuesOfWorker } from './worker-limits.ts';
import { listenWithOthers, takeCommon, tell, watchForDefects } from './worker-process.ts';

/** Resolves with what takes the owner's further messages, once clients can connect. */
export async function runWorker(start: ServeWorkerStart): Promise<(message: ToWorker) => void> {
  const log = createLog({ level: start.logLevel });
  watchForDefects(log);
  const undoing = new Undoing(log);
  const registry = new RegistryReplica(start.view);
  const { values } = followSettings(serveSettings, start.values, {
    ...{ registry, log },
    // Whether someone looks at a terminal is for the owner to know.
    logLevelOf: ({ logLevel }) => (logLevel === 'auto' ? start.logLevel : logLevel),
    shareOf: (all) => valuesOfWorker(all, start.workers, ufsShare),
  });
  const metrics = metricsOfProcess(undoing, 'serve');
  const { pool } = openUfsClients({ registry, metrics, values, log, undoing });
  const cells = openCells(start.cellsPath);
  const questions = new Questions();
  const locks = new AskedLocks(tell);
  fileLocks.shareBy(locks.take);
  const cacheNode = await openCacheNode(start, { metrics, questions, cells, undoing });
  const { nodeId } = start;
  const tracer = await openTracer({ values, role: 'worker', nodeId, log, undoing });
  const gateway = createGateway({
    registry,
    cacheNode,
    ufsOf: (mount: Mount) => pool.ufsOf(mount),
    serviceOf: (pattern: Mount) => pool.serviceOf(pattern),
    credentials: credentialsOf(start.rootUser, registry),
    settings: values,
    metrics,
    tracer,
    openAccessLines: accessLinesOf({ values, log, undoing }),
    clock,
    log,
    cells,
  });
  await listenWithOthers(gateway.createServer(), start);
  tell({ kind: 'serving' });
  const parts = { registry, gateway, metrics, reads: cacheNode.reads, locks, undoing, log };
  return (message) => {
    if (takeCommon(message, parts)) return;
    if (message.kind === 'facts') questions.answered(message.id, message.facts);
  };
}

interface CacheNodeParts {
  readonly metrics: Metrics;
  readonly questions: Questions;
  readonly cells: ReturnType<typeof openCells>;
  readonly undoing: Undoing;
}

async function openCacheNode(
  { values, dataPlane, nodeId }: ServeWorkerStart,
  { metrics, questions, cells, undoing }: CacheNodeParts,
): Promise<HotCacheNode> {
  const owner = await RemoteCacheNode.connect(dataPlane);
  undoing.add(() => owner.close());
  const { hotObjectsMax, hotMemorySizeBytes, hotFilesMax } = values;
  const hot = new HotObjects({
    cells,
    clock,
    nodeId,
    objectsMax: hotObjectsMax,
    memoryBytesMax: hotMemorySizeBytes,
    filesMax: hotFilesMax,
  });
  const cacheNode = new HotCacheNode({
    home: new OwnerCacheNode(owner),
    hot,
    askFacts: (question) => questions.ask(question),
    tellUses: (uses) => tell({ kind: 'uses', uses }),
    metrics: declareCacheNodeMetrics(metrics),
    clock,
  });
  undoing.add(() => cacheNode.close());
  return cacheNode;
}

/** Questions to the owner that have no answer yet. */
class Questions {
  readonly #waiting = new Map<number, (facts: HotFacts | undefined) => void>();
  #nextId = 1;

  ask({ object, first, endExclusive }: HotQuestion): Promise<HotFacts | undefined> {
    const { mount, ufsKey, versionId } = object;
    const id = this.#nextId;
    this.#nextId += 1;
    const question = { mountPath: mount.path, bucket: mount.bucket, ufsKey, versionId, first, endExclusive };
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      tell({ kind: 'ask', id, question });
    });
  }

  answered(id: number, facts: HotFacts | undefined): void {
    this.#waiting.get(id)?.(facts);
    this.#waiting.delete(id);
  }
}
