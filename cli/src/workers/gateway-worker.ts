/**
 * A worker of a cluster's gateway: what a gateway of one process is, but that its owner alone speaks to the
 * registry, for all of them.
 */
import { systemClock as clock } from '@forebay/core/clock';
import { createLog } from '@forebay/core/log';
import type { WriterRenewal } from '@forebay/core/membership';
import { createGateway } from '@forebay/gateway/app';
import { fileLocks } from '@forebay/ufs/file/file-locks';
import { accessLinesOf } from '../access-lines.ts';
import { metricsOfProcess } from '../process-metrics.ts';
import { followSettings } from '../roles/follow-settings.ts';
import { openNodes } from '../roles/routed-node.ts';
import { openUfsClients } from '../roles/ufs-clients.ts';
import { Undoing } from '../roles/undoing.ts';
import { credentialsOf } from '../roles/users.ts';
import { gatewayRoleSettings } from '../settings.ts';
import { openTracer } from '../tracing/open-tracer.ts';
import type { GatewayWorkerStart, ToOwner, ToWorker } from './messages.ts';
import { RegistryReplica } from './registry-replica.ts';
import { openCells } from './shared-cells.ts';
import { AskedLocks } from './shared-locks.ts';
import { valuesOfWorker } from './worker-limits.ts';
import { listenWithOthers, takeCommon, tell, watchForDefects } from './worker-process.ts';

/** Resolves with what takes the owner's further messages, once clients can connect. */
export async function runWorker(start: GatewayWorkerStart): Promise<(message: ToWorker) => void> {
  const log = createLog({ level: start.logLevel });
  watchForDefects(log);
  const undoing = new Undoing(log);
  const registry = new RegistryReplica(start.view);
  const { values } = followSettings(gatewayRoleSettings, start.values, {
    ...{ registry, log },
    // Whether someone looks at a terminal is for the owner to know.
    logLevelOf: ({ logLevel }) => (logLevel === 'auto' ? start.logLevel : logLevel),
    shareOf: (all) => valuesOfWorker(all, start.workers),
  });
  const metrics = metricsOfProcess(undoing, 'gateway');
  const { pool } = openUfsClients({ registry, metrics, values, log, undoing });
  const locks = new AskedLocks(tell);
  fileLocks.shareBy(locks.take);
  const asked = new Asked();
  const { nodeId, clusterSecret } = start;
  const view = {
    view: () => registry.view(),
    watch: (listener: Parameters<typeof registry.watch>[0]) => registry.watch(listener),
    refresh: async () => void (await asked.ask((id) => ({ kind: 'refresh', id }))),
    renewWriter: (request: WriterRenewal) => asked.ask((id) => ({ kind: 'renewWriter', id, request })),
  };
  const cacheNode = openNodes({ registry: view, nodeId, metrics, pool, clusterSecret, values, log, undoing });
  const tracer = await openTracer({ values, role: 'worker', nodeId, log, undoing });
  const gateway = createGateway({
    ...{ settings: values, registry, cacheNode, metrics, tracer, clock, log },
    openAccessLines: accessLinesOf({ values, log, undoing }),
    credentials: credentialsOf(start.rootUser, registry),
    ufsOf: (mount) => pool.ufsOf(mount),
    serviceOf: (pattern) => pool.serviceOf(pattern),
    cells: openCells(start.cellsPath),
  });
  await listenWithOthers(gateway.createServer(), start);
  tell({ kind: 'serving' });
  const parts = { registry, gateway, metrics, reads: undefined, locks, undoing, log };
  return (message) => {
    if (takeCommon(message, parts)) return;
    if (message.kind === 'refreshed') asked.done(message.id, true);
    else if (message.kind === 'renewedWriter') asked.done(message.id, message.granted);
  };
}

/** Asked of the owner, who speaks to the registry. */
class Asked {
  readonly #waiting = new Map<number, (answer: boolean) => void>();
  #nextId = 1;

  ask(question: (id: number) => ToOwner): Promise<boolean> {
    const id = this.#nextId;
    this.#nextId += 1;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      tell(question(id));
    });
  }

  done(id: number, answer: boolean): void {
    this.#waiting.get(id)?.(answer);
    this.#waiting.delete(id);
  }
}
