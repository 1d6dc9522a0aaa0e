/** What a cache node of a cluster tells of itself under `/v1/`: for who looks for a fault. */
import type { NodeStats } from '@forebay/core/cache-node';
import type { Epoch } from '@forebay/core/membership';
import type { Hono } from 'hono';
import { type ObjectDeps, objectRoutes } from './objects.ts';

/** Of a node's lease. */
export interface LeaseState {
  readonly wish: string;
  readonly isLeased: boolean;
  isSettled(): boolean;
  readonly reason: string | undefined;
  readonly ring: { readonly epoch: Epoch } | undefined;
}

export interface NodeStateDeps extends ObjectDeps {
  readonly lease: LeaseState;
  readonly stats: () => Promise<NodeStats>;
}

export function nodeStateRoutes(app: Hono, deps: NodeStateDeps): void {
  const { lease } = deps;
  app.get('/v1/state', async (c) =>
    c.json({
      stats: await deps.stats(),
      wish: lease.wish,
      leased: lease.isLeased,
      settled: lease.isSettled(),
      ...(lease.reason !== undefined && { notHomeBecause: lease.reason }),
      epoch: lease.ring?.epoch,
    }),
  );
  objectRoutes(app, deps, '/v1/stat');
}
