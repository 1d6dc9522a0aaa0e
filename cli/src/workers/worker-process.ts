/** What the workers of every role do alike: listen side by side, answer their owner, end. */
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { ReadSample } from '@forebay/cache-node/curve/read-sample';
import type { Log } from '@forebay/core/log';
import type { Metrics } from '@forebay/core/metrics';
import type { Gateway } from '@forebay/gateway/app';
import type { Undoing } from '../roles/undoing.ts';
import type { ToOwner, ToWorker, WorkerStart } from './messages.ts';
import type { RegistryReplica } from './registry-replica.ts';
import { reportOf } from './reports.ts';
import type { AskedLocks } from './shared-locks.ts';

/** The system deals connections out to all that listen so. */
export async function listenWithOthers(
  server: Server,
  { host, port }: Pick<WorkerStart, 'host' | 'port'>,
): Promise<void> {
  server.listen({ host, port, reusePort: true });
  await once(server, 'listening');
}

export function tell(message: ToOwner): void {
  // Where the owner is gone, so is this process in a moment.
  process.send?.(message, undefined, {}, () => {});
}

export interface WorkerParts {
  readonly registry: RegistryReplica;
  readonly gateway: Gateway;
  readonly metrics: Metrics;
  /** Undefined where the process reads no pages for clients itself. */
  readonly reads: ReadSample | undefined;
  readonly locks: AskedLocks;
  readonly undoing: Undoing;
  readonly log: Log;
}

/** Does what the owner asks of any worker. @returns whether it was such a message */
export function takeCommon(message: ToWorker, parts: WorkerParts): boolean {
  const { registry, gateway, metrics, reads, locks, log } = parts;
  if (message.kind === 'view') {
    registry.update(message.view);
    tell({ kind: 'viewed', id: message.id });
  } else if (message.kind === 'metrics') void tellValues(message.id, metrics);
  else if (message.kind === 'report') {
    const report = reportOf(message.question, { log, traffic: gateway.traffic, reads });
    tell({ kind: 'reported', id: message.id, report });
  } else if (message.kind === 'locked') locks.granted(message.id);
  else if (message.kind === 'drain') void drain(message.deadlineMs, parts);
  else return false;
  return true;
}

async function tellValues(id: number, metrics: Metrics): Promise<void> {
  tell({ kind: 'metrics', id, values: await metrics.values() });
}

async function drain(deadlineMs: number, { gateway, metrics, undoing }: WorkerParts): Promise<void> {
  await gateway.drain(deadlineMs);
  await undoing.run();
  const values = await metrics.values();
  process.send?.({ kind: 'drained', values } satisfies ToOwner, undefined, {}, () => process.exit(0));
}

/** A defect of ours ends the process: the owner starts another. */
export function watchForDefects(log: Log): void {
  const die = (error: unknown) => {
    log.error({ reason: error instanceof Error ? (error.stack ?? error.message) : String(error) }, 'defect');
    process.exit(1);
  };
  process.on('uncaughtException', die);
  process.on('unhandledRejection', die);
}
